"""The weather at the paper exchange: how much is on offer, what can be seen when, and whom it turns away."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from orderwright.engine.instruments import Instrument
from orderwright.engine.money import floor_to_step, subtract
from orderwright.engine.signals import Side
from orderwright.exchanges.paper.records import PaperOrder
from orderwright.moments import SECOND, Micros

Count = Annotated[int, Meta(ge=0)]


class Maintenance(StrEnum):
    """REFUSING takes no orders, but cancels and answers questions; UNAVAILABLE answers nothing."""

    OFF = "off"
    REFUSING = "refusing"
    UNAVAILABLE = "unavailable"


class RateLimit(Struct, frozen=True, kw_only=True):
    """So many `requests` of an account are taken in each interval of `per` microseconds."""

    requests: Count
    per: Annotated[int, Meta(gt=0)] = SECOND


class Conditions(Struct, frozen=True, kw_only=True):
    """What a venue is like for now; durations in microseconds.

    `depth` is the amount, in base units by symbol, that each price offers to either side of each market in each second;
    a symbol that is not in it offers whatever is asked for. An order accepted less than `visibility_lag` ago is not
    shown to anybody who looks; `staleness` is how old the state is in which orders are shown. Whoever asks about one of
    the `forgotten` orders (by the exchange's ids), or cancels it, hears that there is none; it trades on.
    """

    depth: dict[str, Decimal] = {}
    visibility_lag: Count = 0
    staleness: Count = 0
    forgotten: frozenset[str] = frozenset()
    rate_limit: RateLimit | None = None
    maintenance: Maintenance = Maintenance.OFF


def is_forgotten_for_now(order: PaperOrder, conditions: Conditions) -> bool:
    """Return whether an order, or the stop that it trades for, is one of those forgotten."""
    forgotten = conditions.forgotten
    return bool(forgotten) and (str(order.number) in forgotten or str(order.parent) in forgotten)


class Depth:
    """What is still on offer at the current price in the current second; forgets as either changes."""

    def __init__(self, per_second: Mapping[str, Decimal]) -> None:
        self._per_second = per_second
        self._taken: dict[tuple[Instrument, Side], tuple[int, Decimal, Decimal]] = {}

    def take(self, order: PaperOrder, wanted: Decimal, *, market: Instrument, price: Decimal, now: Micros) -> Decimal:
        """Return how much of `wanted` trades now, in whole steps of the market, and take it off the offer."""
        offered = self._per_second.get(order.symbol)
        if offered is None:
            return wanted
        second = now // SECOND
        key = market, order.side
        at, level, left = self._taken.get(key, (second, price, offered))
        if (at, level) != (second, price):
            left = offered
        amount = min(wanted, floor_to_step(left, market.step))
        self._taken[key] = second, price, subtract(left, amount)
        return amount
