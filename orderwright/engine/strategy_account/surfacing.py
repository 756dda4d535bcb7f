"""Orders at the exchange that contradict the log: taken into the books, while trading pauses until a person looks."""

from orderwright.engine.ids import NO_SIGNAL, OrderId
from orderwright.engine.money import ZERO
from orderwright.engine.orders import Order, OrderStatus, Purpose, is_active
from orderwright.engine.outcomes import ExchangeOrder, OrderSeen
from orderwright.engine.signals import OrderType
from orderwright.engine.strategy_account.commands import TakeInOrder
from orderwright.engine.strategy_account.events import Event, OrderSurfaced, TradingPaused
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.past import Contradiction
from orderwright.engine.strategy_account.reconcile import catch_up, order_seen
from orderwright.engine.strategy_account.state import Context, State

ENGINE = "the engine"
"""Who pauses trading when nobody asked for it."""


_SAID = {
    Contradiction.NEVER_PLACED: "had counted as never placed",
    Contradiction.REJECTED: "had counted as rejected",
    Contradiction.CLOSED: "had ended",
    Contradiction.UNKNOWN: "was in no log",
}


def take_in(state: State, command: TakeInOrder, context: Context) -> list[Event]:
    """Decide what a sighting of an order means that was not among the unfinished ones when it was looked up.

    It contradicts the log if it has filled more than was booked, or if it is open although asked about only when the
    exchange had had the time to show its end.
    """
    seen, known = command.seen, command.known
    order_id = OrderId(seen.client_order_id)
    if order_id in state.orders:
        return order_seen(state, OrderSeen(order_id=order_id, asked_at=command.asked_at, result=seen), context)
    order = known.order or _unheard_of(seen, context)
    is_late_enough = command.asked_at > known.ended_at + context.market.traits.lag
    if seen.filled > order.filled or (is_active(seen.status) and is_late_enough):
        return surface(state, order, seen, known.said, context)
    return []


def _unheard_of(seen: ExchangeOrder, context: Context) -> Order:
    instruments = context.market.instruments
    instrument = None if instruments is None else instruments.get(seen.symbol)
    base, _, quote = seen.symbol.partition("/")
    last = context.market.quotes.get(seen.symbol)
    return Order(
        order_id=OrderId(seen.client_order_id),
        signal_id=NO_SIGNAL,
        leg=0,
        sequence=0,
        symbol=seen.symbol,
        base=base if instrument is None else instrument.base,
        quote=quote if instrument is None else instrument.quote,
        side=seen.side,
        # The exchange does not say; what is open rests, and is looked at like whatever rests.
        order_type=OrderType.LIMIT,
        amount=seen.amount,
        price=None,
        reference_price=ZERO if last is None else last.price,
        purpose=Purpose.ENTRY,
        reduce_only=False,
        valid_until=context.now,
        requested_at=context.now,
        status=OrderStatus.NEW,
    )


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
