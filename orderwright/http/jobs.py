"""`GET /api/v1/jobs`: what the engine does by the clock, and how it went."""

from collections.abc import Callable, Sequence

import falcon
import msgspec
from msgspec import Struct

from orderwright.actors.switchboard import Switchboard
from orderwright.http.admission import administrator
from orderwright.moments import SECOND, Micros, to_iso
from orderwright.readmodels.job_view import JobView


class JobReply(Struct, frozen=True, kw_only=True):
    """A job and its last run; moments in ISO 8601, `error` null if the last run went well."""

    name: str
    purpose: str
    every_seconds: float
    runs: int
    failures: int
    is_running: bool
    began_at: str | None
    took_ms: float | None
    said: str | None
    error: str | None
    next_at: str | None


class Jobs:
    """For administrators only; `jobs` returns how each job is."""

    def __init__(self, switchboard: Switchboard, jobs: Callable[[], Sequence[JobView]]) -> None:
        self._switchboard = switchboard
        self._jobs = jobs

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with all of them, by name."""
        administrator(self._switchboard.catalogue(), req)
        resp.data = msgspec.json.encode({"jobs": [_reply(view) for view in self._jobs()]})


def _reply(view: JobView) -> JobReply:
    return JobReply(
        name=view.name,
        purpose=view.purpose,
        every_seconds=view.every / SECOND,
        runs=view.runs,
        failures=view.failures,
        is_running=view.is_running,
        began_at=_moment(view.began_at),
        took_ms=None if view.took is None else view.took / 1_000,
        said=view.said or None,
        error=view.error or None,
        next_at=_moment(view.next_at),
    )


def _moment(moment: Micros | None) -> str | None:
    return None if moment is None else to_iso(moment)
