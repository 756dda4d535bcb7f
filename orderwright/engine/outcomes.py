"""What the shell owes an exchange (effects) and what comes of it (outcomes), as data.

Every effect is answered by exactly one outcome, at the latest at its deadline. Doubt is an outcome of its own: an
answer that is neither a clear yes nor a clear no.

`market_type` says which market an effect means where an exchange has a symbol in several; None: the only one.
"""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.money import ZERO
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.signals import OrderType, Side
from orderwright.moments import Micros


class PlaceOrder(Struct, frozen=True, kw_only=True):
    """Send the order once, and only before `valid_until`; a stop then waits at the exchange for `stop_price`.

    `by_operator`: a liquidation wants it, which goes on while trading is halted.
    """

    order_id: OrderId
    symbol: str
    side: Side
    order_type: OrderType
    amount: Decimal
    price: Decimal | None
    reduce_only: bool
    raises_exposure: bool
    valid_until: Micros
    deadline: Micros
    market_type: MarketType | None = None
    stop_price: Decimal | None = None
    by_operator: bool = False


class CancelOrder(Struct, frozen=True, kw_only=True):
    """Cancel this one order, by the exchange's id if it is known, else by the client order id."""

    order_id: OrderId
    symbol: str
    exchange_order_id: str | None
    attempt: int
    deadline: Micros
    market_type: MarketType | None = None


class LookUpOrder(Struct, frozen=True, kw_only=True):
    """Ask the exchange what it knows of this order: open, ended or unknown, with its fills.

    What was seen before `fresh_from` is too old for whoever asks.
    """

    order_id: OrderId
    symbol: str
    exchange_order_id: str | None
    deadline: Micros
    market_type: MarketType | None = None
    fresh_from: Micros = Micros(0)


class FetchQuote(Struct, frozen=True, kw_only=True):
    """Ask for the last price of a symbol, as the sender of the signal spelled it."""

    symbol: str
    deadline: Micros
    market_type: MarketType | None = None


class SetLeverage(Struct, frozen=True, kw_only=True):
    """Trade futures of a symbol with this leverage from now on; asked for twice, it is the same as asked for once."""

    symbol: str
    leverage: Decimal
    deadline: Micros
    market_type: MarketType | None = None


Effect = PlaceOrder | CancelOrder | LookUpOrder | FetchQuote | SetLeverage


class ExchangeOrder(Struct, frozen=True, kw_only=True):
    """An order as the exchange shows it; `filled` is cumulative, `fills` are all it tells of (in time order).

    Where a triggered stop trades as another order, `child_exchange_order_id` names that one, and the stop is shown with
    the child's fills; the child itself names the stop in `parent_exchange_order_id` and has no client order id.

    `average_price` (of all that has filled) and `fee` (of all that, in `fee_currency`) matter where an exchange tells
    no trades.
    """

    client_order_id: str
    exchange_order_id: str
    symbol: str
    side: Side
    amount: Decimal
    status: OrderStatus
    filled: Decimal
    fills: tuple[Fill, ...]
    average_price: Decimal | None = None
    fee: Decimal = ZERO
    fee_currency: str = ""
    child_exchange_order_id: str | None = None
    parent_exchange_order_id: str | None = None


class Placed(Struct, frozen=True, kw_only=True):
    """The exchange has the order."""

    order: ExchangeOrder


class Refused(Struct, frozen=True, kw_only=True):
    """A definite no: nothing was or will be done. `code` is one of ours, `error` in the exchange's own words.

    `again_after` says that it is a no for now, because of too many requests or a clock that goes wrong: another request
    for the same may follow after so many microseconds.
    """

    code: str
    error: str
    again_after: int | None = None


class Unclear(Struct, frozen=True, kw_only=True):
    """Nobody can say yet: time-out, broken connection, server error, an answer that cannot be read."""

    reason: str


class Cancelled(Struct, frozen=True, kw_only=True):
    """The exchange ended the order; `order` is its final state if the answer carried it."""

    order: ExchangeOrder | None


class NotFound(Struct, frozen=True, kw_only=True):
    """The exchange says that it does not know the order."""


class PlacementAnswered(Struct, frozen=True, kw_only=True):
    """What came of a `PlaceOrder`."""

    order_id: OrderId
    result: Placed | Refused | Unclear


class CancelAnswered(Struct, frozen=True, kw_only=True):
    """What came of a `CancelOrder`; `NotFound` asks for a look, it does not mean cancelled.

    `attempt` is the effect's; None: of the latest one.
    """

    order_id: OrderId
    result: Cancelled | Refused | NotFound | Unclear
    attempt: int | None = None


class OrderSeen(Struct, frozen=True, kw_only=True):
    """What came of a `LookUpOrder`, or what a poll or a stream showed; `asked_at` is when the look was sent."""

    order_id: OrderId
    asked_at: Micros
    result: ExchangeOrder | NotFound | Unclear


class QuoteAnswered(Struct, frozen=True, kw_only=True):
    """What came of a `FetchQuote`; `symbol` as it was asked for."""

    symbol: str
    result: Quote | Unclear


class LeverageAnswered(Struct, frozen=True, kw_only=True):
    """What came of a `SetLeverage`; no problem: the exchange does so from now on."""

    symbol: str
    leverage: Decimal
    problem: Refused | Unclear | None = None


Outcome = PlacementAnswered | CancelAnswered | OrderSeen | QuoteAnswered | LeverageAnswered
