"""Looking before closing: own unfinished orders of a symbol are refreshed from the exchange before a close is sized."""

from msgspec import Struct

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.orders import Order
from orderwright.engine.strategy_account.events import RefreshStarted
from orderwright.engine.strategy_account.state import Context, Liquidation, Run, State
from orderwright.moments import SECOND, Micros

_SHARED_FOR = SECOND


class AwaitsLooks(Struct, frozen=True, kw_only=True):
    """Nothing is decided before looks at these orders, sent from `since` on, have told, or time for that is over."""

    order_ids: tuple[OrderId, ...]
    since: Micros


def refresh(
    state: State, signal_id: SignalId, *, leg: int, symbol: str, since: Micros, context: Context
) -> RefreshStarted | AwaitsLooks | None:
    """Return what must come before a close of `symbol` is sized; None: it can be sized now.

    `since` is when its refresh started (0: it has not). An order counts as refreshed by a clear answer to a look that
    was sent after that. At the calls' deadline the close goes on with what is known.
    """
    if all(order.symbol != symbol for order in state.orders.values()):
        return None
    timeout = context.rules.call_timeout
    if not since or context.now >= since + 2 * timeout:
        return RefreshStarted(at=context.now, signal_id=signal_id, leg=leg, symbol=symbol)
    stale = not_looked_at(state, symbol, since, context)
    return AwaitsLooks(order_ids=stale, since=since) if stale and context.now < since + timeout else None


def not_looked_at(state: State, symbol: str, since: Micros, context: Context) -> tuple[OrderId, ...]:
    """Return the unfinished orders of `symbol` that no look sent from `since` on has shown, or whose fills lack."""
    return tuple(
        order.order_id
        for order in state.orders.values()
        if order.symbol == symbol and not _is_fresh(order, since, context)
    )


def _is_fresh(order: Order, since: Micros, context: Context) -> bool:
    seen = context.sightings.get(order.order_id)
    if seen is not None and seen.asked_at >= since:
        return order.filled >= seen.filled
    was_told = context.market.traits.tells_at_once and order.exchange_order_id is not None
    return was_told and order.requested_at > since


def refreshed_since(run: Run, leg: int, symbol: str, context: Context) -> Micros:
    """Return when the refresh that this leg rests on started; 0: it has none.

    A ladder of closes shares one, as long as that is no older than a second.
    """
    own = next((each.refreshed_from for each in run.legs if each.instruction.leg == leg), Micros(0))
    if own:
        return own
    shared = max(
        each.refreshed_from
        for each in run.legs
        if context.market.symbol_of(each.instruction.symbol or "") == symbol or each.instruction.leg == leg
    )
    return shared if context.now - shared <= _SHARED_FOR else Micros(0)


def awaited_by_liquidation(state: State, goal: Liquidation, context: Context) -> dict[OrderId, Micros]:
    """Return the orders that a liquidation's refreshes wait for, with when each refresh started."""
    until = context.now - context.rules.call_timeout
    return {
        order_id: since
        for symbol, since in goal.refreshes.items()
        if since > until
        for order_id in not_looked_at(state, symbol, since, context)
    }
