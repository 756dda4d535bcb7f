"""What a standby answers: that it lives and is not ready, with the reason, and everybody else to come again later."""

from collections.abc import Callable

import falcon
import msgspec

from orderwright.http.app import App
from orderwright.http.failures import Failures
from orderwright.http.problems import refusal
from orderwright.http.texts import Language


def create_standby_app(locale: Language, why: Callable[[], str]) -> App:
    """Return the application of an engine that waits; `why` tells in a sentence what for."""
    app: App = falcon.App()
    Failures(locale).register(app)
    health = _StandbyHealth(why)
    app.add_route("/health", health)
    app.add_route("/health/live", health, suffix="live")
    app.add_route("/health/ready", health)
    app.add_sink(_come_again)
    return app


class _StandbyHealth:
    def __init__(self, why: Callable[[], str]) -> None:
        self._why = why

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        body = {"live": True, "ready": False, "parts": {"lease": self._why()}}
        resp.status, resp.data = falcon.HTTP_503, msgspec.json.encode(body)

    def on_get_live(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = msgspec.json.encode({"live": True})


def _come_again(req: falcon.Request, resp: falcon.Response, **_params: object) -> None:  # noqa: ARG001 -- Falcon names them
    raise refusal("standing_by")
