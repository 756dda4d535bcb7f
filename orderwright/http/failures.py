"""What becomes of exceptions at the HTTP edge: every one is a problem document, none shows what is inside."""

import logging
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

import falcon
import msgspec

from orderwright.http.problems import Problem, RequestRefused, answer
from orderwright.http.texts import Language, chosen_language

logger = logging.getLogger(__name__)

_CODES: Final[Mapping[int, str]] = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class Failures:
    """The error handlers of the application; `locale` is the language of those who ask for none."""

    def __init__(self, locale: Language) -> None:
        self._locale = locale

    def register(self, app: falcon.App[falcon.Request, falcon.Response]) -> None:
        """Make this the application's way with errors."""
        app.add_error_handler(Exception, self.on_error)
        app.add_error_handler(falcon.HTTPError, self.on_http_error)
        app.add_error_handler(RequestRefused, self.on_refused)

    def on_refused(
        self, req: falcon.Request, resp: falcon.Response, error: RequestRefused, _params: Mapping[str, object]
    ) -> None:
        """Answer with the problem."""
        answer(resp, error.problem, self._language(req))

    def on_http_error(
        self, req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _params: Mapping[str, object]
    ) -> None:
        """Answer with the problem that fits what Falcon found."""
        code = _CODES.get(error.status_code, "bad_request")
        answer(resp, Problem(code=code, reason=code, details={"method": req.method}), self._language(req))
        allow = dict(error.headers or {}).get("Allow")
        if allow is not None:
            resp.set_header("Allow", allow)

    def on_error(
        self, req: falcon.Request, resp: falcon.Response, error: Exception, _params: Mapping[str, object]
    ) -> None:
        """Note the error under an id and answer with that id alone.

        A webhook whose signal is already stored is answered 202 all the same: a 5xx would have it sent again.
        """
        incident = uuid4().hex[:12]
        logger.error("incident %s: %s %s", incident, req.method, req.uri_template, exc_info=error)
        ask = getattr(req.context, "ask", None)
        if ask is not None and ask.stored:
            signal_id = str(req.context.signal_id)
            resp.status = falcon.HTTP_202
            resp.content_type = falcon.MEDIA_JSON
            resp.data = msgspec.json.encode({"signal_id": signal_id, "status_url": f"/api/signals/{signal_id}"})
            return
        problem = Problem(code="internal_error", reason="internal_error", details={"incident": incident})
        answer(resp, problem, self._language(req))

    def _language(self, req: falcon.Request) -> Language:
        return chosen_language(req.get_header("Accept-Language"), self._locale)
