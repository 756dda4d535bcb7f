"""What bounds the actors: how many, how much, and for how long."""

from msgspec import Struct

from orderwright.moments import SECOND


class Limits(Struct, frozen=True, kw_only=True):
    """Durations in microseconds; `mailbox` in commands for one actor, `rebuilds_at_once` in streams being read.

    An actor with nothing to look after rests after `idle_after`. An order that is in doubt for `doubt_alarm_after`,
    an exchange that cannot be reached for `dead_exchange_after`, make an alarm.
    """

    idle_after: int = 600 * SECOND
    rebuilds_at_once: int = 8
    mailbox: int = 1_000
    doubt_alarm_after: int = 60 * SECOND
    dead_exchange_after: int = 60 * SECOND
