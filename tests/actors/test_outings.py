"""Calls that block on an exchange: those that hang hold up nobody for long, however many they are."""

import queue
import threading
from collections.abc import Iterator

import pytest

from orderwright.actors.outings import Outings
from orderwright.actors.timers import Timers

PATIENCE = 5.0
AT_ONCE = 3


class Stage:
    def __init__(self) -> None:
        self.timers = Timers()
        self.outings = Outings(name="out-", at_once=AT_ONCE, later=self.timers.after, held_up_after=0.05)
        self.begun: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.go_on = threading.Event()

    def send(self, number: int, *, hangs: bool = False) -> None:
        def call() -> None:
            self.begun.put(number)
            if hangs:
                self.go_on.wait(PATIENCE)

        self.outings.start(call)

    def next(self) -> int:
        return self.begun.get(timeout=PATIENCE)

    def out(self) -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("out-")]


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.go_on.set()
    for thread in stage.out():
        thread.join(PATIENCE)
    stage.timers.close()


def test_calls_are_made_in_the_order_in_which_they_came_by_few_threads(stage: Stage) -> None:
    for number in range(50):
        stage.send(number)
        assert len(stage.out()) <= AT_ONCE
    assert sorted(stage.next() for _ in range(50)) == list(range(50))


def test_no_more_than_so_many_are_out_as_long_as_none_is_held_up() -> None:
    stage = Stage()
    held: list[float] = []
    patient = Outings(name="out-", at_once=AT_ONCE, later=lambda after, _act: held.append(after), held_up_after=60)
    stage.outings = patient
    for _ in range(AT_ONCE + 2):
        stage.send(1, hangs=True)
    assert [stage.next() for _ in range(AT_ONCE)] == [1] * AT_ONCE
    assert (stage.begun.empty(), held) == (True, [60])
    stage.go_on.set()
    assert [stage.next() for _ in range(2)] == [1, 1]
    for thread in stage.out():
        thread.join(PATIENCE)
    stage.timers.close()


def test_any_number_that_hang_hold_up_nobody_for_long(stage: Stage) -> None:
    for number in range(7 * AT_ONCE):
        stage.send(number, hangs=True)
    stage.send(99)
    assert [stage.next() for _ in range(7 * AT_ONCE + 1)][-1] == 99


def test_threads_end_when_nothing_is_left_to_do(stage: Stage) -> None:
    stage.send(1)
    assert stage.next() == 1
    for thread in stage.out():
        thread.join(PATIENCE)
    assert stage.out() == []


def test_what_has_not_begun_at_the_end_is_forgotten(stage: Stage) -> None:
    for number in range(AT_ONCE + 1):
        stage.send(number, hangs=True)
    stage.outings.close()
    stage.send(50)
    stage.go_on.set()
    assert sorted(stage.next() for _ in range(AT_ONCE)) == list(range(AT_ONCE))
    for thread in stage.out():
        thread.join(PATIENCE)
    assert stage.begun.empty()
