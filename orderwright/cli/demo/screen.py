"""How the demo speaks: numbered steps, requests with their answers, and claims with what speaks against them."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from itertools import islice
from textwrap import wrap

from msgspec import Struct
from rich.console import Console
from rich.text import Text

_INDENT = 4
_WIDEST = 118
_MOST_LINES = 3
_MOST_EVIDENCE = 5
_LAST_WORDS = 8


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
        self._paragraph(text, first="")

    def step(self, title: str, text: str = "") -> None:
        """Begin the next numbered step."""
        self._step += 1
        self._console.print()
        self._line(Text(f"{self._step:>2}  {title}", style="bold cyan"))
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        """Write a sentence of the story."""
        self._paragraph(text, first=" " * _INDENT)

    def sent(self, request: str, *more: str) -> None:
        """Show a request, or a command; what does not fit into three lines is cut off."""
        self._exchange("> ", (request, *more))

    def answered(self, answer: str, *more: str) -> None:
        """Show what came back."""
        self._exchange("< ", (answer, *more))

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """Return a context in which a terminal shows that something takes its time."""
        return self._console.status(text)

    def claim(self, sentence: str, against: Iterable[str]) -> None:
        """Show a claim as checked, or as not true with what speaks against it."""
        self.claims += 1
        evidence = tuple(islice(against, _MOST_EVIDENCE + 1))
        if not evidence:
            self._paragraph(sentence, first=" " * _INDENT + "checked  ", marked="bold green")
            return
        self.failures.append(Failure(step=self._step, claim=sentence, against=evidence))
        self._paragraph(sentence, first=" " * _INDENT + "NOT TRUE ", marked="bold red")
        for one in evidence[:_MOST_EVIDENCE]:
            # Of a program's last words, the very last tell the most.
            for line in one.splitlines()[-_LAST_WORDS:]:
                self._paragraph(line, first=" " * 2 * _INDENT, style="red")
        if len(evidence) > _MOST_EVIDENCE:
            self._paragraph("and more", first=" " * 2 * _INDENT, style="red")

    def summary(self, facts: Iterable[str]) -> None:
        """Write what came of it all."""
        self._console.print()
        if self.failures:
            self._line(Text(f"{len(self.failures)} of {self.claims} claims are NOT TRUE:", style="bold red"))
            for failure in self.failures:
                self._paragraph(f"step {failure.step}: {failure.claim}", first="  ", style="red")
        else:
            self._line(Text(f"All {self.claims} claims were checked, and are true.", style="bold green"))
        for fact in facts:
            self.say(fact)

    @property
    def _width(self) -> int:
        return min(self._console.width, _WIDEST) if self._console.is_terminal else _WIDEST

    def _exchange(self, sign: str, lines: Iterable[str]) -> None:
        for number, line in enumerate(lines):
            first = " " * _INDENT + (" " * len(sign) if number else sign)
            own = len(line) - len(line.lstrip())
            self._paragraph(line.lstrip(), first=first + " " * own, style="dim", most_lines=_MOST_LINES)

    def _paragraph(
        self, text: str, *, first: str, style: str = "", marked: str = "", most_lines: int | None = None
    ) -> None:
        room = max(self._width - len(first), _MOST_LINES)
        lines = wrap(text, width=room, break_on_hyphens=False, max_lines=most_lines, placeholder=" ...")
        for number, line in enumerate(lines):
            begin = Text(" " * len(first) if number else first, style=style if number else marked or style)
            self._line(begin.append(line, style=style or "default"))

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)
