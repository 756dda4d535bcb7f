"""Drift: what the log says that strategy accounts own and have open, against what their exchange account shows.

Positions on margin are netted at the exchange: the sum of the virtual ones must be what it holds. Coins are not: more
than is owned here is somebody else's business, less is drift. A coin that is also traded with, as a quote currency or
as capital, cannot be attributed, and is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.orders import Order
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.positions import Position
from orderwright.engine.signals import Side
from orderwright.moments import Micros


class Verdict(StrEnum):
    """What is to be said of a holding.

    FILLING: it differs by no more than own open orders may have traded a moment ago. IN_DOUBT: by no more than own
    orders in doubt may have traded. UNOWNED: there is more of it than anybody here owns.
    """

    AGREES = "agrees"
    DIFFERS = "differs"
    FILLING = "filling"
    IN_DOUBT = "in_doubt"
    UNOWNED = "unowned"


class LogBooks(Struct, frozen=True, kw_only=True):
    """What the log says of the strategy accounts on one exchange account, each with the type of its markets.

    `capital` are the currencies that they trade with.
    """

    positions: tuple[tuple[MarketType, Position], ...] = ()
    orders: tuple[tuple[MarketType, Order], ...] = ()
    capital: frozenset[str] = frozenset()
    market_types: frozenset[MarketType] = frozenset()


class ExchangeBooks(Struct, frozen=True, kw_only=True):
    """What an exchange account shows: totals by currency, netted positions by symbol, open orders; its markets."""

    instruments: tuple[Instrument, ...]
    balances: Mapping[str, Decimal]
    positions: Mapping[str, Decimal]
    orders: tuple[ExchangeOrder, ...]


class Holding(Struct, frozen=True, kw_only=True):
    """A position on margin by its symbol, or a coin: how much of it the log and the exchange have, in base units."""

    market_type: MarketType
    name: str
    in_log: Decimal
    at_exchange: Decimal
    verdict: Verdict


class OddOrder(Struct, frozen=True, kw_only=True):
    """An order that is open in the log and not at the exchange, or at the exchange (`is_there`) and not in the log."""

    order_id: str
    exchange_order_id: str
    symbol: str
    is_there: bool


class AccountDrift(Struct, frozen=True, kw_only=True):
    """How log and exchange account compare; `problem` is why they could not be compared.

    `foreign_orders` counts what others placed there.
    """

    account: str
    seen_at: Micros
    holdings: tuple[Holding, ...] = ()
    orders: tuple[OddOrder, ...] = ()
    foreign_orders: int = 0
    problem: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether something differs that nothing on its way can explain."""
        return any(holding.verdict is Verdict.DIFFERS for holding in self.holdings)

    @property
    def has_drifted(self) -> bool:
        """Whether something differs, be it only for a moment."""
        return bool(self.orders) or any(
            holding.verdict in (Verdict.DIFFERS, Verdict.FILLING) for holding in self.holdings
        )

    @property
    def is_settled(self) -> bool:
        """Whether everything agrees, and nothing is there that the log may only not know of."""
        agrees = all(holding.verdict is Verdict.AGREES for holding in self.holdings)
        return agrees and not self.orders and not self.problem


def compare(
    account: str, log: LogBooks, exchange: ExchangeBooks, *, own_orders: frozenset[str], now: Micros
) -> AccountDrift:
    """Return how the books of `account` compare; `own_orders` are those at the exchange with this installation's mark.

    What differs by less than a market's step cannot be traded, and does not differ.
    """
    steps = _steps(exchange.instruments)
    odd = tuple(_odd_orders(log, exchange, own_orders))
    known = {order.order_id for _type, order in log.orders} | own_orders
    return AccountDrift(
        account=account,
        seen_at=now,
        holdings=(*_margined(log, exchange, steps), *_coins(log, exchange, steps)),
        orders=odd,
        foreign_orders=sum(
            order.client_order_id not in known and order.parent_exchange_order_id is None for order in exchange.orders
        ),
    )


def _margined(log: LogBooks, exchange: ExchangeBooks, steps: Mapping[str, Decimal]) -> Iterator[Holding]:
    for market_type in MarketType:
        if not market_type.is_margined or market_type not in log.market_types:
            continue
        owned = _sums((position.symbol, position.quantity) for kind, position in log.positions if kind is market_type)
        orders = [order for kind, order in log.orders if kind is market_type]
        for symbol in sorted(owned.keys() | exchange.positions.keys()):
            in_log, there = owned.get(symbol, ZERO), exchange.positions.get(symbol, ZERO)
            verdict = _verdict(in_log, there, [order for order in orders if order.symbol == symbol], steps.get(symbol))
            yield Holding(market_type=market_type, name=symbol, in_log=in_log, at_exchange=there, verdict=verdict)


def _coins(log: LogBooks, exchange: ExchangeBooks, steps: Mapping[str, Decimal]) -> Iterator[Holding]:
    held = [(kind, position) for kind, position in log.positions if not kind.is_margined]
    kinds = [kind for kind in log.market_types if not kind.is_margined]
    if not kinds:
        return
    owned = _sums((position.base, position.quantity) for _kind, position in held)
    traded_with = log.capital | {position.quote for _kind, position in held}
    for coin in sorted((owned.keys() | exchange.balances.keys()) - traded_with):
        in_log, there = owned.get(coin, ZERO), exchange.balances.get(coin, ZERO)
        orders = [order for kind, order in log.orders if not kind.is_margined and order.base == coin]
        verdict = _verdict(in_log, there, orders, steps.get(coin))
        if verdict is Verdict.DIFFERS and there > in_log:
            verdict = Verdict.UNOWNED
        yield Holding(market_type=kinds[0], name=coin, in_log=in_log, at_exchange=there, verdict=verdict)


def _verdict(in_log: Decimal, there: Decimal, orders: Sequence[Order], step: Decimal | None) -> Verdict:
    more = subtract(there, in_log)
    if not more or (step is not None and more.copy_abs() < step):
        return Verdict.AGREES
    if _explains([order for order in orders if order.in_doubt], more):
        return Verdict.IN_DOUBT
    if _explains(orders, more):
        return Verdict.FILLING
    return Verdict.DIFFERS if in_log else Verdict.UNOWNED


def _explains(orders: Iterable[Order], more: Decimal) -> bool:
    side = Side.BUY if more > ZERO else Side.SELL
    may = ZERO
    for order in orders:
        may = add(may, order.remaining if order.side is side else ZERO)
    return more.copy_abs() <= may


def _odd_orders(log: LogBooks, exchange: ExchangeBooks, own_orders: frozenset[str]) -> Iterator[OddOrder]:
    there = {order.exchange_order_id for order in exchange.orders}
    for _kind, order in log.orders:
        is_listed = order.exchange_order_id in there or order.child_exchange_order_id in there
        if order.exchange_order_id is not None and not order.in_doubt and not is_listed:
            yield OddOrder(
                order_id=order.order_id,
                exchange_order_id=order.exchange_order_id,
                symbol=order.symbol,
                is_there=False,
            )
    known = {order.order_id for _kind, order in log.orders}
    for shown in exchange.orders:
        if shown.client_order_id in own_orders and shown.client_order_id not in known:
            yield OddOrder(
                order_id=shown.client_order_id,
                exchange_order_id=shown.exchange_order_id,
                symbol=shown.symbol,
                is_there=True,
            )


def _steps(instruments: Iterable[Instrument]) -> dict[str, Decimal]:
    steps: dict[str, Decimal] = {}
    for instrument in instruments:
        for name in (instrument.symbol, instrument.base):
            steps[name] = min(steps.get(name, instrument.step), instrument.step)
    return steps


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for name, amount in amounts:
        sums[name] = add(sums.get(name, ZERO), amount)
    return sums
