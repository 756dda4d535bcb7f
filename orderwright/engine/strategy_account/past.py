"""What the log says of an order that is not among the unfinished ones: how it ended, and what had been booked to it."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from orderwright.engine.ids import OrderId
from orderwright.engine.orders import Order
from orderwright.engine.strategy_account.events import Event, OrderClosed, OrderNeverPlaced, OrderRejected
from orderwright.engine.strategy_account.evolve import evolve
from orderwright.engine.strategy_account.state import State
from orderwright.moments import Micros


class Contradiction(StrEnum):
    """What the log had said of an order that is at the exchange all the same."""

    NEVER_PLACED = "never_placed"
    REJECTED = "rejected"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class LastKnown(Struct, frozen=True, kw_only=True):
    """How the log knew an order last, with all its fills, and how and when it ended; no order: it never had it."""

    order: Order | None = None
    said: Contradiction = Contradiction.UNKNOWN
    ended_at: Micros = Micros(0)


_ENDS: dict[type[Any], Contradiction] = {
    OrderNeverPlaced: Contradiction.NEVER_PLACED,
    OrderRejected: Contradiction.REJECTED,
    OrderClosed: Contradiction.CLOSED,
}


def last_known(order_id: OrderId, events: Iterable[Event]) -> LastKnown:
    """Return what the events of a strategy account, in order, tell of one of its orders."""
    state, known = State(), LastKnown()
    for event in events:
        if getattr(event, "order_id", None) != order_id:
            continue
        state = evolve(state, event)
        order = state.orders.get(order_id)
        if order is not None:
            known = LastKnown(order=order)
        elif type(event) in _ENDS:
            known = LastKnown(order=known.order, said=_ENDS[type(event)], ended_at=event.at)
    return known
