"""How the demo speaks: numbered steps, requests with their answers, and claims with what speaks against them."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import islice

from msgspec import Struct
from rich.console import Console
from rich.text import Text

_INDENT = 4
_LONGEST_LINE = 118
_MOST_EVIDENCE = 5


class Failure(Struct, frozen=True, kw_only=True):
    """A claim that is not true, in which step, and what speaks against it."""

    step: int
    claim: str
    against: tuple[str, ...]


class Screen:
    """Writes to a console, and counts what was claimed. Without a terminal it is plain text."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = 0
        self.claims = 0
        self.failures: list[Failure] = []

    def title(self, title: str, text: str) -> None:
        """Write what comes first."""
        self._line(Text(title, style="bold"))
        self._line(Text(text))

    def step(self, title: str, text: str = "") -> None:
        """Begin the next numbered step."""
        self._step += 1
        self._console.print()
        self._line(Text(f"{self._step:>2}  {title}", style="bold cyan"))
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """Write a sentence of the story."""
        self._line(Text(" " * _INDENT + text))

    def sent(self, request: str, *more: str) -> None:
        """Show a request, or a command; what does not fit into a line is cut off."""
        self._exchange(">", (request, *more))

    def answered(self, answer: str, *more: str) -> None:
        """Show what came back."""
        self._exchange("<", (answer, *more))

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """Return a context in which a terminal shows that something takes its time."""
        return self._console.status(text)

    def claim(self, sentence: str, against: Iterable[str]) -> None:
        """Show a claim as checked, or as not true with what speaks against it."""
        self.claims += 1
        evidence = tuple(islice(against, _MOST_EVIDENCE + 1))
        if not evidence:
            self._line(Text(" " * _INDENT).append("checked", style="bold green").append(f"  {sentence}"))
            return
        self.failures.append(Failure(step=self._step, claim=sentence, against=evidence))
        self._line(Text(" " * _INDENT).append("NOT TRUE", style="bold red").append(f" {sentence}"))
        for line in evidence[:_MOST_EVIDENCE]:
            self._line(Text(" " * 2 * _INDENT + line, style="red"))
        if len(evidence) > _MOST_EVIDENCE:
            self._line(Text(" " * 2 * _INDENT + "and more", style="red"))

    def summary(self, facts: Iterable[str]) -> None:
        """Write what came of it all."""
        self._console.print()
        kept = self.claims - len(self.failures)
        if self.failures:
            self._line(Text(f"{len(self.failures)} of {self.claims} claims are NOT TRUE:", style="bold red"))
            for failure in self.failures:
                self._line(Text(f"  step {failure.step}: {failure.claim}", style="red"))
        else:
            self._line(Text(f"All {kept} claims were checked, and are true.", style="bold green"))
        for fact in facts:
            self.say(fact)

    def _exchange(self, sign: str, lines: Iterable[str]) -> None:
        width = min(self._console.width, _LONGEST_LINE) if self._console.is_terminal else _LONGEST_LINE
        for number, line in enumerate(lines):
            shown = " " * _INDENT + (" " * len(sign) if number else sign) + " " + line
            self._line(Text(shown if len(shown) <= width else shown[: width - 3] + "...", style="dim"))

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)
