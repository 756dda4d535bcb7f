"""What somebody should look at: a bounded list of alarms, each logged once, however often its cause is met."""

import logging
import threading
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from orderwright.clock import Clock
from orderwright.moments import Micros

logger = logging.getLogger(__name__)

MOST = 1_000


class AlarmKind(StrEnum):
    """What an alarm is about."""

    IN_DOUBT = "in_doubt_too_long"
    NOT_PLACED = "not_placed"
    NOT_CANCELLED = "not_cancelled"
    VANISHED_ORDER = "vanished_order"
    SURFACED_ORDER = "surfaced_order"
    STUCK_POSITION = "stuck_position"
    FOREIGN_ORDER = "foreign_order"
    QUARANTINE = "quarantine"
    DRIFT = "drift"
    DEAD_EXCHANGE = "dead_exchange"
    FAILED_JOB = "failed_job"
    LOG_TROUBLE = "log_trouble"
    HALT_NOT_WRITTEN = "halt_not_written"


class Alarm(Struct, frozen=True, kw_only=True):
    """An alarm about `what` (an order, an actor, a job), because of `why`.

    It has rung `count` times from `since` to `last`, and is over since `cleared`, or still on.
    """

    kind: AlarmKind
    what: str
    why: str
    since: Micros
    last: Micros
    count: int = 1
    cleared: Micros | None = None


class Alarms:
    """Thread-safe. At most `most` are kept: what was cleared first goes first, then what has been on the longest."""

    def __init__(self, clock: Clock, *, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[tuple[AlarmKind, str], Alarm] = {}

    def ring(self, kind: AlarmKind, what: str, why: str) -> None:
        """Begin an alarm, or count one more of the same; only its beginning is logged."""
        now = self._clock.now()
        key = (kind, what)
        with self._lock:
            known = self._kept.pop(key, None)
            is_on = known is not None and known.cleared is None
            if known is not None and is_on:
                self._kept[key] = replace(known, why=why, last=now, count=known.count + 1)
                return
            self._kept[key] = Alarm(kind=kind, what=what, why=why, since=now, last=now)
            self._let_go()
        logger.error("alarm %s: %s: %s", kind, what, why)

    def clear(self, kind: AlarmKind, what: str) -> bool:
        """End an alarm, if it is on; return whether it was."""
        now = self._clock.now()
        with self._lock:
            known = self._kept.get((kind, what))
            if known is None or known.cleared is not None:
                return False
            self._kept[kind, what] = replace(known, cleared=now)
        logger.warning("alarm %s is over: %s", kind, what)
        return True

    def listed(self) -> tuple[Alarm, ...]:
        """Return all that are kept: those that are on first, then by when they began, the newest first."""
        with self._lock:
            kept = tuple(self._kept.values())
        return tuple(sorted(kept, key=lambda alarm: (alarm.cleared is not None, -alarm.since)))

    def _let_go(self) -> None:
        if len(self._kept) > self._most:
            cleared = (key for key, alarm in self._kept.items() if alarm.cleared is not None)
            del self._kept[next(cleared, next(iter(self._kept)))]
