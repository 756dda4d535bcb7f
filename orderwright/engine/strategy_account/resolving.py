"""Doubt that no evidence ends: an operator decides, by name and reason, and is believed like the exchange."""

from orderwright.engine.orders import CancelState, Order, OrderStatus
from orderwright.engine.strategy_account.commands import ResolveDoubt
from orderwright.engine.strategy_account.events import (
    Decision,
    DoubtResolved,
    Event,
    OrderAccepted,
    OrderClosed,
    OrderNeverPlaced,
)
from orderwright.engine.strategy_account.state import Context, State
from orderwright.engine.strategy_account.watching import watch_until


def resolve(state: State, command: ResolveDoubt, context: Context) -> list[Event]:
    """Decide a resolution: the decision itself, and what follows from it; nothing if there is an objection."""
    order = state.orders.get(command.order_id)
    if order is None or resolution_objection(state, command, context) is not None:
        return []
    decided = DoubtResolved(
        at=context.now,
        order_id=order.order_id,
        decision=command.decision,
        by=command.by,
        why=command.why,
        exchange_order_id=command.exchange_order_id,
        unchecked=command.unchecked,
    )
    return [decided, _consequence(order, command, context)]


def _consequence(order: Order, command: ResolveDoubt, context: Context) -> Event:
    match command.decision:
        case Decision.PLACED:
            exchange_order_id = command.exchange_order_id or ""
            return OrderAccepted(at=context.now, order_id=order.order_id, exchange_order_id=exchange_order_id)
        case Decision.NEVER_PLACED:
            return OrderNeverPlaced(at=context.now, order_id=order.order_id, watch_until=watch_until(context))
        case Decision.CANCELLED:
            return OrderClosed(
                at=context.now, order_id=order.order_id, status=OrderStatus.CANCELLED, filled=order.filled
            )


def resolution_objection(state: State, command: ResolveDoubt, context: Context) -> str | None:
    """Return what speaks against the decision, as a sentence; None if nothing does."""
    order = state.orders.get(command.order_id)
    if order is None:
        return f"This strategy account has no unfinished order {command.order_id}."
    if command.decision is Decision.CANCELLED:
        is_asked_for = order.cancel is CancelState.IN_DOUBT and not order.placement_in_doubt
        return None if is_asked_for or order.has_vanished else "No cancel of this order is in doubt."
    if order.has_vanished and command.decision is Decision.NEVER_PLACED:
        return f"The exchange had accepted it as {order.exchange_order_id}: say `cancelled` if it has ended there."
    if not order.placement_in_doubt and not order.has_vanished:
        return "Whether this order was placed is not in doubt."
    if command.decision is Decision.PLACED:
        needed = "To say that it was placed takes the exchange's id of the order, by which it is then looked up."
        return None if command.exchange_order_id else needed
    if context.now <= order.valid_until + context.market.traits.lag:
        return "The order may still be on its way to the exchange."
    return None
