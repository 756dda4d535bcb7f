"""What the paper exchange can be like: its plain self, or as one of the real exchanges treats an account's orders."""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import Refused
from orderwright.engine.signals import Side
from orderwright.engine.traits import ClientIdRule, Traits
from orderwright.exchanges.gateway import ExchangeError
from orderwright.exchanges.paper import words as w
from orderwright.exchanges.paper.records import (
    DUPLICATE_CLIENT_ID,
    EXPIRED,
    MAINTENANCE,
    RATE_LIMITED,
    REJECTED,
    UNSUPPORTED,
)
from orderwright.exchanges.paper.words import Objection, Reason, Words
from orderwright.moments import DAY, HOUR, SECOND

PAPER_TRAITS = Traits(
    client_id_unique=ClientIdRule.ALWAYS,
    lookup_by_client_id=True,
    request_expiry=True,
    native_stops=True,
    reduce_only=True,
    sets_leverage=True,
    lag=SECOND,
)

_CODES = {
    Reason.DUPLICATE_ID: DUPLICATE_CLIENT_ID,
    Reason.LATE: EXPIRED,
    Reason.UNSUPPORTED: UNSUPPORTED,
    Reason.MAINTENANCE: MAINTENANCE,
    Reason.RATE_LIMIT: RATE_LIMITED,
}


class UnknownProfile(ExchangeError):
    """There is no profile of this name; the message lists those there are."""


class StopStyle(StrEnum):
    """What a stop order holds while it waits, and under which id it trades when its price has come.

    HELD: its funds, and it keeps its id. KEPT: nothing, and it keeps its id. CHILD: nothing, and what trades is another
    order with an id of its own.
    """

    HELD = "held"
    KEPT = "kept"
    CHILD = "child"


class Profile(Struct, frozen=True, kw_only=True):
    """How an exchange treats the orders of an account.

    `stops` says which markets take stop orders, and how. The answers to a placement and to a cancel carry status and
    fills if the traits say `tells_at_once`. `market_rest` is how a market order ends of which only a part could trade,
    `market_buy_end` how a spot market buy ends that traded all it could. `fee_in_base` concerns spot buys; None leaves
    it to the venue. `client_id` is the pattern that client order ids must match.

    Upbit and Bithumb take market buys by what they may cost. The paper exchange takes them by amount there too, and
    spends the amount times the price at the order's arrival: the same as long as there is one price at a time.
    """

    traits: Traits
    market_types: tuple[MarketType, ...] = tuple(MarketType)
    stops: Mapping[MarketType, StopStyle] = {}
    market_rest: OrderStatus = OrderStatus.CANCELLED
    market_buy_end: OrderStatus = OrderStatus.FILLED
    fee_in_base: bool | None = None
    client_id: re.Pattern[str] | None = None
    spot_words: Words = {}
    futures_words: Words = {}

    def refusal(self, objection: Objection, *, market_type: MarketType | None, side: Side | None = None) -> Refused:
        """Return the objection as this exchange puts it."""
        table = self.futures_words if market_type is MarketType.FUTURES else self.spot_words
        words = table.get(objection.reason, objection.words)
        said = words.replace("{side}", "ask" if side is Side.SELL else "bid")
        return Refused(code=_CODES.get(objection.reason, REJECTED), error=said)


PLAIN = Profile(
    traits=PAPER_TRAITS,
    stops={
        MarketType.SPOT: StopStyle.HELD,
        MarketType.STOCK: StopStyle.HELD,
        MarketType.FUTURES: StopStyle.CHILD,
    },
    market_rest=OrderStatus.EXPIRED,
)
"""The paper exchange's own ways; a market order's rest expires and stops trade as on Binance."""

_BOTH = (MarketType.SPOT, MarketType.FUTURES)

_BINANCE = Profile(
    # A stop under USD-M's algo service, once triggered, trades as another order; spot stops keep their id.
    # An ended order that filled nothing cannot be asked for after three days.
    traits=Traits(
        client_id_unique=ClientIdRule.OPEN_ONLY,
        lookup_by_client_id=True,
        history_window=3 * DAY,
        request_expiry=True,
        native_stops=True,
        reduce_only=True,
        sets_leverage=True,
    ),
    market_types=_BOTH,
    stops={MarketType.SPOT: StopStyle.HELD, MarketType.FUTURES: StopStyle.CHILD},
    market_rest=OrderStatus.EXPIRED,
    fee_in_base=True,
    client_id=re.compile(r"[.A-Z:/a-z0-9_-]{1,36}", re.ASCII),
    spot_words=w.BINANCE_SPOT,
    futures_words=w.BINANCE_FUTURES,
)

_BYBIT = Profile(
    # Order history keeps fully cancelled and rejected orders for 24 hours.
    traits=Traits(
        client_id_unique=ClientIdRule.ALWAYS,
        lookup_by_client_id=True,
        history_window=DAY,
        request_expiry=True,
        native_stops=True,
        reduce_only=True,
        sets_leverage=True,
        tells_at_once=False,
    ),
    market_types=_BOTH,
    stops=dict.fromkeys(_BOTH, StopStyle.KEPT),
    fee_in_base=True,
    client_id=re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII),
    spot_words=w.BYBIT_SPOT,
    futures_words=w.BYBIT_FUTURES,
)

_OKX = Profile(
    # "If the clOrdId is associated with multiple orders, only the latest one will be returned": ids can come again.
    # Cancelled orders without a fill are kept for two hours.
    traits=Traits(
        client_id_unique=ClientIdRule.OPEN_ONLY,
        lookup_by_client_id=True,
        history_window=2 * HOUR,
        request_expiry=True,
        native_stops=True,
        reduce_only=True,
        sets_leverage=True,
        tells_at_once=False,
    ),
    market_types=_BOTH,
    stops=dict.fromkeys(_BOTH, StopStyle.CHILD),
    fee_in_base=True,
    client_id=re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII),
    spot_words=w.OKX,
    futures_words=w.OKX,
)

_UPBIT = Profile(
    # An identifier is used up by the request, even by one that failed. A market buy gives back what its cost leaves,
    # and so ends as cancelled.
    traits=Traits(
        client_id_unique=ClientIdRule.CONSUMED_ON_FAILURE,
        lookup_by_client_id=True,
        request_expiry=False,
        native_stops=False,
        reduce_only=False,
    ),
    market_types=(MarketType.SPOT,),
    market_buy_end=OrderStatus.CANCELLED,
    fee_in_base=False,
    spot_words=w.UPBIT,
)

_BITHUMB = Profile(
    traits=Traits(
        client_id_unique=ClientIdRule.ALWAYS,
        lookup_by_client_id=True,
        request_expiry=False,
        native_stops=False,
        reduce_only=False,
    ),
    market_types=(MarketType.SPOT,),
    fee_in_base=False,
    spot_words=w.BITHUMB,
)

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {"binance": _BINANCE, "bybit": _BYBIT, "okx": _OKX, "upbit": _UPBIT, "bithumb": _BITHUMB}
)


def profile_named(name: str | None, profiles: Mapping[str, Profile] = PROFILES) -> Profile:
    """Return the profile of that name; None is the paper exchange's plain self.

    Raises:
        UnknownProfile: there is none.
    """
    if name is None:
        return PLAIN
    profile = profiles.get(name)
    if profile is None:
        message = f"unknown profile {name!r}; known: {', '.join(sorted(profiles))}"
        raise UnknownProfile(message)
    return profile
