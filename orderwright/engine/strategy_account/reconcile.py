"""From evidence to events: what an answer, a look or a poll says about an order that the log knows."""

from decimal import Decimal

from orderwright.engine.money import ZERO, add
from orderwright.engine.orders import CancelState, Order, OrderStatus, is_terminal
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    ExchangeOrder,
    NotFound,
    OrderSeen,
    Placed,
    PlacementAnswered,
    Refused,
    Unclear,
)
from orderwright.engine.strategy_account.events import (
    CancelDoubted,
    CancelPostponed,
    CancelRefused,
    CancelRequested,
    Event,
    FillRecorded,
    OrderAccepted,
    OrderClosed,
    OrderDoubted,
    OrderMissed,
    OrderNeverPlaced,
    OrderReappeared,
    OrderRejected,
    OrderTriggered,
    OrderVanished,
)
from orderwright.engine.strategy_account.filling import new_fills
from orderwright.engine.strategy_account.retrying import goes_again, goes_again_at, wait_until
from orderwright.engine.strategy_account.state import Context, Sighting, State
from orderwright.engine.strategy_account.watching import watch_end, watch_until
from orderwright.moments import Micros

_UNTRIGGERED = frozenset({OrderStatus.PENDING, OrderStatus.NEW, OrderStatus.OPEN})
_LOOKS_THAT_MUST_MISS = 2


def placement_answered(state: State, answer: PlacementAnswered, context: Context) -> list[Event]:
    """Decide what a placement's answer means; an answer to an order that moved on by other evidence adds to it."""
    order = state.orders.get(answer.order_id)
    if order is None:
        return []
    if isinstance(answer.result, Placed):
        return catch_up(order, answer.result.order, context)
    if order.status is not OrderStatus.PENDING or order.placement_in_doubt:
        return []
    if isinstance(answer.result, Unclear):
        return [OrderDoubted(at=context.now, order_id=order.order_id, reason=answer.result.reason)]
    refused = answer.result
    return [
        OrderRejected(
            at=context.now,
            order_id=order.order_id,
            code=refused.code,
            error=refused.error,
            again_at=goes_again_at(state, order, refused, context),
        )
    ]


def cancel_answered(state: State, answer: CancelAnswered, context: Context) -> list[Event]:
    """Decide what a cancel's answer means; only the order's own final state, with all its fills, ends it."""
    order = state.orders.get(answer.order_id)
    if order is None:
        return []
    events: list[Event] = []
    if isinstance(answer.result, Cancelled) and answer.result.order is not None:
        events = catch_up(order, answer.result.order, context)
    is_awaited = order.cancel is CancelState.REQUESTED and answer.attempt in (None, order.cancel_attempt)
    if not is_awaited or _has_ended(events):
        return events
    if isinstance(answer.result, Refused):
        return [_cancel_refused(state, order, answer.result, context)]
    return [*events, CancelDoubted(at=context.now, order_id=order.order_id, reason=_why_in_doubt(answer.result))]


def _cancel_refused(state: State, order: Order, refused: Refused, context: Context) -> Event:
    code, error = refused.code, refused.error
    if refused.again_after is not None:
        until = wait_until(refused.again_after, order.cancel_attempt, context)
        if state.terms is not None and until < order.cancel_since + state.terms.max_exit_lag:
            return CancelPostponed(at=context.now, order_id=order.order_id, until=until, code=code, error=error)
    return CancelRefused(at=context.now, order_id=order.order_id, code=code, error=error)


def _why_in_doubt(result: Cancelled | NotFound | Unclear) -> str:
    match result:
        case Unclear(reason=reason):
            return reason
        case NotFound():
            return "the exchange does not know the order"
        case Cancelled():
            return "cancelled, but what it filled before is not told yet"


def _has_ended(events: list[Event]) -> bool:
    return any(isinstance(event, OrderClosed) for event in events)


def order_seen(state: State, seen: OrderSeen, context: Context) -> list[Event]:
    """Decide what a look at an order means.

    "Never placed" needs two looks that found nothing, one asked after the other had answered and both after the
    order's `valid_until` plus the exchange's lag, at an exchange that can be asked by client order id. It takes as many
    for an accepted order to vanish, the second one asked when the exchange's lag was over after the first.
    """
    order = state.orders.get(seen.order_id)
    if order is None:
        return watch_end(state, seen, context)
    if isinstance(seen.result, Unclear):
        return []
    if isinstance(seen.result, ExchangeOrder):
        return _seen_alive_or_ended(order, seen.result, context)
    if order.exchange_order_id is not None:
        return _missed_at_the_exchange(order, seen, context)
    traits = context.market.traits
    counts_from = max(misses_count_after(order, context), order.missed_at)
    if not order.placement_in_doubt or not traits.lookup_by_client_id or seen.asked_at <= counts_from:
        return []
    if order.misses + 1 < _LOOKS_THAT_MUST_MISS:
        return [OrderMissed(at=context.now, order_id=order.order_id)]
    again = goes_again(state, order, context)
    watched = watch_until(context)
    return [OrderNeverPlaced(at=context.now, order_id=order.order_id, again=again, watch_until=watched)]


def _missed_at_the_exchange(order: Order, seen: OrderSeen, context: Context) -> list[Event]:
    if order.has_vanished or seen.asked_at <= misses_count_after(order, context):
        return []
    if order.misses + 1 < _LOOKS_THAT_MUST_MISS:
        return [OrderMissed(at=context.now, order_id=order.order_id)]
    return [OrderVanished(at=context.now, order_id=order.order_id)]


def misses_count_after(order: Order, context: Context) -> Micros:
    """Return the moment after which the exchange would show an order, had it ever arrived.

    Of an accepted one that was missed: after which it would show it again, were it only that its answers lag.
    """
    is_missed_again = order.exchange_order_id is not None and order.misses
    since = order.missed_at if is_missed_again else order.valid_until
    return Micros(since + context.market.traits.lag)


def _seen_alive_or_ended(order: Order, seen: ExchangeOrder, context: Context) -> list[Event]:
    events = catch_up(order, seen, context)
    if order.cancel is CancelState.IN_DOUBT and not is_terminal(seen.status) and not _has_ended(events):
        attempt = order.cancel_attempt + 1
        events.append(CancelRequested(at=context.now, order_id=order.order_id, attempt=attempt))
    return events


def catch_up(order: Order, seen: ExchangeOrder, context: Context) -> list[Event]:
    """Return the events that bring the log up to what the exchange shows of the order.

    An order is closed only when all that it filled has been booked: the filled amount decides, not the status word.
    What is another order of the exchange's tells nothing.
    """
    if (seen.symbol, seen.side) != (order.symbol, order.side):
        return []
    events: list[Event] = []
    if order.status is OrderStatus.PENDING or order.placement_in_doubt:
        events.append(OrderAccepted(at=context.now, order_id=order.order_id, exchange_order_id=seen.exchange_order_id))
    elif order.misses:
        events.append(OrderReappeared(at=context.now, order_id=order.order_id))
    events.extend(_triggered(order, seen, context))
    booked = order.filled
    fills, is_difference = new_fills(order, seen, context)
    for fill in fills:
        booked = add(booked, fill.amount)
        events.append(
            FillRecorded(
                at=context.now,
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                fill=fill,
                is_difference=is_difference,
            )
        )
    if booked >= order.amount:
        events.append(OrderClosed(at=context.now, order_id=order.order_id, status=OrderStatus.FILLED, filled=booked))
    elif is_terminal(seen.status) and booked >= _least(seen):
        events.append(OrderClosed(at=context.now, order_id=order.order_id, status=seen.status, filled=booked))
    return events


def _triggered(order: Order, seen: ExchangeOrder, context: Context) -> list[Event]:
    child = seen.child_exchange_order_id
    is_news = child is not None and child != order.child_exchange_order_id
    is_first = seen.status is OrderStatus.TRIGGERED and order.child_exchange_order_id is None
    if not is_news and not (is_first and order.status in _UNTRIGGERED):
        return []
    return [OrderTriggered(at=context.now, order_id=order.order_id, child_exchange_order_id=child)]


def sighting(seen: OrderSeen) -> Sighting | None:
    """Return what a look has shown of an order, if its answer was clear."""
    if isinstance(seen.result, Unclear):
        return None
    filled = _least(seen.result) if isinstance(seen.result, ExchangeOrder) else ZERO
    return Sighting(asked_at=seen.asked_at, filled=filled)


def _least(seen: ExchangeOrder) -> Decimal:
    # "Filled" beside a smaller filled amount is an exchange that has not caught up with itself.
    return max(seen.filled, seen.amount) if seen.status is OrderStatus.FILLED else seen.filled
