"""`GET /health`, `/health/live`, `/health/ready`: whether the engine is well, and what is wrong if not."""

from collections.abc import Callable, Mapping

import falcon
import msgspec

from orderwright.actors.switchboard import Health, Switchboard
from orderwright.http.admission import administrator
from orderwright.http.problems import RequestRefused

_TELLING = frozenset({"log", "trading"})


class HealthCheck:
    """Every part with "ok" or what is wrong; 503 unless the engine is live and ready.

    The parts named after strategies and accounts are for administrators; everybody else sees how many are in trouble.
    So are the words for what is wrong with the log, which name the database, and for a halt, which say who and why.
    """

    def __init__(self, switchboard: Switchboard, conditions: Callable[[], Mapping[str, str]] = dict[str, str]) -> None:
        """Make the resource; `conditions` returns how further parts are, on which trading does not depend."""
        self._switchboard = switchboard
        self._conditions = conditions

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with everything that the caller may know."""
        health = self._switchboard.health()
        body = {"live": health.live, "ready": health.ready, **self._parts(req, health)}
        _answer(resp, body, is_well=health.live and health.ready)

    def on_get_live(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 unless only a restart can help."""
        health = self._switchboard.health()
        _answer(resp, {"live": health.live}, is_well=health.live)

    def on_get_ready(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 when webhooks are taken and carried out."""
        health = self._switchboard.health()
        _answer(resp, {"ready": health.ready}, is_well=health.ready)

    def _parts(self, req: falcon.Request, health: Health) -> dict[str, object]:
        parts = health.parts | dict(self._conditions())
        try:
            administrator(self._switchboard.catalogue(), req)
        except RequestRefused:
            public = {name: _outline(name, state) for name, state in parts.items() if "/" not in name}
            named = [state for name, state in parts.items() if "/" in name]
            return {"parts": public, "others_in_trouble": sum(state != "ok" for state in named)}
        return {"parts": parts}


def _outline(part: str, state: str) -> str:
    return "in trouble" if part in _TELLING and state != "ok" else state


def _answer(resp: falcon.Response, body: object, *, is_well: bool) -> None:
    resp.status = falcon.HTTP_200 if is_well else falcon.HTTP_503
    resp.data = msgspec.json.encode(body)
