"""Time zones by name."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo


def find_zone(name: str) -> tzinfo | None:
    """Return the time zone of that name (`UTC`, or one of the IANA database), or None if this machine knows none."""
    if name == "UTC":
        # Known also where no database of zones is installed.
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
