"""How rooms share threads: in order, on one thread as long as nobody hangs, and past whoever does."""

import queue
import threading
from collections.abc import Iterator

import pytest

from orderwright.actors.hands import Hands

PATIENCE = 5.0


class Worker:
    """Writes down the thread of each of its turns; a turn lasts until `go_on`."""

    def __init__(self, at: str, turns: "queue.SimpleQueue[tuple[str, int]]") -> None:
        self.at = at
        self.go_on = threading.Event()
        self.go_on.set()
        self._turns = turns

    def take_turn(self) -> None:
        self._turns.put((self.at, threading.get_ident()))
        self.go_on.wait(PATIENCE)


class Broken:
    at = "broken"

    def take_turn(self) -> None:
        message = "it must not"
        raise RuntimeError(message)


class Stage:
    def __init__(self) -> None:
        self.turns: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self.hands = Hands(held_up_after=0.02)
        self.workers = [Worker(f"worker {number}", self.turns) for number in range(4)]

    def next(self) -> tuple[str, int]:
        return self.turns.get(timeout=PATIENCE)

    def threads(self) -> set[int]:
        return {thread.ident or 0 for thread in threading.enumerate()}


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    for worker in stage.workers:
        worker.go_on.set()
    stage.hands.close()


def test_turns_are_given_in_the_order_in_which_they_were_wanted_and_on_one_thread(stage: Stage) -> None:
    for worker in (*stage.workers, *stage.workers):
        stage.hands.want(worker)
    turns = [stage.next() for _ in range(8)]
    assert [at for at, _thread in turns] == [worker.at for worker in (*stage.workers, *stage.workers)]
    assert len({thread for _at, thread in turns}) == 1


def test_those_that_hang_hold_up_nobody(stage: Stage) -> None:
    *hanging, last = stage.workers
    for worker in hanging:
        worker.go_on.clear()
        stage.hands.want(worker)
    stage.hands.want(last)
    turns = [stage.next() for _ in stage.workers]
    assert [at for at, _thread in turns] == [worker.at for worker in stage.workers]
    assert len({thread for _at, thread in turns}) == 4


def test_a_thread_that_was_held_up_ends_with_its_turn(stage: Stage) -> None:
    hanging, other, *_ = stage.workers
    hanging.go_on.clear()
    stage.hands.want(hanging)
    stage.hands.want(other)
    (_, held_up), (_, serving) = stage.next(), stage.next()
    hanging.go_on.set()
    for thread in threading.enumerate():
        if thread.ident == held_up:
            thread.join(PATIENCE)
    assert held_up not in stage.threads()
    stage.hands.want(hanging)
    assert stage.next() == (hanging.at, serving)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_turn_that_broke_its_thread_is_not_the_last_one(stage: Stage) -> None:
    stage.hands.want(Broken())
    stage.hands.want(stage.workers[0])
    assert stage.next()[0] == stage.workers[0].at


class Hesitant(Hands):
    """Hands whose overseer takes its time over engaging another one."""

    def __init__(self) -> None:
        self.engaging, self.go_on = threading.Event(), threading.Event()
        super().__init__(held_up_after=0.02)

    def _engage(self) -> None:
        if threading.current_thread().name == "hands":
            self.engaging.set()
            self.go_on.wait(PATIENCE)
        super()._engage()


def test_a_hand_that_is_engaged_at_the_end_ends_as_well(stage: Stage) -> None:
    before = threading.active_count()
    hands = Hesitant()
    slow, other, *_ = stage.workers
    slow.go_on.clear()
    hands.want(slow)
    hands.want(other)
    assert hands.engaging.wait(PATIENCE)
    slow.go_on.set()
    assert [stage.next()[0], stage.next()[0]] == [slow.at, other.at]
    closing = threading.Thread(target=hands.close)
    closing.start()
    closing.join(0.05)
    hands.go_on.set()
    closing.join(PATIENCE)
    assert threading.active_count() == before


def test_what_was_wanted_before_the_end_is_given_and_no_thread_is_left() -> None:
    before = threading.active_count()
    stage = Stage()
    for worker in stage.workers:
        stage.hands.want(worker)
    stage.hands.close()
    assert [stage.next()[0] for _ in stage.workers] == [worker.at for worker in stage.workers]
    assert threading.active_count() == before
