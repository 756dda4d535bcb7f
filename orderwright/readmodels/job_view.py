"""How a job shows itself to an operator."""

from msgspec import Struct

from orderwright.moments import Micros


class JobView(Struct, frozen=True, kw_only=True):
    """A job and its last run: `every` and `took` in microseconds, None for what has not been.

    `said` is what the last run that went well had to say, `error` what was wrong with the last one, empty if nothing.
    """

    name: str
    purpose: str
    every: int
    runs: int
    failures: int
    is_running: bool
    began_at: Micros | None
    took: int | None
    said: str
    error: str
    next_at: Micros | None
