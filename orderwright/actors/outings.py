"""Calls that block on an exchange: a few at a time, and past those that hang."""

import threading
from collections import deque
from collections.abc import Callable
from itertools import count

from orderwright.clock import monotonic

_HELD_UP_SECONDS = 0.25


class Outings:
    """Makes calls on threads of its own, in the order in which they came.

    At most `at_once` are under way, but whoever is out for `held_up_after` seconds does not count any more: of any
    number of exchanges that hang, none holds up the others for longer. `later` calls something after some seconds.
    """

    def __init__(
        self,
        *,
        name: str,
        at_once: int,
        later: Callable[[float, Callable[[], None]], None],
        held_up_after: float = _HELD_UP_SECONDS,
    ) -> None:
        self._name = name
        self._at_once = at_once
        self._later = later
        self._held_up_after = held_up_after
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._out: dict[int, float] = {}
        self._will_look = False
        self._is_closed = False

    def start(self, call: Callable[[], None]) -> None:
        """Make the call as soon as it can be made; it must not raise. Once closed, it is forgotten."""
        with self._lock:
            if not self._is_closed:
                self._waiting.append(call)
                self._send_out()

    def close(self) -> None:
        """Forget what has not begun."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()

    @property
    def _room(self) -> int:
        since = monotonic() - self._held_up_after
        return self._at_once - sum(left > since for left in self._out.values())

    def _send_out(self) -> None:
        for _ in range(min(self._room, len(self._waiting))):
            number = next(self._numbers)
            self._out[number] = monotonic()
            name = f"{self._name}{number}"
            threading.Thread(target=self._run, args=(number, self._waiting.popleft()), name=name, daemon=True).start()
        if self._waiting and not self._will_look:
            self._will_look = True
            self._later(self._held_up_after, self._look)

    def _look(self) -> None:
        with self._lock:
            self._will_look = False
            self._send_out()

    def _run(self, number: int, call: Callable[[], None] | None) -> None:
        while call is not None:
            call()
            call = self._next(number)

    def _next(self, number: int) -> Callable[[], None] | None:
        with self._lock:
            del self._out[number]
            if not self._waiting or not self._room:
                return None
            self._out[number] = monotonic()
            return self._waiting.popleft()
