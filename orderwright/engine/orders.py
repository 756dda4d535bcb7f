"""The life of an order: its statuses, and the table that says which event leads from one to the next."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.money import ZERO, add, add_even, multiply, subtract
from orderwright.engine.signals import OrderType, Side
from orderwright.moments import Micros


class OrderStatus(StrEnum):
    """Where an order is in its life; whether it is in doubt stands beside it (see `Order.in_doubt`)."""

    PENDING = "PENDING"
    NEW = "NEW"
    OPEN = "OPEN"
    TRIGGERED = "TRIGGERED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


_TERMINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


def is_terminal(status: OrderStatus) -> bool:
    """Whether an order with this status has ended."""
    return status in _TERMINAL


def is_active(status: OrderStatus) -> bool:
    """Whether an order with this status can still trade."""
    return status not in _TERMINAL


class Step(StrEnum):
    """What can happen to an order, as far as its status goes."""

    ACCEPTED = "accepted"
    TRIGGERED = "triggered"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    NEVER_PLACED = "never_placed"


_LIVE_STEPS = {
    Step.TRIGGERED: OrderStatus.TRIGGERED,
    Step.PARTLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    Step.FILLED: OrderStatus.FILLED,
    Step.CANCELLED: OrderStatus.CANCELLED,
    Step.EXPIRED: OrderStatus.EXPIRED,
    Step.REJECTED: OrderStatus.REJECTED,
}

LIFECYCLE: dict[OrderStatus, dict[Step, OrderStatus]] = {
    OrderStatus.PENDING: {
        Step.ACCEPTED: OrderStatus.NEW,
        Step.NEVER_PLACED: OrderStatus.REJECTED,
        **_LIVE_STEPS,
    },
    OrderStatus.NEW: _LIVE_STEPS,
    OrderStatus.OPEN: _LIVE_STEPS,
    OrderStatus.TRIGGERED: _LIVE_STEPS,
    OrderStatus.PARTIALLY_FILLED: {step: to for step, to in _LIVE_STEPS.items() if step is not Step.TRIGGERED},
}
"""status -> step -> next status; what is not in the table leaves the status as it is."""


def next_status(status: OrderStatus, step: Step) -> OrderStatus:
    """Return the status after `step`; unchanged where the table has no such way."""
    return LIFECYCLE.get(status, {}).get(step, status)


class Purpose(StrEnum):
    """Why an order was placed: to open exposure or to close it."""

    ENTRY = "entry"
    CLOSE = "close"


class Siblings(StrEnum):
    """Whether other strategies on the same exchange account are exposed in a symbol; UNKNOWN: not all have said yet."""

    FLAT = "flat"
    EXPOSED = "exposed"
    UNKNOWN = "unknown"


class CancelState(StrEnum):
    """How far a cancel of an order has come."""

    REQUESTED = "requested"
    POSTPONED = "postponed"
    IN_DOUBT = "in_doubt"


class Fill(Struct, frozen=True, kw_only=True):
    """One execution: `amount` in base units, `price` in quote units, `fee` >= 0 in `fee_currency`."""

    trade_id: str
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: Micros


class Differences(Struct, frozen=True, kw_only=True):
    """What has been booked of an order by differences: `cost` in quote units, `fee` in the currency told."""

    cost: Decimal = ZERO
    fee: Decimal = ZERO


class Order(Struct, frozen=True, kw_only=True):
    """An unfinished order of a strategy account. `amount` and `filled` in base units, prices in quote units.

    A triggered stop may trade as another order at the exchange, its child, whose fills count as the stop's own.
    `differences` are there once fills have been booked as differences of the filled amount: then all of them are.
    It is the `attempt`-th at its leg of a signal that is as old as `born_at` says; whatever comes behind that leg waits
    for it until `held_until` at most. `misses` late looks have not found it, the last one by `missed_at`; it
    `has_vanished` if the exchange had accepted it before. At `expires_at` the engine cancels it, but not before
    `cancel_from`, which a refused cancel puts off. Somebody has wanted it cancelled since `cancel_since`; its latest
    cancel came to be in doubt at `cancel_doubted_at`. An opening that is `superseded_by` something later, in words,
    does not go again.
    """

    order_id: OrderId
    signal_id: SignalId
    leg: int
    sequence: int
    symbol: str
    base: str
    quote: str
    side: Side
    order_type: OrderType
    amount: Decimal
    price: Decimal | None
    reference_price: Decimal
    purpose: Purpose
    reduce_only: bool
    valid_until: Micros
    requested_at: Micros
    attempt: int = 1
    born_at: Micros = Micros(0)
    held_until: Micros = Micros(0)
    ref: str | None = None
    stop_price: Decimal | None = None
    expires_at: Micros | None = None
    status: OrderStatus = OrderStatus.PENDING
    exchange_order_id: str | None = None
    child_exchange_order_id: str | None = None
    placement_in_doubt: bool = False
    misses: int = 0
    missed_at: Micros = Micros(0)
    has_vanished: bool = False
    cancel: CancelState | None = None
    cancel_attempt: int = 0
    cancel_from: Micros = Micros(0)
    cancel_since: Micros = Micros(0)
    cancel_doubted_at: Micros = Micros(0)
    superseded_by: str = ""
    filled: Decimal = ZERO
    trade_ids: tuple[str, ...] = ()
    differences: Differences | None = None

    @property
    def is_unanswered(self) -> bool:
        """Whether it has been asked for, and the exchange's answer is awaited."""
        return self.status is OrderStatus.PENDING and not self.placement_in_doubt

    @property
    def in_doubt(self) -> bool:
        """Whether the exchange may or may not have the order, or its cancel."""
        return self.placement_in_doubt or self.has_vanished or self.cancel is CancelState.IN_DOUBT

    @property
    def working_exchange_order_id(self) -> str | None:
        """The exchange's id of what trades, and what a cancel must name: the child's if there is one."""
        return self.child_exchange_order_id or self.exchange_order_id

    @property
    def is_at_market(self) -> bool:
        """Whether it trades at whatever price there is, so that its end is near."""
        if self.order_type is not OrderType.STOP_MARKET:
            return self.order_type is OrderType.MARKET
        return self.status in {OrderStatus.TRIGGERED, OrderStatus.PARTIALLY_FILLED}

    @property
    def remaining(self) -> Decimal:
        """What may still trade, in base units; nothing when an exchange filled more than was asked for."""
        return subtract(self.amount, self.filled) if self.filled < self.amount else ZERO

    @property
    def notional_remaining(self) -> Decimal:
        """What may still be spent or received, in quote units, at the price the order was sized with."""
        return multiply(self.remaining, self.reference_price)


def with_fill(order: Order, fill: Fill, *, is_difference: bool) -> Order:
    """Return the order after `fill`; a difference of the filled amount has no trade id worth remembering."""
    filled = replace(order, filled=add(order.filled, fill.amount), status=next_status(order.status, Step.PARTLY_FILLED))
    if not is_difference:
        return replace(filled, trade_ids=(*order.trade_ids, fill.trade_id))
    before = order.differences or Differences()
    cost = add_even(before.cost, multiply(fill.amount, fill.price))
    return replace(filled, differences=Differences(cost=cost, fee=add_even(before.fee, fill.fee)))
