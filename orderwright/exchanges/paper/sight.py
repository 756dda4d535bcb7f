"""What the paper exchange shows of an order, which can be later, and less, than what its books say."""

from functools import reduce

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.money import ZERO, add
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.exchanges.paper.books import BooksReader
from orderwright.exchanges.paper.conditions import Conditions, is_forgotten_for_now
from orderwright.exchanges.paper.profiles import Profile
from orderwright.exchanges.paper.records import PaperOrder, Trade
from orderwright.moments import Micros


class Sight(Struct, frozen=True, kw_only=True):
    """How far one can see: orders placed by `placed_by`, in the state that they had at `state_at`."""

    placed_by: Micros
    state_at: Micros


def sight_at(now: Micros, conditions: Conditions) -> Sight | None:
    """Return how far one can see now; None if there is nothing in the way."""
    if not conditions.visibility_lag and not conditions.staleness:
        return None
    state_at = Micros(now - conditions.staleness)
    return Sight(placed_by=min(state_at, Micros(now - conditions.visibility_lag)), state_at=state_at)


def is_forgotten(order: PaperOrder, profile: Profile, conditions: Conditions, *, now: Micros) -> bool:
    """Return whether the exchange no longer knows the order.

    Either it is to forget it for now, or the order ended, unfilled, longer ago than its history goes back.
    """
    if is_forgotten_for_now(order, conditions):
        return True
    window = profile.traits.history_window
    has_traded = order.filled or order.child is not None
    return window is not None and not order.is_open and not has_traded and order.changed_at + window <= now


class Views:
    """Turns orders of the books into what a client is shown."""

    def __init__(self, books: BooksReader) -> None:
        self._books = books

    def of(self, order: PaperOrder) -> ExchangeOrder:
        """Return the order with its fills; a stop whose child trades for it has the child's."""
        child = None if order.child is None else self._books.order(order.child)
        return _shown(order, child, child or order, self._trades(child or order))

    def seen(self, order: PaperOrder, sight: Sight | None) -> ExchangeOrder | None:
        """Return the order as far as can be seen; None if it cannot."""
        if sight is None:
            return self.of(order)
        if order.placed_at > sight.placed_by:
            return None
        child = None if order.child is None else self._books.order(order.child)
        if child is not None and child.placed_at > sight.placed_by:
            child = None
        trading = child or order
        trades = tuple(trade for trade in self._trades(trading) if trade.at <= sight.state_at)
        return _shown(order, child, _as_it_was(trading, trades, sight.state_at), trades)

    def open_ones(self, account: str, conditions: Conditions, *, now: Micros) -> tuple[ExchangeOrder, ...]:
        """Return the account's open orders as far as can be seen, oldest first."""
        sight = sight_at(now, conditions)
        known = self._books.open_orders(account) if sight is None else self._books.orders_since(account, sight.state_at)
        shown = (order for order in known if not is_forgotten_for_now(order, conditions))
        if sight is None:
            return tuple(map(self.of, shown))
        orders = [self.seen(order, sight) for order in shown]
        return tuple(order for order in orders if order and order.status in _OPEN and not order.child_exchange_order_id)

    def _trades(self, order: PaperOrder) -> tuple[Trade, ...]:
        return self._books.trades_of(order.number) if order.filled else ()


_OPEN = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


def _as_it_was(order: PaperOrder, trades: tuple[Trade, ...], at: Micros) -> PaperOrder:
    if order.changed_at <= at:
        return order
    # Whatever changed an order later found it open.
    status = OrderStatus.PARTIALLY_FILLED if trades else OrderStatus.NEW
    return replace(order, status=status, filled=reduce(add, (trade.amount for trade in trades), ZERO))


def _shown(
    order: PaperOrder, child: PaperOrder | None, trading: PaperOrder, trades: tuple[Trade, ...]
) -> ExchangeOrder:
    is_quiet = child is not None and trading.status is OrderStatus.NEW
    return ExchangeOrder(
        client_order_id=order.client_order_id,
        exchange_order_id=str(order.number),
        symbol=order.symbol,
        side=order.side,
        amount=order.amount,
        status=OrderStatus.TRIGGERED if is_quiet else trading.status,
        filled=trading.filled,
        fills=tuple(map(_fill, trades)),
        child_exchange_order_id=None if child is None else str(child.number),
        parent_exchange_order_id=None if order.parent is None else str(order.parent),
    )


def _fill(trade: Trade) -> Fill:
    return Fill(
        trade_id=str(trade.number),
        amount=trade.amount,
        price=trade.price,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        at=trade.at,
    )
