"""Faults that a proof asks the paper exchange's server for: late, lost, cut and failed answers, and lost requests."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from waitress.channel import ClientDisconnected  # type: ignore[import-untyped]

from orderwright.exchanges.paper.records import RATE_LIMITED, REJECTED
from orderwright.exchanges.paper.wire import Problem

OPERATIONS = {
    ("POST", "/v1/orders"): "place",
    ("DELETE", "/v1/orders"): "cancel",
    ("GET", "/v1/order"): "look",
    ("GET", "/v1/open-orders"): "open_orders",
    ("GET", "/v1/balances"): "balances",
    ("GET", "/v1/price"): "price",
    ("POST", "/v1/leverage"): "leverage",
    ("POST", "/v1/accounts"): "open_account",
    ("GET", "/v1/instruments"): "instruments",
}
"""What a client of the exchange does, by method and path; everything else is never faulty."""


class FaultKind(StrEnum):
    """What goes wrong, and whether the exchange acts on the request (after) or never does (before, rate_limited)."""

    DELAY_BEFORE = "delay_before"
    DELAY_AFTER = "delay_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    ERROR_BEFORE = "error_before"
    RATE_LIMITED = "rate_limited"
    ERROR_AFTER = "error_after"
    GARBAGE_AFTER = "garbage_after"
    CUT_AFTER = "cut_after"


class Fault(Struct, frozen=True, kw_only=True):
    """Befalls each request of `operation` ("*": any) with `probability`, at most `count` times (None: for ever).

    `delay_ms` is how long a delay takes, or after how long one may come again, `status` the HTTP status of an error.
    """

    operation: str
    kind: FaultKind
    count: int | None = None
    probability: float = 1.0
    seed: int = 0
    delay_ms: int = 0
    status: int = 503


class Faults:
    """The faults in force, and how many requests of each operation have come in. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, int]] = []
        self._requests: Counter[str] = Counter()

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append((fault, 0))

    def clear(self) -> None:
        """Let everything go right again."""
        with self._lock:
            self._faults.clear()

    def in_force(self) -> list[Fault]:
        """Return the faults in force, with the counts that are left."""
        with self._lock:
            return [fault for fault, _ in self._faults]

    def requests(self) -> dict[str, int]:
        """Return how many requests of each operation have come in, lost ones included."""
        with self._lock:
            return dict(self._requests)

    def draw(self, operation: str) -> dict[FaultKind, Fault]:
        """Count a request and return what befalls it."""
        with self._lock:
            self._requests[operation] += 1
            drawn: dict[FaultKind, Fault] = {}
            left: list[tuple[Fault, int]] = []
            for fault, draws in self._faults:
                is_meant = fault.operation in {operation, "*"}
                is_drawn = is_meant and _chance(fault.seed, draws) < fault.probability
                if is_drawn:
                    drawn[fault.kind] = fault
                count = fault.count - 1 if is_drawn and fault.count is not None else fault.count
                if count is None or count > 0:
                    left.append((replace(fault, count=count), draws + is_meant))
            self._faults = left
            return drawn


def _chance(seed: int, draw: int) -> float:
    digest = hashlib.blake2b(f"{seed}|{draw}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class FaultyApplication:
    """A WSGI application around another one, to which the faults happen; `closing` ends every delay."""

    def __init__(self, application: Application, faults: Faults, *, closing: threading.Event) -> None:
        self._application = application
        self._faults = faults
        self._closing = closing

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request, or let it fail as the faults will have it."""
        operation = OPERATIONS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        drawn = {} if operation is None else self._faults.draw(operation)
        if not drawn:
            return self._application(environ, start_response)
        self._wait(drawn.get(FaultKind.DELAY_BEFORE))
        if FaultKind.DROP_BEFORE in drawn or self._closing.is_set():
            raise ClientDisconnected
        if FaultKind.ERROR_BEFORE in drawn:
            return _error(drawn[FaultKind.ERROR_BEFORE], start_response)
        if FaultKind.RATE_LIMITED in drawn:
            return _rate_limited(drawn[FaultKind.RATE_LIMITED], start_response)
        answer: list[Any] = []
        body = b"".join(self._application(environ, lambda *head: answer.extend(head)))
        self._wait(drawn.get(FaultKind.DELAY_AFTER))
        return _spoilt(drawn, answer, body, start_response)

    def _wait(self, fault: Fault | None) -> None:
        if fault is not None:
            self._closing.wait(fault.delay_ms / 1_000)


def _spoilt(
    drawn: dict[FaultKind, Fault], head: list[Any], body: bytes, start_response: Callable[..., Any]
) -> Iterable[bytes]:
    if FaultKind.DROP_AFTER in drawn:
        raise ClientDisconnected
    if FaultKind.ERROR_AFTER in drawn:
        return _error(drawn[FaultKind.ERROR_AFTER], start_response)
    if FaultKind.GARBAGE_AFTER in drawn:
        body = b"<html>this is not what was asked for</html>"
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
        return [body]
    start_response(*head)
    return _cut(body) if FaultKind.CUT_AFTER in drawn else [body]


def _cut(body: bytes) -> Iterable[bytes]:
    yield body[: len(body) // 2]
    raise ClientDisconnected


def _error(fault: Fault, start_response: Callable[..., Any]) -> Iterable[bytes]:
    # It reads like a clear no; only the status says that it is none.
    body = msgspec.json.encode(Problem(code=REJECTED, error="the exchange is not well"))
    head = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{fault.status} Error", head)
    return [body]


def _rate_limited(fault: Fault, start_response: Callable[..., Any]) -> Iterable[bytes]:
    seconds = max(1, -(-fault.delay_ms // 1_000))
    words = f"too many requests (again in {seconds} s)"
    body = msgspec.json.encode(Problem(code=RATE_LIMITED, error=words, again_after=fault.delay_ms * 1_000))
    head = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Retry-After", str(seconds))]
    start_response("429 Too Many Requests", head)
    return [body]
