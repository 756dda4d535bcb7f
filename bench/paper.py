"""What an accepted market order takes at the in-process paper exchange, written to its books before it is answered."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from statistics import median

from bench.figures import Bar, Figure, Finding, percentile
from bench.installation import ProcessFailed, temporary_folder
from bench.scale import Scale
from orderwright.clock import SystemClock
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.signals import OrderType, Side
from orderwright.exchanges.paper.books import BOOKS_FILE
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.records import NewOrder

_BAR = Bar(text="<= 70 us", at_most=70.0)
_ACCOUNT = "A1"
_MICROSECONDS = 1_000_000
_SLOW = 0.99
_MARKETS = (MarketType.SPOT, MarketType.FUTURES)


def measure(scale: Scale) -> Finding:
    """Return the time of an accepted market order, spot and futures.

    Raises:
        ProcessFailed: an order was not accepted.
    """
    taken: dict[MarketType, list[float]] = {market: [] for market in _MARKETS}
    cpu: list[float] = []
    for _ in range(scale.rounds):
        for market in _MARKETS:
            began = time.process_time()
            orders = _traded(market, scale.replayed_signals)
            cpu.append((time.process_time() - began) / len(orders))
            taken[market] += orders
    figures = tuple(
        Figure(
            name=f"paper exchange: a {market.lower()} market order",
            unit="us",
            reached=median(seconds) * _MICROSECONDS,
            reference=percentile(seconds, _SLOW) * _MICROSECONDS,
            reference_name="p99",
            bar=_BAR,
        )
        for market, seconds in taken.items()
    )
    everything = [seconds for each in taken.values() for seconds in each]
    note = (
        f"{len(everything):,} market orders, buys and sells in turn, on one account of an exchange in this process; "
        f"medians, from the call to its answer. On average an order took {_mean(everything):.0f} us, flushes of the "
        f"books included, and the processor {median(cpu) * _MICROSECONDS:.0f} us."
    )
    return Finding(title="Paper exchange", figures=figures, note=note)


def _traded(market: MarketType, orders: int) -> list[float]:
    with temporary_folder() as folder:
        exchange = PaperExchange(Path(folder) / BOOKS_FILE, clock=SystemClock())
        exchange.open_account(_ACCOUNT, {"USDT": Decimal(10_000_000), "BTC": Decimal(10)})
        try:
            return [_seconds(exchange, order) for order in _orders(market, orders)]
        finally:
            exchange.close()


def _orders(market: MarketType, count: int) -> Iterator[NewOrder]:
    for number in range(count):
        yield NewOrder(
            client_order_id=f"{number:026d}",
            symbol="BTC/USDT",
            side=Side.SELL if number % 2 else Side.BUY,
            order_type=OrderType.MARKET,
            amount=Decimal("0.01"),
            market_type=market,
        )


def _seconds(exchange: PaperExchange, order: NewOrder) -> float:
    began = time.perf_counter()
    answer = exchange.place(_ACCOUNT, order)
    seconds = time.perf_counter() - began
    if not isinstance(answer, ExchangeOrder):
        raise ProcessFailed(answer.error)
    return seconds


def _mean(seconds: list[float]) -> float:
    return sum(seconds) / len(seconds) * _MICROSECONDS
