"""How events change the orders that wait for their next attempt."""

from msgspec.structs import replace

from orderwright.engine.ids import OrderId
from orderwright.engine.orders import Purpose
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.state import Retry, State


def awaiting_retry(state: State, event: e.OrderRejected | e.OrderNeverPlaced) -> State:
    """Keep the order of an event that says that it goes out again; it must still be among the unfinished ones."""
    order = state.orders.get(event.order_id)
    if order is None:
        return state
    if isinstance(event, e.OrderRejected):
        if event.again_at is None:
            return state
        # A way out is wanted for longer than one attempt lasts.
        valid_until = None if order.purpose is Purpose.CLOSE else order.valid_until
        retry = Retry(order=order, not_before=event.again_at, valid_until=valid_until, said=event.error)
    elif event.again:
        retry = Retry(order=order, not_before=event.at)
    else:
        return state
    return replace(state, retries={**state.retries, order.order_id: retry})


def without_retry(state: State, order_id: OrderId | None) -> State:
    """Let go of an order that waited for its next attempt."""
    if order_id not in state.retries:
        return state
    return replace(state, retries={known: retry for known, retry in state.retries.items() if known != order_id})


def refreshing_retries(state: State, event: e.RefreshStarted) -> State:
    """Note from when on the orders that a close's next attempt must know of are being looked at."""
    meant = [
        known
        for known, retry in state.retries.items()
        if (retry.order.signal_id, retry.order.leg) == (event.signal_id, event.leg)
    ]
    if not meant:
        return state
    refreshed = {known: replace(state.retries[known], refreshed_from=event.at) for known in meant}
    return replace(state, retries={**state.retries, **refreshed})
