"""What is answered when a request fails: RFC 9457 problem documents, and the one table from code to HTTP status."""

from collections.abc import Mapping
from typing import Final

import falcon
import msgspec
from msgspec import Struct

from orderwright.errors import OrderwrightError
from orderwright.http.texts import PROBLEM_TEXTS, Language, sentence

CONTENT_TYPE: Final = "application/problem+json; charset=utf-8"

STATUSES: Mapping[str, int] = {
    "invalid_json": 400,
    "missing_field": 400,
    "invalid_field": 400,
    "unknown_order_type": 400,
    "price_required": 400,
    "stop_price_required": 400,
    "too_many_orders": 400,
    "bad_request": 400,
    "token_missing": 401,
    "token_invalid": 401,
    "unauthorized": 401,
    "user_suspended": 403,
    "strategy_inactive": 403,
    "ip_not_allowed": 403,
    "forbidden": 403,
    "not_found": 404,
    "strategy_not_found": 404,
    "strategy_account_not_found": 404,
    "signal_not_found": 404,
    "order_not_found": 404,
    "method_not_allowed": 405,
    "id_reused": 409,
    "operation_refused": 409,
    "drift_unexamined": 409,
    "quarantined": 409,
    "body_too_large": 413,
    "declaration_refused": 422,
    "signal_expired": 422,
    "market_type_mismatch": 422,
    "no_accounts": 422,
    "headers_too_large": 431,
    "internal_error": 500,
    "overloaded": 503,
    "not_stored": 503,
    "halt_not_stored": 503,
    "shutting_down": 503,
    "standing_by": 503,
    "store_unavailable": 503,
}
"""code -> HTTP status."""

_HEADERS = {401: (("WWW-Authenticate", "Bearer"),), 503: (("Retry-After", "5"),)}


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request failed: a stable `code`, the `reason` that names the sentence, and what fills its places.

    `field` is the offending field as the sender spelled the way to it, such as `orders[1].price`; `extra` are further
    members of the document.
    """

    code: str
    reason: str
    field: str | None = None
    details: dict[str, str] = {}
    extra: dict[str, object] = {}


class RequestRefused(OrderwrightError):
    """A request ends here, with the problem that says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def refusal(
    code: str, *, reason: str = "", field: str | None = None, extra: dict[str, object] | None = None, **details: str
) -> RequestRefused:
    """Return the error to raise for `code`; `reason` names the sentence if it is not the code's own."""
    return RequestRefused(Problem(code=code, reason=reason or code, field=field, details=details, extra=extra or {}))


def document(problem: Problem, language: Language) -> dict[str, object]:
    """Return the RFC 9457 document of a problem."""
    details = {"field": problem.field or "", **problem.details}
    text = sentence(PROBLEM_TEXTS, problem.reason, details, language)
    return {
        "type": f"urn:orderwright:problem:{problem.code}",
        "title": problem.code.replace("_", " ").capitalize(),
        "status": STATUSES[problem.code],
        "detail": text,
        "code": problem.code,
        "field": problem.field,
        "error": text,
        **problem.extra,
    }


def answer(resp: falcon.Response, problem: Problem, language: Language) -> None:
    """Make `resp` the answer for a problem."""
    status = STATUSES[problem.code]
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = CONTENT_TYPE
    resp.data = msgspec.json.encode(document(problem, language))
    for name, value in _HEADERS.get(status, ()):
        resp.set_header(name, value)
