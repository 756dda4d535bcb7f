"""`orderwright demo`: plays every scene, goes on when a claim fails, cleans up, and exits with 1 if one was false."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import httpx
import msgspec
import typer

from orderwright.cli import exits
from orderwright.cli.demo.audit import LAST_WORD
from orderwright.cli.demo.cast import Cast
from orderwright.cli.demo.disaster import WORSE_DAY
from orderwright.cli.demo.scenes import QUIET_DAY, Memory, Scene
from orderwright.cli.demo.screen import Screen
from orderwright.cli.demo.stage import Stage
from orderwright.cli.output import complain, console
from orderwright.clock import monotonic
from orderwright.errors import OrderwrightError

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo() -> None:
    """Show the whole product at work in under a minute: real processes, real HTTP, a real `kill -9`.

    Everything happens in a temporary folder and on 127.0.0.1, and nothing is left of it. Each claim on the screen is
    checked against the exchange's own books or the log; exits with 1 if one is not true.
    """
    screen = Screen(console)
    try:
        with _interruptible():
            play(screen, (*QUIET_DAY, *WORSE_DAY, *LAST_WORD))
    except KeyboardInterrupt:
        complain("orderwright: the demo was stopped; nothing of it is left.")
        raise typer.Exit(exits.INTERRUPTED) from None
    if screen.failures:
        raise typer.Exit(exits.FAILED)


def play(screen: Screen, scenes: Sequence[Scene]) -> None:
    """Play the scenes in a temporary place and show them on the screen; whatever happens, nothing is left behind."""
    began = monotonic()
    screen.title(
        "Orderwright demo",
        "Signals become orders exactly once. What follows is real: processes, HTTP, PostgreSQL, and a paper exchange "
        "with its own books. Only the money and the prices are made up.",
    )
    stage = Stage()
    cast, memory = Cast(stage, screen), Memory()
    try:
        for number, scene in enumerate(scenes):
            if not _is_played(scene, cast, memory) and number == 0:
                # Without an engine there is nothing to show.
                break
    finally:
        cast.close()
        with _uninterrupted():
            left = stage.close()
    screen.claim("Every process has ended, and the temporary folder is gone.", left)
    screen.summary((*memory.facts, f"It took {monotonic() - began:.0f} s. How to go on stands in README.md."))


def _is_played(scene: Scene, cast: Cast, memory: Memory) -> bool:
    try:
        scene(cast, memory)
    except (OrderwrightError, httpx.HTTPError, msgspec.MsgspecError, ValueError, LookupError) as exc:
        # A part that fails is evidence too: it counts, and the rest is still shown.
        cast.screen.claim("This step can be carried out.", (f"{type(exc).__name__}: {exc}",))
        return False
    return True


@contextmanager
def _interruptible() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
