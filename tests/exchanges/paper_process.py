"""A paper exchange in a process of its own, as tests start it, and the effects they send."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec

from orderwright.clock import SystemClock
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    FetchQuote,
    LookUpOrder,
    OrderSeen,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
)
from orderwright.engine.signals import OrderType, Side
from orderwright.exchanges.gateway import Gateway
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.records import AccountBooks
from orderwright.exchanges.paper.server import serve_paper_exchange
from orderwright.exchanges.paper.wire import ServedBooks
from orderwright.moments import SECOND, Micros

CLOCK = SystemClock()
_NUMBERS = count(1)


class PaperProcess:
    """The server as a child process on a free port (or a given one), with a few requests that need no gateway."""

    def __init__(self, data: Path, *, port: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.exchanges.paper_process", str(data), str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://"), "the paper exchange did not start"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def terminate(self) -> int:
        self._process.terminate()
        return self._end()

    def request(self, method: str, path: str, body: Mapping[str, Any] | Sequence[object] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            return bytes(response.read())

    def set_price(self, symbol: str, price: str | None) -> None:
        self.request("POST", "/v1/prices", {"symbol": symbol, "price": price})

    def fault(self, operation: str, kind: str, **rest: object) -> None:
        self.request("POST", "/v1/faults", {"operation": operation, "kind": kind, "count": 1, **rest})

    def conditions(self, **changed: object) -> None:
        """Let these conditions hold, and all others be as by default; durations in microseconds."""
        self.request("POST", "/v1/conditions", changed)

    def script(self, symbol: str, *prices: tuple[int, str]) -> None:
        """Let a symbol have prices to come: (after milliseconds, price)."""
        steps = [{"symbol": symbol, "price": price, "after_ms": after} for after, price in prices]
        self.request("POST", "/v1/prices/script", steps)

    def account(self, name: str) -> AccountBooks:
        return msgspec.json.decode(self.request("GET", f"/v1/account?account={name}"), type=AccountBooks)

    def served_books(self) -> ServedBooks:
        return msgspec.json.decode(self.request("GET", "/v1/books"), type=ServedBooks)

    def _end(self) -> int:
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(10)


def new_id() -> OrderId:
    return OrderId(f"test{next(_NUMBERS):08d}")


def place(
    side: str,
    amount: str,
    price: str | None = None,
    *,
    market_type: MarketType | None = MarketType.SPOT,
    symbol: str = "BTC/USDT",
    order_id: OrderId | None = None,
    reduce_only: bool = False,
    order_type: OrderType | None = None,
    stop: str | None = None,
    valid_for: int = 10 * SECOND,
    deadline_in: int = 5 * SECOND,
) -> PlaceOrder:
    """Return the effect of placing an order: a market order, a limit order if it has a price, a stop if it has that."""
    return PlaceOrder(
        order_id=order_id or new_id(),
        symbol=symbol,
        side=Side(side),
        order_type=order_type or _TYPES[stop is not None, price is not None],
        amount=Decimal(amount),
        price=None if price is None else Decimal(price),
        reduce_only=reduce_only,
        raises_exposure=not reduce_only,
        valid_until=Micros(CLOCK.now() + valid_for),
        deadline=Micros(CLOCK.now() + deadline_in),
        market_type=market_type,
        stop_price=None if stop is None else Decimal(stop),
    )


_TYPES = {
    (False, False): OrderType.MARKET,
    (False, True): OrderType.LIMIT,
    (True, False): OrderType.STOP_MARKET,
    (True, True): OrderType.STOP_LIMIT,
}


def cancel(order_id: str, *, exchange_order_id: str | None = None, deadline_in: int = 5 * SECOND) -> CancelOrder:
    return CancelOrder(
        order_id=OrderId(order_id),
        symbol="BTC/USDT",
        exchange_order_id=exchange_order_id,
        attempt=1,
        deadline=Micros(CLOCK.now() + deadline_in),
    )


def look(order_id: str, *, exchange_order_id: str | None = None, deadline_in: int = 5 * SECOND) -> LookUpOrder:
    return LookUpOrder(
        order_id=OrderId(order_id),
        symbol="BTC/USDT",
        exchange_order_id=exchange_order_id,
        deadline=Micros(CLOCK.now() + deadline_in),
    )


def quote(symbol: str) -> FetchQuote:
    return FetchQuote(symbol=symbol, deadline=Micros(CLOCK.now() + 5 * SECOND))


class Trader:
    """Sends one effect at a time through a gateway and waits for what comes of it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def outcome(self, effect: Effect) -> Outcome:
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.gateway.submit(effect, outcomes.put)
        outcome = outcomes.get(timeout=10)
        assert outcomes.empty(), "one effect, one outcome"
        return outcome

    def place(self, effect: PlaceOrder) -> Any:
        outcome = self.outcome(effect)
        assert isinstance(outcome, PlacementAnswered)
        assert outcome.order_id == effect.order_id
        return outcome.result

    def cancel(self, effect: CancelOrder) -> Any:
        outcome = self.outcome(effect)
        assert isinstance(outcome, CancelAnswered)
        return outcome.result

    def look(self, effect: LookUpOrder) -> Any:
        outcome = self.outcome(effect)
        assert isinstance(outcome, OrderSeen)
        return outcome.result

    def quote(self, effect: FetchQuote) -> Any:
        outcome = self.outcome(effect)
        assert isinstance(outcome, QuoteAnswered)
        assert outcome.symbol == effect.symbol
        return outcome.result


def _announce(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve_paper_exchange(Path(sys.argv[1]), int(sys.argv[2]), prices=FixedPrices(), on_ready=_announce)
