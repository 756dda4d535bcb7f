"""Who plays in the demo: senders of alerts, the engine, the exchange and the operator, and how each is spoken to."""

import json
import time
from collections.abc import Mapping

import httpx
import msgspec
from msgspec import Struct

from orderwright.cli.demo.evidence import (
    Books,
    Known,
    Ledger,
    Reply,
    Result,
    Shown,
    by_account,
    read_ledger,
    read_replay,
)
from orderwright.cli.demo.screen import Screen
from orderwright.cli.demo.stage import Stage
from orderwright.clock import SystemClock, monotonic
from orderwright.engine.money import plain
from orderwright.exchanges.paper.wire import ServedBooks
from orderwright.moments import to_iso

DECLARATION = """\
[[users]]
name = "alice"

[[accounts]]
name = "A1"
owner = "alice"
exchange = "paper"
url = "{url}"
balances = {{ USDT = "100000" }}

[[accounts]]
name = "A2"
owner = "alice"
exchange = "paper"
url = "{url}"
balances = {{ USDT = "100000" }}

[[strategies]]
group_name = "trend"
owner = "alice"
market_type = "FUTURES"

[[strategies]]
group_name = "swing"
owner = "alice"
market_type = "FUTURES"

[[links]]
strategy = "trend"
account = "A1"
capital = {{ USDT = "10000" }}
leverage = 2

[[links]]
strategy = "trend"
account = "A2"
capital = {{ USDT = "5000" }}
leverage = 2

[[links]]
strategy = "swing"
account = "A1"
capital = {{ USDT = "4000" }}
leverage = 2
"""

Alert = dict[str, object]

_SETTLE_SECONDS = 25.0
_LOOK_SECONDS = 0.1


class Sent(Struct, frozen=True, kw_only=True):
    """An alert that was sent, and its answer."""

    strategy: str
    alert: Alert
    reply: Reply


class Verified(Struct, frozen=True, kw_only=True):
    """What `orderwright verify --json` wrote."""

    ok: bool
    events: int
    batches: int
    chain: str


class Cast:
    """Speaks real HTTP and runs real commands; shows on the screen what is asked and what comes back."""

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self.stage = stage
        self.screen = screen
        self.tokens: Mapping[str, str] = {}
        self._admin_token = ""
        self._http = httpx.Client(timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def start_exchange(self) -> None:
        """Start the paper exchange.

        Raises:
            StageError: it does not come up.
        """
        self.screen.sent("orderwright paper-exchange")
        with self.screen.waiting("the exchange is starting"):
            self.stage.start_exchange()
        self.screen.answered(f"ready at {self.stage.exchange.url}, process {self.stage.exchange.pid}")

    def start_engine(self) -> None:
        """Start the engine, for the first time or after a kill.

        Raises:
            StageError: it does not come up.
        """
        self.screen.sent("orderwright serve")
        began = monotonic()
        with self.screen.waiting("the engine is starting"):
            self.stage.start_engine()
        engine = self.stage.engine
        self.screen.answered(f"ready at {engine.url} after {monotonic() - began:.1f} s, process {engine.pid}")

    def set_up(self) -> None:
        """Make the installation.

        Raises:
            StageError: it cannot be made.
        """
        self.screen.sent("orderwright setup --json")
        self._admin_token = json.loads(self._run("setup", "--json"))["admin_token"]
        self.screen.answered(f'{{"admin_token": "{_hidden(self._admin_token)}"}}')

    def apply(self) -> list[str]:
        """Apply the declaration, keep the webhook tokens that come of it, and return what was changed.

        Raises:
            StageError: it is refused.
        """
        file = self.stage.folder / "declaration.toml"
        file.write_text(DECLARATION.format(url=self.stage.exchange.url))
        self.screen.sent("orderwright apply declaration.toml --json")
        applied = json.loads(self._run("apply", str(file), "--json"))
        self.tokens = {**self.tokens, **{row["strategy"]: row["token"] for row in applied["tokens"]}}
        changed: list[str] = applied["changed"]
        shown = [f"{row['strategy']}: {_hidden(row['token'])}" for row in applied["tokens"]]
        self.screen.answered(f"{len(changed)} changes; new tokens: {', '.join(shown) or 'none'}")
        return changed

    def send(self, strategy: str, alert: Alert) -> Sent:
        """Send an alert, as TradingView would, and show it with its answer.

        Raises:
            httpx.HTTPError: the engine does not answer.
        """
        self.screen.sent(*_asked(strategy, alert))
        began = monotonic()
        response = self.post(strategy, alert, self._http)
        took = (monotonic() - began) * 1_000
        reply = msgspec.json.decode(response.content, type=Reply)
        self.screen.answered(f"{response.status_code} after {took:.0f} ms: {_verdict(reply)}", *_outcomes(reply))
        return Sent(strategy=strategy, alert=alert, reply=reply)

    def post(self, strategy: str, alert: Alert, http: httpx.Client) -> httpx.Response:
        """Send an alert without showing it.

        Raises:
            httpx.HTTPError: the engine does not answer.
        """
        body = {"group_name": strategy, "token": self.tokens[strategy], **alert}
        return http.post(self.stage.engine.url + "/api/webhook", json=body)

    def is_ready(self) -> bool:
        """Ask the engine whether it takes webhooks.

        Raises:
            httpx.HTTPError: it does not answer.
        """
        response = self._http.get(self.stage.engine.url + "/health/ready")
        self.screen.sent("GET /health/ready")
        self.screen.answered(f"{response.status_code} {response.text}")
        return response.is_success

    def shown(self) -> list[Shown]:
        """Ask the engine, as its administrator, how each strategy account is.

        Raises:
            httpx.HTTPError: it does not answer.
        """
        headers = {"Authorization": f"Bearer {self._admin_token}"}
        response = self._http.get(self.stage.engine.url + "/api/v1/strategy-accounts", headers=headers)
        response.raise_for_status()
        return msgspec.json.decode(response.content, type=dict[str, list[Shown]])["strategy_accounts"]

    def known(self, strategy_account: str) -> Known:
        """Ask the engine what one strategy account has, such as trend@A1.

        Raises:
            httpx.HTTPError: the engine does not answer.
        """
        return next(row.as_known for row in self.shown() if row.account.endswith(f"/{strategy_account}"))

    def settled(self) -> list[Shown]:
        """Wait until no strategy account has anything under way or in doubt, and return them as they are then.

        Raises:
            httpx.HTTPError: the engine does not answer.
        """
        until = monotonic() + _SETTLE_SECONDS
        while True:
            shown = self.shown()
            if all(account.is_settled for account in shown) or monotonic() > until:
                return shown
            time.sleep(_LOOK_SECONDS)

    def books(self) -> Books:
        """Ask the exchange for its books.

        Raises:
            httpx.HTTPError: it does not answer.
        """
        response = self._http.get(self.stage.exchange.url + "/v1/books")
        response.raise_for_status()
        return Books(msgspec.json.decode(response.content, type=ServedBooks).books)

    def set_price(self, symbol: str, price: str) -> None:
        """Let the market move.

        Raises:
            httpx.HTTPError: the exchange does not answer.
        """
        self._to_exchange("POST", "/v1/prices", {"symbol": symbol, "price": price})

    def slow_down(self, milliseconds: int) -> None:
        """Let the exchange take each order at once, and tell of it only so many milliseconds later.

        Raises:
            httpx.HTTPError: the exchange does not answer.
        """
        self._to_exchange("POST", "/v1/faults", {"operation": "place", "kind": "delay_after", "delay_ms": milliseconds})

    def speed_up(self) -> None:
        """Let the exchange answer at once again.

        Raises:
            httpx.HTTPError: it does not answer.
        """
        self._to_exchange("DELETE", "/v1/faults", None)

    def ledger(self) -> Ledger:
        """Read the whole log, whether an engine runs or not.

        Raises:
            StageError: it cannot be read.
        """
        self.screen.sent("orderwright log --json")
        ledger = read_ledger(self._run("log", "--json"))
        self.screen.answered(f"{len(ledger.lines)} events")
        return ledger

    def replay(self, strategy_account: str, *options: str) -> Known:
        """Replay a strategy account.

        Raises:
            StageError: it cannot be done.
        """
        self.screen.sent(" ".join(("orderwright replay", strategy_account, *options)))
        known = read_replay(self._run("replay", strategy_account, *options, "--json"))
        self.screen.answered(f"after event {known.version}: {_had(known)}")
        return known

    def verify(self) -> Verified:
        """Verify the log.

        Raises:
            StageError: it is broken, or cannot be read.
        """
        self.screen.sent("orderwright verify --json")
        verified = msgspec.json.decode(self._run("verify", "--json"), type=Verified)
        self.screen.answered(f"{verified.events} events in {verified.batches} batches, chain {verified.chain[:16]}...")
        return verified

    def _run(self, *arguments: str) -> str:
        with self.screen.waiting(f"orderwright {arguments[0]}"):
            return self.stage.run(*arguments)

    def _to_exchange(self, method: str, path: str, body: Mapping[str, object] | None) -> None:
        words = "" if body is None else " " + json.dumps(body)
        self.screen.sent(f"{method} {path}{words}  (at the exchange)")
        self._http.request(method, self.stage.exchange.url + path, json=body).raise_for_status()


def this_moment() -> str:
    """Return the time now, in ISO 8601."""
    return to_iso(SystemClock().now())


def _hidden(token: str) -> str:
    return token[:8] + "..."


def _asked(strategy: str, alert: Alert) -> list[str]:
    orders = alert.get("orders")
    outer = {"group_name": strategy, **{name: value for name, value in alert.items() if name != "orders"}}
    if not isinstance(orders, list):
        return [f"POST /api/webhook {_fields(outer)}"]
    return [f"POST /api/webhook {_fields(outer)} and orders:", *(f"  {_fields(order)}" for order in orders)]


def _fields(members: Alert) -> str:
    return ", ".join(f"{name}: {value}" for name, value in members.items())


def _verdict(reply: Reply) -> str:
    if reply.code is not None:
        return f"{reply.code}, {reply.error}"
    return f"duplicate of signal {reply.signal_id}" if reply.duplicate else f"signal {reply.signal_id}"


def _outcomes(reply: Reply) -> list[str]:
    return [f"  {account}: {'; '.join(map(_result, group))}" for account, group in by_account(reply.results).items()]


def _result(result: Result) -> str:
    if result.code is not None:
        return f"{result.status}, {result.code}"
    if result.cancelled_orders is not None:
        return f"{result.cancelled_orders} cancelled"
    amount = "" if result.amount is None else plain(result.amount)
    return f"{result.order_type} {result.side} {amount} {result.symbol} {result.order_status}"


def _had(known: Known) -> str:
    held = ", ".join(f"{plain(amount)} {symbol}" for symbol, amount in known.positions.items()) or "nothing held"
    return f"{held}; {len(known.open_ids)} open orders"
