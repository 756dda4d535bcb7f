"""A little exchange that keeps its own books: it takes, fills and cancels orders, and its answers can get lost."""

from decimal import Decimal
from enum import Enum

from orderwright.engine.instruments import Quote
from orderwright.engine.orders import Fill, OrderStatus, is_active
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    CancelOrder,
    Effect,
    ExchangeOrder,
    FetchQuote,
    LeverageAnswered,
    LookUpOrder,
    NotFound,
    OrderSeen,
    Outcome,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    SetLeverage,
    Unclear,
)
from orderwright.engine.signals import STOPS, OrderType, Side
from orderwright.moments import Micros


class Fate(Enum):
    """What becomes of one call."""

    ANSWERED = "answered"
    REFUSED = "refused"
    LOST = "lost"
    ANSWER_LOST = "answer lost"


class Booked:
    """An order in the exchange's books; a stop that has traded, or could have, lives on as its `child`."""

    def __init__(self, effect: PlaceOrder) -> None:
        self.order_id = effect.order_id
        self.symbol = effect.symbol
        self.side: Side = effect.side
        self.amount = effect.amount
        self.status = OrderStatus.NEW
        self.fills: list[Fill] = []
        self.order_type = effect.order_type
        self.child: str | None = None

    @property
    def filled(self) -> Decimal:
        return sum((fill.amount for fill in self.fills), Decimal(0))

    def shown(self) -> ExchangeOrder:
        return ExchangeOrder(
            client_order_id=self.order_id,
            exchange_order_id=f"x-{self.order_id}",
            symbol=self.symbol,
            side=self.side,
            amount=self.amount,
            status=OrderStatus.TRIGGERED if self.child and self.status is OrderStatus.NEW else self.status,
            filled=self.filled,
            fills=tuple(self.fills),
            child_exchange_order_id=self.child,
        )


class ModelExchange:
    """Takes calls at once and answers by return; whoever calls decides when the answer is heard, if ever."""

    def __init__(self, price: Decimal) -> None:
        self.price = price
        self.books: dict[str, Booked] = {}
        self._trades = 0

    def call(self, effect: Effect, fate: Fate, now: Micros) -> Outcome:
        """Carry out a call, or not, and return what its caller hears."""
        match effect:
            case PlaceOrder():
                return PlacementAnswered(order_id=effect.order_id, result=self._place(effect, fate, now))
            case CancelOrder():
                return CancelAnswered(
                    order_id=effect.order_id, result=self._cancel(effect, fate), attempt=effect.attempt
                )
            case LookUpOrder():
                found = self.books.get(effect.order_id)
                result = Unclear(reason="lost") if _is_silent(fate) else found.shown() if found else NotFound()
                return OrderSeen(order_id=effect.order_id, asked_at=now, result=result)
            case SetLeverage():
                problem = Unclear(reason="lost") if _is_silent(fate) else None
                return LeverageAnswered(symbol=effect.symbol, leverage=effect.leverage, problem=problem)
            case FetchQuote():
                quote = Quote(symbol=effect.symbol, price=self.price, at=now)
                return QuoteAnswered(symbol=effect.symbol, result=Unclear(reason="lost") if _is_silent(fate) else quote)

    def _place(self, effect: PlaceOrder, fate: Fate, now: Micros) -> Placed | Refused | Unclear:
        assert effect.order_id not in self.books, "sent twice"
        if now >= effect.valid_until:
            return Refused(code="not_placed", error="too late")
        if fate is Fate.REFUSED:
            return Refused(code="exchange_rejected", error="no")
        if fate is Fate.LOST:
            return Unclear(reason="lost")
        booked = self.books[effect.order_id] = Booked(effect)
        if effect.order_type is OrderType.MARKET:
            self.trade(booked, booked.amount)
        return Unclear(reason="lost") if fate is Fate.ANSWER_LOST else Placed(order=booked.shown())

    def _cancel(self, effect: CancelOrder, fate: Fate) -> Cancelled | Refused | NotFound | Unclear:
        booked = self.books.get(effect.order_id)
        if fate is Fate.REFUSED:
            return Refused(code="exchange_rejected", error="no")
        if fate is Fate.LOST:
            return Unclear(reason="lost")
        # What trades for a stop has to be named.
        is_named = booked is not None and booked.child in {None, effect.exchange_order_id}
        if booked is None or not is_active(booked.status) or not is_named:
            return Unclear(reason="lost") if fate is Fate.ANSWER_LOST else NotFound()
        booked.status = OrderStatus.CANCELLED
        return Unclear(reason="lost") if fate is Fate.ANSWER_LOST else Cancelled(order=booked.shown())

    def open(self) -> list[Booked]:
        """Return the orders that can still trade."""
        return [booked for booked in self.books.values() if is_active(booked.status)]

    def trade(self, booked: Booked, amount: Decimal) -> None:
        """Fill some of an open order, at most what is left; the price of a stop comes first."""
        if booked.order_type in STOPS and booked.child is None:
            booked.child = f"child-{booked.order_id}"
            if booked.order_type is OrderType.STOP_LIMIT:
                return
        self._trades += 1
        left = booked.amount - booked.filled
        amount = left if booked.order_type is OrderType.STOP_MARKET else min(amount, left)
        fill = Fill(
            trade_id=f"t{self._trades}",
            amount=amount,
            price=self.price,
            fee=Decimal(0),
            fee_currency="USDT",
            at=Micros(0),
        )
        booked.fills.append(fill)
        left = booked.amount - booked.filled
        booked.status = OrderStatus.PARTIALLY_FILLED if left else OrderStatus.FILLED


def _is_silent(fate: Fate) -> bool:
    return fate in (Fate.LOST, Fate.ANSWER_LOST)
