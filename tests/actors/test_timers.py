"""The timers' thread: in order of time, whatever the order of asking, and nothing after it was closed."""

import threading
from collections.abc import Iterator

import pytest

from orderwright.actors.timers import Timers
from orderwright.clock import monotonic


@pytest.fixture
def timers() -> Iterator[Timers]:
    running = Timers()
    yield running
    running.close()


def test_what_is_due_first_comes_first(timers: Timers) -> None:
    done = threading.Event()
    happened: list[str] = []
    timers.after(0.06, done.set)
    timers.after(0.04, lambda: happened.append("later"))
    timers.after(0.01, lambda: happened.append("sooner"))
    assert done.wait(5)
    assert happened == ["sooner", "later"]


def test_equal_moments_keep_the_order_of_asking(timers: Timers) -> None:
    done = threading.Event()
    happened: list[int] = []
    for number in range(20):
        timers.after(0, lambda number=number: happened.append(number))  # type: ignore[misc]
    timers.after(0.02, done.set)
    assert done.wait(5)
    assert happened == list(range(20))


def test_nothing_comes_early(timers: Timers) -> None:
    done = threading.Event()
    began = monotonic()
    timers.after(0.05, done.set)
    assert done.wait(5)
    assert monotonic() - began >= 0.05


def test_closing_forgets_what_is_not_due() -> None:
    timers = Timers()
    happened: list[str] = []
    timers.after(60, lambda: happened.append("never"))
    timers.close()
    assert happened == []
    assert not any(thread.name == "timers" and thread.is_alive() for thread in threading.enumerate())
