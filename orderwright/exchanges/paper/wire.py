"""The messages between the paper exchange's process and its clients: JSON, decimals as text, times in microseconds."""

from decimal import Decimal

from msgspec import Struct

from orderwright.exchanges.paper.records import BooksDump, NewOrder
from orderwright.moments import Micros

NOT_FOUND = "order_not_found"
INVALID = "invalid_request"
UNAVAILABLE = "unavailable"
UNKNOWN_ACCOUNT = "unknown_account"


class OpenAccount(Struct, frozen=True, kw_only=True):
    """Body of POST /v1/accounts: balances and leverage (null: the exchange's default) count the first time only.

    The profile, null for plain, is that of the last opening.
    """

    account: str
    balances: dict[str, Decimal] = {}
    leverage: Decimal | None = None
    profile: str | None = None


class Placement(Struct, frozen=True, kw_only=True):
    """Body of POST /v1/orders."""

    account: str
    order: NewOrder


class SetPrice(Struct, frozen=True, kw_only=True):
    """Body of POST /v1/prices: a price that wins over the feed; null lets the feed speak again."""

    symbol: str
    price: Decimal | None


class Time(Struct, frozen=True, kw_only=True):
    """Answer of GET /v1/time."""

    now: Micros


class Problem(Struct, frozen=True, kw_only=True):
    """The body of every answer with a 4xx or 5xx status; with a 4xx, nothing was done.

    `again_after`, in microseconds, is when another request for the same may follow one that was turned away for now.
    """

    code: str
    error: str
    again_after: int | None = None


class ServedBooks(Struct, frozen=True, kw_only=True):
    """Answer of GET /v1/books: the whole books, and how many requests of each operation have come in."""

    books: BooksDump
    requests: dict[str, int]


class SetLeverage(Struct, frozen=True, kw_only=True):
    """Body of POST /v1/leverage: the leverage with which an account trades futures of a symbol from now on."""

    account: str
    symbol: str
    leverage: Decimal
