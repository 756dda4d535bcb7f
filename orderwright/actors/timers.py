"""One thread that wakes up for whoever asked to be told something later."""

import heapq
import threading
from collections.abc import Callable
from itertools import count

from orderwright.clock import monotonic


class Timers:
    """Calls functions after a delay, each on the timer's thread: they must be short."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def after(self, delay: float, act: Callable[[], None]) -> None:
        """Call `act` after `delay` seconds, unless closed before."""
        with self._changed:
            heapq.heappush(self._due, (monotonic() + delay, next(self._order), act))
            self._changed.notify()

    def close(self) -> None:
        """Forget what is not due yet and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (act := self._next()) is not None:
            act()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._is_closed:
                if not self._due:
                    self._changed.wait()
                    continue
                left = self._due[0][0] - monotonic()
                if left <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(left)
            return None
