"""Orders at the exchange that contradict the log: taken into the books, while trading pauses until a person looks."""

from enum import StrEnum

from orderwright.engine.ids import NO_SIGNAL
from orderwright.engine.orders import Order
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.strategy_account.events import Event, OrderSurfaced, TradingPaused
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.reconcile import catch_up
from orderwright.engine.strategy_account.state import Context, State

ENGINE = "the engine"
"""Who pauses trading when nobody asked for it."""


class Contradiction(StrEnum):
    """What the log had said of an order that is at the exchange all the same."""

    NEVER_PLACED = "never_placed"
    REJECTED = "rejected"
    CLOSED = "closed"
    UNKNOWN = "unknown"


_SAID = {
    Contradiction.NEVER_PLACED: "had counted as never placed",
    Contradiction.REJECTED: "had counted as rejected",
    Contradiction.CLOSED: "had ended",
    Contradiction.UNKNOWN: "was in no log",
}


def surface(state: State, order: Order, seen: ExchangeOrder, why: Contradiction, context: Context) -> list[Event]:
    """Return what follows from seeing an order that is not among the unfinished ones.

    `order` is how the log knew it last, with what was booked to it. Entries are paused first: whatever let this happen
    must not happen again before a person has looked.
    """
    events: list[Event] = [
        OrderSurfaced(
            at=context.now,
            order_id=order.order_id,
            exchange_order_id=seen.exchange_order_id,
            symbol=order.symbol,
            base=order.base,
            quote=order.quote,
            side=order.side,
            order_type=order.order_type,
            amount=order.amount,
            reference_price=order.reference_price,
            purpose=order.purpose,
            why=why.value,
            signal_id=None if order.signal_id == NO_SIGNAL else order.signal_id,
            leg=order.leg,
            price=order.price,
            stop_price=order.stop_price,
            reduce_only=order.reduce_only,
            ref=order.ref,
            expires_at=order.expires_at,
            filled=order.filled,
            trade_ids=order.trade_ids,
            differences=order.differences,
        )
    ]
    if state.pause is None:
        reason = f"Order {order.order_id} is at the exchange, and {_SAID[why]} here."
        events.append(TradingPaused(at=context.now, by=ENGINE, why=reason))
    surfaced = evolve_all(state, events).orders[order.order_id]
    return [*events, *catch_up(surfaced, seen, context)]
