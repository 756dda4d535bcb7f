"""When the passing of time alone changes something in a strategy account."""

from collections.abc import Iterator

from orderwright.engine.orders import CancelState, Order
from orderwright.engine.strategy_account.progress import running
from orderwright.engine.strategy_account.reconcile import misses_count_after
from orderwright.engine.strategy_account.state import UNSETTLED, Context, State
from orderwright.moments import Micros


def next_due(state: State, context: Context) -> Micros | None:
    """Return the next moment at which `TimePassed` is wanted; None if nothing waits for the clock."""
    return min((moment for moment in _moments(state, context) if moment > context.now), default=None)


def _moments(state: State, context: Context) -> Iterator[Micros]:
    timeout = context.rules.call_timeout
    for order in state.orders.values():
        yield from _of_order(order, context, is_liquidating=state.liquidation is not None)
    for retry in state.retries.values():
        yield retry.not_before
        yield retry.order.held_until
        yield Micros(retry.refreshed_from + timeout)
    if state.liquidation is not None:
        yield state.liquidation.not_before
        for since in state.liquidation.refreshes.values():
            yield Micros(since + timeout)
    for run in running(state):
        for leg in run.legs:
            if leg.refreshed_from and leg.is_waiting:
                yield Micros(leg.refreshed_from + timeout)
            if not leg.result.is_answered and not UNSETTLED.isdisjoint(leg.cancels.values()):
                yield Micros(leg.cancels_at + timeout)


def _of_order(order: Order, context: Context, *, is_liquidating: bool) -> Iterator[Micros]:
    if order.placement_in_doubt:
        yield order.valid_until
        yield Micros(misses_count_after(order, context) + 1)
    if order.cancel is None and order.expires_at is not None:
        yield max(order.expires_at, order.cancel_from)
    elif order.cancel is CancelState.POSTPONED or (order.cancel is None and is_liquidating):
        yield order.cancel_from
