"""What the paper exchange keeps in its books, and the requests it takes; amounts in base, prices in quote units."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.money import ZERO, subtract
from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import OrderType, Side
from orderwright.moments import Micros

DUPLICATE_CLIENT_ID = "duplicate_client_id"
EXPIRED = "expired"
MAINTENANCE = "exchange_maintenance"
RATE_LIMITED = "rate_limited"
REJECTED = "exchange_rejected"
UNSUPPORTED = "unsupported_by_exchange"


class NewOrder(Struct, frozen=True, kw_only=True):
    """An order as it arrives; one that arrives at or after `valid_until` is refused. `stop_price` belongs to stops."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    amount: Decimal
    price: Decimal | None = None
    market_type: MarketType | None = None
    reduce_only: bool = False
    valid_until: Micros | None = None
    stop_price: Decimal | None = None


class OrderKey(Struct, frozen=True, kw_only=True):
    """Which order is meant: the exchange's id wins where both are given; a client's id means the latest that had it."""

    client_order_id: str | None = None
    exchange_order_id: str | None = None


class ComingPrice(Struct, frozen=True, kw_only=True):
    """A price that is to win over the feed `after_ms` milliseconds from now."""

    symbol: str
    price: Decimal
    after_ms: Annotated[int, Meta(ge=0)] = 0


class PaperOrder(Struct, frozen=True, kw_only=True):
    """An order in the books; `number` is the exchange's id, `locked` what it holds back of `locked_currency`.

    A stop waits until it was `triggered_at`. Where it then trades as another order, it is that `child`'s `parent`, has
    the status TRIGGERED as long as the child lives, and the trades are the child's.
    """

    number: int
    account: str
    client_order_id: str
    market_type: MarketType
    symbol: str
    side: Side
    order_type: OrderType
    amount: Decimal
    price: Decimal | None
    reduce_only: bool
    status: OrderStatus
    filled: Decimal
    locked: Decimal
    locked_currency: str
    placed_at: Micros
    changed_at: Micros
    stop_price: Decimal | None = None
    triggered_at: Micros | None = None
    parent: int | None = None
    child: int | None = None

    @property
    def remaining(self) -> Decimal:
        """What may still trade."""
        return subtract(self.amount, self.filled)

    @property
    def is_open(self) -> bool:
        """Whether it waits for its trigger, rests or trades; a stop whose child trades for it is none of these."""
        return self.status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}

    @property
    def is_waiting(self) -> bool:
        """Whether it is a stop whose price has not come yet."""
        return self.stop_price is not None and self.triggered_at is None and self.is_open


class Trade(Struct, frozen=True, kw_only=True):
    """One execution of an order."""

    number: int
    order_number: int
    account: str
    market_type: MarketType
    symbol: str
    side: Side
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    at: Micros


class PaperAccount(Struct, frozen=True, kw_only=True):
    """An account; `leverage` is for the futures symbols that have none of their own, `profile` None for plain."""

    name: str
    leverage: Decimal
    opened_at: Micros
    profile: str | None = None


class SymbolLeverage(Struct, frozen=True, kw_only=True):
    """The leverage that an account has set for one futures symbol."""

    account: str
    symbol: str
    leverage: Decimal


class Balance(Struct, frozen=True, kw_only=True):
    """What an account has of a currency; `locked` is the part of `total` that open orders hold back."""

    total: Decimal = ZERO
    locked: Decimal = ZERO


class PaperPosition(Struct, frozen=True, kw_only=True):
    """A netted futures position: `amount` > 0 is long, < 0 short; `entry_cost` is what it cost, with the same sign."""

    symbol: str
    amount: Decimal = ZERO
    entry_cost: Decimal = ZERO


class Arrival(Struct, frozen=True, kw_only=True):
    """A request to place or cancel, numbered in the order in which the exchange acted on them, and its answer."""

    sequence: int
    at: Micros
    account: str
    operation: str
    client_order_id: str | None
    exchange_order_id: str | None
    symbol: str | None
    answer: str


class AccountBooks(Struct, frozen=True, kw_only=True):
    """All that the exchange knows of one account."""

    account: str
    leverage: Decimal
    balances: dict[str, Balance]
    positions: tuple[PaperPosition, ...]
    orders: tuple[PaperOrder, ...]
    trades: tuple[Trade, ...]
    profile: str | None = None
    leverages: dict[str, Decimal] = {}


class BooksDump(Struct, frozen=True, kw_only=True):
    """The whole books at one moment; `set_prices` win over the feed, `coming_prices` will do so later."""

    accounts: tuple[AccountBooks, ...]
    arrivals: tuple[Arrival, ...]
    set_prices: tuple[Quote, ...]
    coming_prices: tuple[Quote, ...] = ()
