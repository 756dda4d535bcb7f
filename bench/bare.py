"""The bare endpoint that webhooks are measured against: Falcon and waitress with the product's server settings.

It reads the same body, parses it with the same parser into the same Struct and answers with fixed bytes of the length
of a real answer. It stores nothing, decides nothing and calls nobody.
"""

import signal
import sys
import threading

import falcon

from orderwright.clock import SystemClock
from orderwright.config.load import load_config
from orderwright.http.bodies import read_body
from orderwright.http.capacity import Capacity
from orderwright.http.server import HttpServer
from orderwright.http.webhook_body import ParsedWebhook, parse_webhook

_REPLY = b'{"signal_id":"' + b"0" * 600 + b'"}'


class Endpoint:
    """Answers every well-formed webhook with the same bytes."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._clock = SystemClock()

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Take a webhook."""
        parsed = parse_webhook(read_body(req, self._max_body), now=self._clock.now())
        if not isinstance(parsed, ParsedWebhook):
            raise falcon.HTTPBadRequest
        resp.data = _REPLY


def serve() -> None:
    """Serve until SIGTERM, on any free port of 127.0.0.1."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    config = load_config(None, {"ORDERWRIGHT_HTTP__PORT": "0"})
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    app.add_route("/api/webhook", Endpoint(config.http.max_body_bytes))
    server = HttpServer(app, Capacity(config.http.threads), config.http)
    server.start()
    sys.stdout.write(f"ready at http://{server.host}:{server.port}\n")
    sys.stdout.flush()
    stopping.wait()
    server.stop(within=2.0)


if __name__ == "__main__":
    serve()
