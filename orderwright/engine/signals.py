"""What one webhook means: an ordered list of instructions for a strategy, already parsed and checked for form."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from orderwright.engine.ids import SignalId
from orderwright.engine.money import ZERO
from orderwright.moments import Micros


class OrderType(StrEnum):
    """What an instruction asks for."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    STOP_LIMIT = "STOP_LIMIT"
    CANCEL = "CANCEL"
    CANCEL_ALL_ORDER = "CANCEL_ALL_ORDER"


CANCELS = frozenset({OrderType.CANCEL, OrderType.CANCEL_ALL_ORDER})

STOPS = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})

AUTOMATIC_PRIORITY = {
    OrderType.MARKET: 1,
    OrderType.CANCEL: 2,
    OrderType.CANCEL_ALL_ORDER: 2,
    OrderType.LIMIT: 3,
    OrderType.STOP_MARKET: 4,
    OrderType.STOP_LIMIT: 4,
}


class Side(StrEnum):
    """The direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other direction."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for buy, -1 for sell."""
        return 1 if self is Side.BUY else -1

    def signed(self, amount: Decimal) -> Decimal:
        """Return the change of a position by a trade of `amount` on this side, exactly."""
        return amount if self is Side.BUY else amount.copy_negate()


class Instruction(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a signal; `leg` is its place in the sender's list, `priority` its class (lower goes first).

    `has_own_priority` says that the sender named that, even if it is what it would have been anyway.
    `qty_per` is percent of capital (shares for STOCK) and negative to close that percent of the position; `qty` is an
    absolute amount in base units. Prices are in quote units. The symbol is as the sender spelled it.
    """

    leg: int
    order_type: OrderType
    priority: int
    symbol: str | None = None
    side: Side | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    qty_per: Decimal | None = None
    qty: Decimal | None = None
    order_id: str | None = None
    ref: str | None = None
    expires_at: Micros | None = None
    has_own_priority: bool = False

    @property
    def is_priority_automatic(self) -> bool:
        """Whether the sender left it to us when it goes."""
        return not self.has_own_priority and self.priority == AUTOMATIC_PRIORITY[self.order_type]

    @property
    def is_cancel(self) -> bool:
        """Whether this cancels orders rather than places one."""
        return self.order_type in CANCELS

    @property
    def is_close(self) -> bool:
        """Whether this closes a share of the position."""
        return self.qty_per is not None and self.qty_per < ZERO

    @property
    def is_exit(self) -> bool:
        """Whether this lowers risk, and so may be executed long after it was sent."""
        return self.is_cancel or self.is_close


class Signal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stored webhook. `sent_at` is the sender's timestamp if there was one and it was not in the future."""

    signal_id: SignalId
    strategy: str
    holder: str
    received_at: Micros
    instructions: tuple[Instruction, ...]
    sent_at: Micros | None = None

    @property
    def born_at(self) -> Micros:
        """The moment from which the signal's age counts."""
        return self.received_at if self.sent_at is None else self.sent_at
