"""Talks to the engine that runs on a data directory, over HTTP with its local token."""

import json
from typing import Any
from urllib.parse import quote

import httpx

from orderwright.bootstrap import RunningEngine
from orderwright.errors import OrderwrightError

_PATIENCE = 60.0


class EngineUnreachable(OrderwrightError):
    """The engine that should run does not answer."""


class EngineRefused(OrderwrightError):
    """The engine answered no; the message is its own sentence."""


class EngineClient:
    """One running engine. Every method raises EngineUnreachable or EngineRefused when it cannot do what it says."""

    def __init__(self, running: RunningEngine) -> None:
        self._running = running

    def apply(self, declaration: str) -> dict[str, Any]:
        """Apply a declaration (TOML); return its `tokens` and `changed`."""
        answer: dict[str, Any] = self._ask("POST", "/api/v1/declarations", content=declaration.encode()).json()
        return answer

    def health(self) -> dict[str, Any]:
        """Return how the engine is; a sick engine tells too."""
        answer: dict[str, Any] = self._send("GET", "/health", None).json()
        return answer

    def strategy_accounts(self) -> list[dict[str, Any]]:
        """Return a view of each strategy account."""
        rows: list[dict[str, Any]] = self._ask("GET", "/api/v1/strategy-accounts").json()["strategy_accounts"]
        return rows

    def jobs(self) -> list[dict[str, Any]]:
        """Return what the engine does by the clock, and how it went."""
        rows: list[dict[str, Any]] = self._ask("GET", "/api/v1/jobs").json()["jobs"]
        return rows

    def alarms(self) -> list[dict[str, Any]]:
        """Return what somebody should look at, and should have."""
        rows: list[dict[str, Any]] = self._ask("GET", "/api/v1/alarms").json()["alarms"]
        return rows

    def drift(self) -> list[dict[str, Any]]:
        """Return how each exchange account compares with the log; every exchange is asked for that."""
        rows: list[dict[str, Any]] = self._ask("GET", "/api/v1/drift").json()["accounts"]
        return rows

    def operate(self, strategy: str, account: str, operation: str, wanted: dict[str, str]) -> dict[str, Any]:
        """Have a strategy account pause, resume, cancel-all, liquidate or revive; return what came of it."""
        return self._decide(strategy, account, operation, wanted)

    def halt(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Let nothing more leave; return what had left."""
        answer: dict[str, Any] = self._ask("POST", "/api/v1/halt", content=json.dumps(wanted).encode()).json()
        return answer

    def lift(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """End a halt; return the halts that are left."""
        answer: dict[str, Any] = self._ask("POST", "/api/v1/resume", content=json.dumps(wanted).encode()).json()
        return answer

    def adopt(self, strategy: str, account: str, wanted: dict[str, str]) -> dict[str, Any]:
        """Have a strategy account adopt what its exchange account holds; return what came of it."""
        return self._decide(strategy, account, "adopt", wanted)

    def resolve(self, strategy: str, account: str, order_id: str, decided: dict[str, Any]) -> dict[str, Any]:
        """Decide what became of an order in doubt; return what came of it."""
        return self._decide(strategy, account, f"orders/{quote(order_id, safe='')}/resolve", decided)

    def _decide(self, strategy: str, account: str, what: str, members: dict[str, Any]) -> dict[str, Any]:
        path = f"/api/v1/strategy-accounts/{quote(strategy, safe='')}/{quote(account, safe='')}/{what}"
        answer: dict[str, Any] = self._ask("POST", path, content=json.dumps(members).encode()).json()
        return answer

    def _ask(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        answer = self._send(method, path, content)
        if answer.is_success:
            return answer
        raise EngineRefused(_sentence(answer))

    def _send(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._running.token}"}
        try:
            return httpx.request(
                method, self._running.url + path, content=content, headers=headers, timeout=_PATIENCE, trust_env=False
            )
        except httpx.HTTPError as exc:
            message = f"the engine at {self._running.url} (process {self._running.pid}) does not answer: {exc}"
            raise EngineUnreachable(message) from exc


def _sentence(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    faults = problem.get("faults")
    if faults:
        return "\n".join(f"{fault['key']}: {fault['error']}" for fault in faults)
    return str(problem.get("error") or problem.get("detail") or problem)
