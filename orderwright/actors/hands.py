"""The threads that rooms share: one hand takes turns at all of them, and another takes over while it is held up."""

import threading
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import Protocol

from orderwright.clock import monotonic

_LOOK_SECONDS = 0.1
_LAST_TURNS_SECONDS = 0.5
_HANDS = count(1)


class Turner(Protocol):
    """Something that has work for a hand."""

    @property
    def at(self) -> str:
        """Return what the hand's thread is called meanwhile, for dumps of all stacks."""
        ...

    def take_turn(self) -> None:
        """Work through what is there, then return; it never raises."""
        ...


class Hands:
    """Gives turns in the order in which they were wanted.

    Rooms never block, so one thread is enough, and handing a message from room to room costs no switch of threads. But
    nobody's turn may hold up the others': while one lasts for `held_up_after` seconds and somebody waits, another hand
    goes on with the rest, and the first ends with its turn. There are never more hands than rooms that hang, and one.
    """

    def __init__(self, *, held_up_after: float = _LOOK_SECONDS) -> None:
        self._wanted: SimpleQueue[Turner | None] = SimpleQueue()
        self._look_every = held_up_after
        self._closed = threading.Event()
        self._hands: list[_Hand] = []
        self._serving: _Hand | None = None
        self._engage()
        self._overseer = threading.Thread(target=self._oversee, name="hands", daemon=True)
        self._overseer.start()

    def want(self, turner: Turner) -> None:
        """Let it have a turn; it must not want another one before that has begun."""
        self._wanted.put(turner)

    def is_serving(self, hand: "_Hand") -> bool:
        """Whether the hand is to go on."""
        return hand is self._serving

    def close(self) -> None:
        """Give no more turns, once those that are wanted now have been given; wait a moment for that."""
        self._closed.set()
        # First: it may be engaging another hand right now.
        self._overseer.join()
        for _ in self._hands:
            self._wanted.put(None)
        ends = monotonic() + _LAST_TURNS_SECONDS
        for hand in self._hands:
            hand.join(max(0.0, ends - monotonic()))

    def _engage(self) -> None:
        hand = _Hand(self._wanted.get, self.is_serving)
        self._hands = [*(known for known in self._hands if known.is_alive), hand]
        self._serving = hand
        hand.start()

    def _oversee(self) -> None:
        turn: int | None = 0
        while not self._closed.wait(self._look_every):
            before, turn = turn, self._turn_under_way
            if turn is None or (turn and turn == before and not self._wanted.empty()):
                self._engage()
                turn = 0

    @property
    def _turn_under_way(self) -> int | None:
        # None: a hand must never be lost, whatever became of its last turn.
        return self._serving.turn if self._serving is not None and self._serving.is_alive else None


class _Hand:
    """`turn` numbers the turn that it gives, and is 0 while it gives none."""

    def __init__(self, next_turner: Callable[[], Turner | None], is_serving: "Callable[[_Hand], bool]") -> None:
        self._next_turner = next_turner
        self._is_serving = is_serving
        self._turns = count(1)
        self.turn = 0
        self._thread = threading.Thread(target=self._run, name=f"hand-{next(_HANDS)}", daemon=True)
        self._idle_name = self._thread.name

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while (turner := self._next_turner()) is not None:
            self.turn = next(self._turns)
            self._thread.name = turner.at
            turner.take_turn()
            self.turn = 0
            if not self._is_serving(self):
                break
        self._thread.name = self._idle_name
