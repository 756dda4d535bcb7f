"""Moments in time as integers, microseconds since the Unix epoch, UTC, and their other spellings."""

from datetime import UTC, datetime
from typing import NewType

Micros = NewType("Micros", int)
"""A moment: microseconds since the Unix epoch, UTC."""

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


def to_datetime(moment: Micros) -> datetime:
    """Return the moment as an aware UTC datetime, exact to the microsecond."""
    seconds, micros = divmod(moment, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def to_iso(moment: Micros) -> str:
    """Return the moment as ISO 8601 with a trailing Z."""
    return to_datetime(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")


def span_text(micros: int) -> str:
    """Return a span of time as a person says it, in one unit: `12.5 s`, `45 min`, `30 h`, `12 days`."""
    for unit, name in ((DAY, "days"), (HOUR, "h"), (60 * SECOND, "min")):
        if micros >= 2 * unit:
            return f"{micros // unit:,} {name}"
    return f"{micros / SECOND:.1f} s"


def from_datetime(value: datetime) -> Micros:
    """Return an aware datetime as a moment.

    Raises:
        ValueError: the datetime is naive.
    """
    if value.tzinfo is None:
        message = "a naive datetime has no moment: give it a time zone"
        raise ValueError(message)
    whole = value.astimezone(UTC)
    return Micros(int(whole.replace(microsecond=0).timestamp()) * SECOND + whole.microsecond)
