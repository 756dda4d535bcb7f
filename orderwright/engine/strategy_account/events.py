"""What can have happened in a strategy account; the tags are history and never change."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.instruments import MarketType
from orderwright.engine.money import ZERO
from orderwright.engine.orders import Differences, Fill, OrderStatus, Purpose, Siblings
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.moments import Micros


class Terms(Struct, frozen=True, kw_only=True):
    """What was declared for a strategy account: capital per quote currency, durations in microseconds."""

    market_type: MarketType
    leverage: Decimal
    weight: Decimal
    capital: dict[str, Decimal]
    max_positions: int | None = None
    close_side: str = "strict"
    max_lag: int = 60_000_000
    max_exit_lag: int = 3_600_000_000


class TermsAdopted(Struct, frozen=True, kw_only=True, tag="terms_adopted"):
    """The declared terms came into force; capital is as declared from here on."""

    at: Micros
    terms: Terms


class CapitalAllocated(Struct, frozen=True, kw_only=True, tag="capital_allocated"):
    """An operator or a job set the capital in one quote currency."""

    at: Micros
    currency: str
    amount: Decimal
    by: str


class TradingPaused(Struct, frozen=True, kw_only=True, tag="trading_paused"):
    """From here on nothing that could raise a position is placed."""

    at: Micros
    by: str
    why: str


class TradingResumed(Struct, frozen=True, kw_only=True, tag="trading_resumed"):
    """Entries are allowed again."""

    at: Micros
    by: str
    why: str


class SignalAccepted(Struct, frozen=True, kw_only=True, tag="signal_accepted", omit_defaults=True):
    """A signal of the strategy waits its turn; `sequence` is its place in the strategy's inbox."""

    at: Micros
    signal_id: SignalId
    sequence: int
    born_at: Micros
    instructions: tuple[Instruction, ...]


class CancellationOrdered(Struct, frozen=True, kw_only=True, tag="cancellation_ordered", omit_defaults=True):
    """An operator wants all own orders (of a symbol, of a side) cancelled; `command_id` stands for the signal."""

    at: Micros
    command_id: SignalId
    by: str
    why: str
    symbol: str | None = None
    side: Side | None = None


class LegRefused(Struct, frozen=True, kw_only=True, tag="leg_refused"):
    """An instruction came to nothing: `code` is stable, `error` is the sentence a person reads."""

    at: Micros
    signal_id: SignalId
    leg: int
    code: str
    error: str


class RefreshStarted(Struct, frozen=True, kw_only=True, tag="refresh_started"):
    """Before a close is sized, the exchange is asked about every own unfinished order of its symbol, from here on."""

    at: Micros
    signal_id: SignalId
    leg: int
    symbol: str


class LeverageSet(Struct, frozen=True, kw_only=True, tag="leverage_set"):
    """The exchange trades futures of `symbol` with this leverage from now on."""

    at: Micros
    symbol: str
    leverage: Decimal


class OrderRequested(Struct, frozen=True, kw_only=True, tag="order_requested", omit_defaults=True):
    """An order is to be sent; committed before any byte leaves. `inputs` are the figures the size came from.

    Of a close on margin, `siblings` says what was known of the others on the account: reduce-only if all are flat.
    A second or later `attempt` has an id of its own, and `replaces` the one before, which was never placed.
    """

    at: Micros
    signal_id: SignalId
    leg: int
    attempt: int
    order_id: OrderId
    symbol: str
    base: str
    quote: str
    side: Side
    order_type: OrderType
    amount: Decimal
    reference_price: Decimal
    purpose: Purpose
    valid_until: Micros
    price: Decimal | None = None
    reduce_only: bool = False
    ref: str | None = None
    inputs: dict[str, Decimal] = {}
    expires_at: Micros | None = None
    stop_price: Decimal | None = None
    siblings: Siblings | None = None
    replaces: OrderId | None = None


class OrderAccepted(Struct, frozen=True, kw_only=True, tag="order_accepted"):
    """The exchange has the order under its own id."""

    at: Micros
    order_id: OrderId
    exchange_order_id: str


class Decision(StrEnum):
    """What an operator can decide of an order in doubt."""

    PLACED = "placed"
    NEVER_PLACED = "never_placed"
    CANCELLED = "cancelled"


class DoubtResolved(Struct, frozen=True, kw_only=True, tag="doubt_resolved", omit_defaults=True):
    """An operator has decided what became of an order in doubt; what follows from that comes right after.

    `unchecked`: the exchange could not be asked about `exchange_order_id`, and the operator vouches for it.
    """

    at: Micros
    order_id: OrderId
    decision: Decision
    by: str
    why: str
    exchange_order_id: str | None = None
    unchecked: bool = False


class OrderTriggered(Struct, frozen=True, kw_only=True, tag="order_triggered", omit_defaults=True):
    """A stop's price has come; where it now trades as another order at the exchange, that child is named."""

    at: Micros
    order_id: OrderId
    child_exchange_order_id: str | None = None


class OrderRejected(Struct, frozen=True, kw_only=True, tag="order_rejected", omit_defaults=True):
    """A definite no: by the exchange, or by the engine's gate before anything was sent.

    `again_at`: it was a no for now, and from then on the order goes out as another attempt.
    """

    at: Micros
    order_id: OrderId
    code: str
    error: str
    again_at: Micros | None = None


class OrderDoubted(Struct, frozen=True, kw_only=True, tag="order_doubted"):
    """The exchange may or may not have the order."""

    at: Micros
    order_id: OrderId
    reason: str


class OrderMissed(Struct, frozen=True, kw_only=True, tag="order_missed"):
    """A look that came late enough to count did not find the order."""

    at: Micros
    order_id: OrderId


class OrderVanished(Struct, frozen=True, kw_only=True, tag="order_vanished"):
    """The exchange had accepted the order, and does not know it any more: nobody can say what became of it there."""

    at: Micros
    order_id: OrderId


class OrderReappeared(Struct, frozen=True, kw_only=True, tag="order_reappeared"):
    """The exchange shows an accepted order again that a look had missed, or that had vanished."""

    at: Micros
    order_id: OrderId


class OrderNeverPlaced(Struct, frozen=True, kw_only=True, tag="order_never_placed", omit_defaults=True):
    """The evidence says that the order never reached the exchange; `again`: it goes out as another attempt.

    `watch_until`: its request could still arrive, and the exchange is asked about it until then.
    """

    at: Micros
    order_id: OrderId
    again: bool = False
    watch_until: Micros | None = None


class WatchEnded(Struct, frozen=True, kw_only=True, tag="watch_ended", omit_defaults=True):
    """An order that was never placed did not turn up for as long as it could, and is looked at no more.

    `unasked`: the exchange cannot be asked about such an order, and only a list of what is open could have shown it.
    """

    at: Micros
    order_id: OrderId
    unasked: bool = False


class OrderAbandoned(Struct, frozen=True, kw_only=True, tag="order_abandoned", omit_defaults=True):
    """An order that was to go out as another attempt does not; `order_id` is that of the last attempt.

    `by_signal` and `by_leg` say which instruction cancelled it, if one did.
    """

    at: Micros
    order_id: OrderId
    code: str
    error: str
    by_signal: SignalId | None = None
    by_leg: int | None = None


class OrderSurfaced(Struct, frozen=True, kw_only=True, tag="order_surfaced", omit_defaults=True):
    """An order is at the exchange that contradicts the log; from here on it is in the books.

    `why` is what the log had said of it (never_placed, rejected, closed, unknown), `filled`, `trade_ids` and
    `differences` are what had been booked to it, `signal_id` is the signal that once asked for it.
    """

    at: Micros
    order_id: OrderId
    exchange_order_id: str
    symbol: str
    base: str
    quote: str
    side: Side
    order_type: OrderType
    amount: Decimal
    reference_price: Decimal
    purpose: Purpose
    why: str
    signal_id: SignalId | None = None
    leg: int = 0
    price: Decimal | None = None
    stop_price: Decimal | None = None
    reduce_only: bool = False
    ref: str | None = None
    expires_at: Micros | None = None
    filled: Decimal = ZERO
    trade_ids: tuple[str, ...] = ()
    differences: Differences | None = None


class FillRecorded(Struct, frozen=True, kw_only=True, tag="fill_recorded", omit_defaults=True):
    """A part of an order traded.

    `is_difference`: the exchange tells no trades, and this is by how much the filled amount has grown; of one order,
    all fills are of the same kind.
    """

    at: Micros
    order_id: OrderId
    symbol: str
    side: Side
    fill: Fill
    is_difference: bool = False


class CancelRequested(Struct, frozen=True, kw_only=True, tag="cancel_requested", omit_defaults=True):
    """An order is to be cancelled; `signal_id` and `leg` say for which instruction (no leg: the engine's own wish)."""

    at: Micros
    order_id: OrderId
    attempt: int
    signal_id: SignalId | None = None
    leg: int | None = None


class CancelPostponed(Struct, frozen=True, kw_only=True, tag="cancel_postponed"):
    """The exchange turned the cancel away for now; it goes again from `until` on."""

    at: Micros
    order_id: OrderId
    until: Micros
    code: str
    error: str


class CancelDoubted(Struct, frozen=True, kw_only=True, tag="cancel_doubted"):
    """The exchange may or may not have cancelled the order; a look will tell."""

    at: Micros
    order_id: OrderId
    reason: str


class CancelRefused(Struct, frozen=True, kw_only=True, tag="cancel_refused"):
    """The exchange said a definite no to the cancel, and the order lives on."""

    at: Micros
    order_id: OrderId
    code: str
    error: str


class OrderClosed(Struct, frozen=True, kw_only=True, tag="order_closed"):
    """The order has ended at the exchange with this terminal status; `filled` in base units."""

    at: Micros
    order_id: OrderId
    status: OrderStatus
    filled: Decimal


class CancellationEnded(Struct, frozen=True, kw_only=True, tag="cancellation_ended", omit_defaults=True):
    """Every cancel of one instruction has been answered, or has had its time: counts of orders.

    Those `waiting` were turned away for now, and are asked for again; `said` is what the exchange said at last.
    """

    at: Micros
    signal_id: SignalId
    leg: int
    cancelled: int
    failed: int
    in_doubt: int
    waiting: int = 0
    said: str = ""


class PositionAdopted(Struct, frozen=True, kw_only=True, tag="position_adopted"):
    """An operator made what the exchange account held, and no strategy account owned, part of this one.

    `amount` in base units (negative: short) at `price`; `unowned` is how much there was of it.
    """

    at: Micros
    command_id: SignalId
    symbol: str
    base: str
    quote: str
    amount: Decimal
    price: Decimal
    unowned: Decimal
    by: str
    why: str


class SignalEnded(Struct, frozen=True, kw_only=True, tag="signal_ended"):
    """Every leg has an outcome (an order in doubt is one, and lives on by itself)."""

    at: Micros
    signal_id: SignalId


class LiquidationStarted(Struct, frozen=True, kw_only=True, tag="liquidation_started"):
    """The goal is to hold nothing: cancel own orders, close what is confirmed, go on until flat."""

    at: Micros
    command_id: SignalId
    by: str
    why: str


class LiquidationEnded(Struct, frozen=True, kw_only=True, tag="liquidation_ended", omit_defaults=True):
    """Nothing is held and nothing is open; `note` tells of dust left behind, and of what could not be closed.

    `unclosed` are the symbols that are still held, since the exchange has no such markets any more.
    """

    at: Micros
    command_id: SignalId
    note: str
    unclosed: tuple[str, ...] = ()


Event = (
    TermsAdopted
    | CapitalAllocated
    | TradingPaused
    | TradingResumed
    | SignalAccepted
    | CancellationOrdered
    | LegRefused
    | RefreshStarted
    | LeverageSet
    | OrderRequested
    | OrderAccepted
    | DoubtResolved
    | OrderTriggered
    | OrderRejected
    | OrderDoubted
    | OrderMissed
    | OrderVanished
    | OrderReappeared
    | OrderNeverPlaced
    | WatchEnded
    | OrderAbandoned
    | OrderSurfaced
    | FillRecorded
    | CancelRequested
    | CancelPostponed
    | CancelDoubted
    | CancelRefused
    | OrderClosed
    | CancellationEnded
    | PositionAdopted
    | SignalEnded
    | LiquidationStarted
    | LiquidationEnded
)
