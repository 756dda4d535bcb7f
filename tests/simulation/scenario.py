"""What a scenario is: who trades where, and what senders, operators and prices do at which moment."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from msgspec import Struct

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.signals import AUTOMATIC_PRIORITY, Instruction, OrderType, Side
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.faults import Mishaps

BTC = "BTC/USDT"
ETH = "ETH/USDT"


class Webhook(Struct, frozen=True, kw_only=True):
    """An alert, sent `at` microseconds after the start; `key` is the sender's id, equal bodies make duplicates."""

    at: int
    strategy: str
    orders: tuple[Instruction, ...]
    body: str
    key: str | None = None
    dedupe_window: int = 30 * SECOND


class Wish(StrEnum):
    """What an operator can want of a strategy account."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL_ALL = "cancel all"
    LIQUIDATE = "liquidate"
    ADOPT = "adopt"
    RESOLVE = "resolve"


class Operation(Struct, frozen=True, kw_only=True):
    """An operator's command to the strategy account of `strategy` on `account`."""

    at: int
    strategy: str
    account: str
    wish: Wish


class Move(Struct, frozen=True, kw_only=True):
    """The price of a symbol moves."""

    at: int
    symbol: str
    price: Decimal


class Forget(Struct, frozen=True, kw_only=True):
    """The exchange forgets what it has accepted and is open, for so many microseconds; None: for ever."""

    at: int
    lasts: int | None = None


class Delist(Struct, frozen=True, kw_only=True):
    """The exchange drops a market: what is open there it cancels, what is held there stays held."""

    at: int
    symbol: str


class Scenario(Struct, frozen=True, kw_only=True):
    """`links` are (strategy, account) pairs; `jitter` lets every part of the script come up to so much later.

    It makes sense in the market types `also` too. `mishaps` are faults that happen in every run. `lies` is how likely
    the exchange takes an order and says that it did not, `tardiness` how likely a request arrives later than any
    request may, where the exchange keeps to no expiry and as long as there are faults. Actors rest after `idle_after`
    without work, or as long as the mix of faults says. `outage` is when, from the start on, every connection to the
    exchange begins to be refused, and for how long. `held` is what accounts hold of symbols that nobody here ever
    bought. An exchange that cannot be asked, cannot by client order id. `check` returns what is wrong with the end,
    beside what must hold at the end of every scenario. It has at least so many `steps`, or it has shrunk.
    """

    name: str
    links: tuple[tuple[str, str], ...]
    script: tuple[Webhook | Operation | Move | Forget | Delist, ...]
    market_type: MarketType = MarketType.FUTURES
    also: tuple[MarketType, ...] = (MarketType.SPOT,)
    jitter: int = 0
    idle_after: int | None = None
    mishaps: Mishaps = {}
    lies: float = 0
    tardiness: float = 0
    outage: tuple[int, int] | None = None
    held: dict[tuple[str, str], Decimal] = {}
    can_be_asked: bool = True
    check: Callable[[Evidence], Sequence[str]] = lambda _evidence: ()
    steps: int = 30


def instruments(market_type: MarketType) -> tuple[Instrument, ...]:
    """Return the markets of every simulated exchange."""
    return tuple(
        Instrument(
            symbol=f"{base}/USDT",
            market_type=market_type,
            base=base,
            quote="USDT",
            step=Decimal("0.001"),
            tick=Decimal("0.1"),
            min_amount=Decimal("0.001"),
            min_notional=Decimal(5),
        )
        for base in ("BTC", "ETH")
    )


PRICES = {BTC: Decimal(100_000), ETH: Decimal(4_000)}


def order(
    order_type: OrderType,
    side: Side | None = None,
    *,
    symbol: str | None = BTC,
    qty: str | None = None,
    qty_per: str | None = None,
    price: str | None = None,
    stop_price: str | None = None,
) -> Instruction:
    """Return an instruction; `signal` numbers it."""
    return Instruction(
        leg=0,
        order_type=order_type,
        priority=AUTOMATIC_PRIORITY[order_type],
        symbol=symbol,
        side=side,
        qty=None if qty is None else Decimal(qty),
        qty_per=None if qty_per is None else Decimal(qty_per),
        price=None if price is None else Decimal(price),
        stop_price=None if stop_price is None else Decimal(stop_price),
    )


def market(side: Side, qty: str, symbol: str = BTC) -> Instruction:
    """Return a MARKET order."""
    return order(OrderType.MARKET, side, symbol=symbol, qty=qty)


def limit(side: Side, qty: str, price: str, symbol: str = BTC) -> Instruction:
    """Return a LIMIT order."""
    return order(OrderType.LIMIT, side, symbol=symbol, qty=qty, price=price)


def stop(
    side: Side | None, stop_price: str, *, qty: str | None = None, qty_per: str | None = None, price: str | None = None
) -> Instruction:
    """Return a STOP_MARKET order; with a price, a STOP_LIMIT order."""
    kind = OrderType.STOP_MARKET if price is None else OrderType.STOP_LIMIT
    return order(kind, side, qty=qty, qty_per=qty_per, price=price, stop_price=stop_price)


def cancel_all(symbol: str | None = None) -> Instruction:
    """Return a cancel of all own orders."""
    return order(OrderType.CANCEL_ALL_ORDER, symbol=symbol)


def close(percent: str, price: str, symbol: str = BTC) -> Instruction:
    """Return a LIMIT close of a share of the position."""
    return order(OrderType.LIMIT, symbol=symbol, qty_per=f"-{percent}", price=price)


def close_all(symbol: str = BTC) -> Instruction:
    """Return a close of the whole position."""
    return order(OrderType.MARKET, symbol=symbol, qty_per="-100")


def webhook(at: float, strategy: str, *orders: Instruction, key: str | None = None, body: str = "") -> Webhook:
    """Return an alert sent `at` seconds after the start; its body is unlike any other's unless given."""
    numbered = tuple(
        Instruction(**{field: getattr(each, field) for field in each.__struct_fields__ if field != "leg"}, leg=leg)
        for leg, each in enumerate(orders)
    )
    return Webhook(
        at=round(at * SECOND), strategy=strategy, orders=numbered, key=key, body=body or f"{strategy} at {at}"
    )


def operation(at: float, strategy: str, account: str, wish: Wish) -> Operation:
    """Return an operator's command given `at` seconds after the start."""
    return Operation(at=round(at * SECOND), strategy=strategy, account=account, wish=wish)


def move(at: float, price: str, symbol: str = BTC) -> Move:
    """Return a move of a price `at` seconds after the start."""
    return Move(at=round(at * SECOND), symbol=symbol, price=Decimal(price))


def forget(at: float, *, lasts: float | None = None) -> Forget:
    """Let the exchange forget what is open `at` seconds after the start, for so many seconds or for ever."""
    return Forget(at=round(at * SECOND), lasts=None if lasts is None else round(lasts * SECOND))


def delist(at: float, symbol: str) -> Delist:
    """Let the exchange drop a market `at` seconds after the start."""
    return Delist(at=round(at * SECOND), symbol=symbol)


@cache
def all_scenarios() -> dict[str, Scenario]:
    """Return every scenario: each module of the folder `scenarios` has one, named SCENARIO."""
    package = import_module("tests.simulation.scenarios")
    modules = [import_module(f"{package.__name__}.{info.name}") for info in iter_modules(package.__path__)]
    return {module.SCENARIO.name: module.SCENARIO for module in modules}
