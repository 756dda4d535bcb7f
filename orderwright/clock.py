"""The only place that reads the machine's clocks; everything else is given the time as an argument."""

import time
from typing import Protocol

from orderwright.moments import Micros

# Only Linux has it; elsewhere a machine that was put to sleep is found out a little later.
_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """Tells the time; proofs put a virtual one in its place."""

    def now(self) -> Micros:
        """Return the current moment."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> Micros:
        """Return the current moment."""
        return Micros(time.time_ns() // 1_000)


def since_boot() -> float:
    """Return seconds on a clock that never goes back, and that goes on while the machine sleeps."""
    return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()


def monotonic() -> float:
    """Return seconds on a clock that never goes back, for measuring how long something took."""
    return time.monotonic()
