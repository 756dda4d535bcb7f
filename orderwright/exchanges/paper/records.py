"""What the paper exchange keeps in its books, and the request it takes; amounts in base, prices in quote units."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.money import ZERO, subtract
from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import OrderType, Side
from orderwright.moments import Micros

DUPLICATE_CLIENT_ID = "duplicate_client_id"
EXPIRED = "expired"
REJECTED = "exchange_rejected"
UNSUPPORTED = "unsupported_by_exchange"


class NewOrder(Struct, frozen=True, kw_only=True):
    """An order as it arrives; one that arrives at or after `valid_until` is refused."""

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    amount: Decimal
    price: Decimal | None = None
    market_type: MarketType | None = None
    reduce_only: bool = False
    valid_until: Micros | None = None


class OrderKey(Struct, frozen=True, kw_only=True):
    """Which order is meant: the exchange's id wins where both are given."""

    client_order_id: str | None = None
    exchange_order_id: str | None = None


class PaperOrder(Struct, frozen=True, kw_only=True):
    """An order in the books; `number` is the exchange's id, `locked` what it holds back of `locked_currency`."""

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

    @property
    def remaining(self) -> Decimal:
        """What may still trade."""
        return subtract(self.amount, self.filled)


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


class BooksDump(Struct, frozen=True, kw_only=True):
    """The whole books at one moment; `set_prices` are those that win over the feed."""

    accounts: tuple[AccountBooks, ...]
    arrivals: tuple[Arrival, ...]
    set_prices: tuple[Quote, ...]
