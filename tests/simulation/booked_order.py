"""An order in the simulated exchange's books, and how looks show it, at once or from an old copy."""

from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import ExchangeOrder, PlaceOrder
from tests.simulation.forgetting import FOR_EVER

OPEN = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


class BookedOrder:
    """An order in the exchange's books; `visible_from` is when look-ups begin to know it, `overdue_from` when all must.

    A stop whose price has come trades under the id of its `child`, unless it keeps its own.
    """

    def __init__(self, effect: PlaceOrder, *, account: str, exchange_order_id: str, knows_stops: bool = True) -> None:
        self.account = account
        self.client_order_id = str(effect.order_id)
        self.exchange_order_id = exchange_order_id
        self.symbol = effect.symbol
        self.side = effect.side
        self.order_type = effect.order_type
        self.amount = effect.amount
        self.market_type = effect.market_type
        self.price = effect.price
        # An exchange without stops takes one for an order that trades at once, and says nothing of it.
        self.stop_price = effect.stop_price if knows_stops else None
        self.is_waiting = effect.stop_price is not None and knows_stops
        self.child: str | None = None
        self.status = OrderStatus.NEW
        self.filled = Decimal(0)
        self.fills: list[Fill] = []
        self.leverage: Decimal | None = None
        self.visible_from = 0
        self.forgotten: list[tuple[int, int]] = []
        self.tells_trades = True
        self.fills_lag = 0
        self.overdue_from = 0
        self._past: list[_Look] = []

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in OPEN

    @property
    def working_id(self) -> str:
        """The id under which it trades, and can be cancelled."""
        return self.child or self.exchange_order_id

    def is_known(self, now: int) -> bool:
        """Whether the exchange shows it to those who ask."""
        return self.visible_from <= now and not self.was_forgotten(now, now)

    def was_forgotten(self, since: int, until: int) -> bool:
        """Whether the exchange did not know it any more at a moment of that time."""
        return any(begun <= until and since < ended for begun, ended in self.forgotten)

    @property
    def is_forgotten_for_ever(self) -> bool:
        """Whether the exchange will never know it again."""
        return any(ended >= FOR_EVER for _begun, ended in self.forgotten)

    def remember(self, now: int) -> None:
        """Keep what it is now, for looks that are answered from an old copy."""
        self._past.append(_Look(now, self.status, self.filled, len(self.fills), self.child))

    def as_of(self, moment: int, *, is_overdue: bool) -> "_Look | None":
        """Return what it was at a moment; before it was there, nothing, unless it is overdue to be seen."""
        found = [look for look in self._past if look.at <= moment]
        return found[-1] if found else self._past[0] if is_overdue else None

    def shown(self, now: int, look: "_Look | None" = None) -> ExchangeOrder:
        """Return the order as a look at this moment shows it; `look` is what it was when that was copied."""
        copied = look or _Look(now, self.status, self.filled, len(self.fills), self.child)
        fills = self.fills[: copied.fills]
        is_quiet = copied.child is not None and copied.status is OrderStatus.NEW
        return ExchangeOrder(
            client_order_id=self.client_order_id,
            exchange_order_id=self.exchange_order_id,
            symbol=self.symbol,
            side=self.side,
            amount=self.amount,
            status=OrderStatus.TRIGGERED if is_quiet else copied.status,
            filled=copied.filled,
            fills=tuple(fill for fill in fills if self.tells_trades and fill.at + self.fills_lag <= now),
            average_price=sum(fill.amount * fill.price for fill in fills) / copied.filled if copied.filled else None,
            fee=sum((fill.fee for fill in fills), Decimal(0)),
            fee_currency=fills[0].fee_currency if fills else "",
            child_exchange_order_id=copied.child,
        )

    def shown_at_work(self, now: int, look: "_Look | None" = None) -> ExchangeOrder:
        """Return what trades for it: itself, or its child, which bears no client order id."""
        shown = self.shown(now, look)
        if shown.child_exchange_order_id is None:
            return shown
        return replace(
            shown,
            client_order_id="",
            exchange_order_id=shown.child_exchange_order_id,
            status=OrderStatus.NEW if shown.status is OrderStatus.TRIGGERED else shown.status,
            child_exchange_order_id=None,
            parent_exchange_order_id=self.exchange_order_id,
        )


class _Look(NamedTuple):
    """What an order was from a moment on."""

    at: int
    status: OrderStatus
    filled: Decimal
    fills: int
    child: str | None
