"""What a strategy account can be told: commands, and the passing of time. Outcomes are in `engine.outcomes`."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.outcomes import (
    CancelAnswered,
    ExchangeOrder,
    LeverageAnswered,
    OrderSeen,
    PlacementAnswered,
    QuoteAnswered,
)
from orderwright.engine.signals import Instruction, Side
from orderwright.engine.strategy_account.events import Decision, Terms
from orderwright.engine.strategy_account.past import LastKnown
from orderwright.moments import Micros


class AdoptTerms(Struct, frozen=True, kw_only=True):
    """Trade on these declared terms from now on."""

    terms: Terms


class AllocateCapital(Struct, frozen=True, kw_only=True):
    """Set the capital in one quote currency."""

    currency: str
    amount: Decimal
    by: str


class ExecuteSignal(Struct, frozen=True, kw_only=True):
    """Carry out a signal that is stored as the `sequence`-th of the strategy's inbox."""

    signal_id: SignalId
    sequence: int
    born_at: Micros
    instructions: tuple[Instruction, ...]


class CancelOrders(Struct, frozen=True, kw_only=True):
    """Cancel all own orders, or those of a symbol or a side."""

    command_id: SignalId
    by: str
    why: str
    symbol: str | None = None
    side: Side | None = None


class LiquidatePositions(Struct, frozen=True, kw_only=True):
    """Cancel everything and close everything, and go on until nothing is held."""

    command_id: SignalId
    by: str
    why: str


class AdoptPosition(Struct, frozen=True, kw_only=True):
    """Make `amount` (base units, negative: short) that the exchange account holds part of the own position.

    `price` is what it counts as having cost, in quote units; `unowned` how much of it no strategy account there owns.
    """

    command_id: SignalId
    symbol: str
    base: str
    quote: str
    amount: Decimal
    price: Decimal
    unowned: Decimal
    by: str
    why: str


class ResolveDoubt(Struct, frozen=True, kw_only=True):
    """Take it from an operator what became of an order in doubt; `exchange_order_id` is needed to say PLACED.

    `unchecked`: that id is to count although the exchange could not be asked about it.
    """

    order_id: OrderId
    decision: Decision
    by: str
    why: str
    exchange_order_id: str | None = None
    unchecked: bool = False


class PauseTrading(Struct, frozen=True, kw_only=True):
    """Place nothing more that could raise a position."""

    by: str
    why: str


class ResumeTrading(Struct, frozen=True, kw_only=True):
    """Allow entries again."""

    by: str
    why: str


class TakeInOrder(Struct, frozen=True, kw_only=True):
    """The exchange was asked at `asked_at` about an order that is not among the unfinished ones, and showed it."""

    seen: ExchangeOrder
    asked_at: Micros
    known: LastKnown


class Recover(Struct, frozen=True, kw_only=True):
    """The state was just rebuilt: whatever had been sent and not answered is in doubt."""


class TimePassed(Struct, frozen=True, kw_only=True):
    """Look whether something is due."""


Message = (
    AdoptTerms
    | AllocateCapital
    | ExecuteSignal
    | CancelOrders
    | LiquidatePositions
    | AdoptPosition
    | ResolveDoubt
    | PauseTrading
    | ResumeTrading
    | TakeInOrder
    | Recover
    | TimePassed
    | PlacementAnswered
    | CancelAnswered
    | OrderSeen
    | QuoteAnswered
    | LeverageAnswered
)
