"""From evidence to events: what an answer, a look or a poll says about an order that the log knows."""

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
    CancelRefused,
    CancelRequested,
    Event,
    FillRecorded,
    OrderAccepted,
    OrderClosed,
    OrderDoubted,
    OrderMissed,
    OrderNeverPlaced,
    OrderRejected,
)
from orderwright.engine.strategy_account.state import Context, State

_LOOKS_THAT_MUST_MISS = 2


def placement_answered(state: State, answer: PlacementAnswered, context: Context) -> list[Event]:
    """Decide what a placement's answer means; an answer to an order that moved on by other evidence adds to it."""
    order = state.orders.get(answer.order_id)
    if order is None:
        return []
    match answer.result:
        case Placed(order=seen):
            return catch_up(order, seen, context)
        case Refused(code=code, error=error) if _is_unanswered(order):
            return [OrderRejected(at=context.now, order_id=order.order_id, code=code, error=error)]
        case Unclear(reason=reason) if _is_unanswered(order):
            return [OrderDoubted(at=context.now, order_id=order.order_id, reason=reason)]
    return []


def _is_unanswered(order: Order) -> bool:
    return order.status is OrderStatus.PENDING and not order.placement_in_doubt


def cancel_answered(state: State, answer: CancelAnswered, context: Context) -> list[Event]:
    """Decide what a cancel's answer means; only the order's own final state ends it."""
    order = state.orders.get(answer.order_id)
    if order is None or order.cancel is None:
        return []
    match answer.result:
        case Cancelled(order=seen) if seen is not None:
            events = catch_up(order, seen, context)
            return events if is_terminal(seen.status) else [*events, _doubted(order, "not ended yet", context)]
        case Cancelled():
            return [_doubted(order, "cancelled, final state not told", context)]
        case NotFound():
            return [_doubted(order, "the exchange does not know the order", context)]
        case Unclear(reason=reason):
            return [_doubted(order, reason, context)]
        case Refused(code=code, error=error):
            return [CancelRefused(at=context.now, order_id=order.order_id, code=code, error=error)]
    return []


def _doubted(order: Order, reason: str, context: Context) -> CancelDoubted:
    return CancelDoubted(at=context.now, order_id=order.order_id, reason=reason)


def order_seen(state: State, seen: OrderSeen, context: Context) -> list[Event]:
    """Decide what a look at an order means.

    "Never placed" needs two looks that found nothing, both asked after the order's `valid_until` plus the exchange's
    lag, at an exchange that can be asked by client order id.
    """
    order = state.orders.get(seen.order_id)
    if order is None:
        return []
    match seen.result:
        case ExchangeOrder():
            return _seen_alive_or_ended(order, seen.result, context)
        case NotFound() if order.placement_in_doubt:
            traits = context.market.traits
            if not traits.lookup_by_client_id or seen.asked_at <= order.valid_until + traits.lag:
                return []
            if order.misses + 1 < _LOOKS_THAT_MUST_MISS:
                return [OrderMissed(at=context.now, order_id=order.order_id)]
            return [OrderNeverPlaced(at=context.now, order_id=order.order_id)]
    return []


def _seen_alive_or_ended(order: Order, seen: ExchangeOrder, context: Context) -> list[Event]:
    events = catch_up(order, seen, context)
    if order.cancel is CancelState.IN_DOUBT and not is_terminal(seen.status):
        attempt = order.cancel_attempt + 1
        events.append(CancelRequested(at=context.now, order_id=order.order_id, attempt=attempt))
    return events


def catch_up(order: Order, seen: ExchangeOrder, context: Context) -> list[Event]:
    """Return the events that bring the log up to what the exchange shows of the order.

    An order is closed only when all that it filled has been booked: the filled amount decides, not the status word.
    """
    events: list[Event] = []
    if order.status is OrderStatus.PENDING or order.placement_in_doubt:
        events.append(
            OrderAccepted(at=context.now, order_id=order.order_id, exchange_order_id=seen.exchange_order_id)
        )
    booked = order.filled
    for fill in seen.fills:
        if fill.trade_id in order.trade_ids or fill.amount <= ZERO:
            continue
        booked = add(booked, fill.amount)
        events.append(
            FillRecorded(at=context.now, order_id=order.order_id, symbol=order.symbol, side=order.side, fill=fill)
        )
    if booked >= order.amount:
        events.append(_closed(order, OrderStatus.FILLED, seen, context))
    elif is_terminal(seen.status) and booked >= seen.filled:
        events.append(_closed(order, seen.status, seen, context))
    return events


def _closed(order: Order, status: OrderStatus, seen: ExchangeOrder, context: Context) -> OrderClosed:
    return OrderClosed(at=context.now, order_id=order.order_id, status=status, filled=seen.filled)
