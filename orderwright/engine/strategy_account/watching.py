"""Watching on: what counts as never placed can still turn up where an exchange keeps to no request's expiry."""

from msgspec.structs import replace

from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import NotFound, OrderSeen, Unclear
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.state import Context, State, Watch
from orderwright.moments import DAY, Micros

_WITHOUT_A_WINDOW = DAY


def watch_until(context: Context) -> Micros | None:
    """Return until when an order that was just found to be never placed is to be looked at; None: not at all.

    That is for as long as the exchange would tell of it; a day, where it would for ever.
    """
    traits = context.market.traits
    if traits.request_expiry:
        return None
    return Micros(context.now + (traits.history_window or _WITHOUT_A_WINDOW))


def watch_end(state: State, seen: OrderSeen, context: Context) -> list[e.Event]:
    """Return the end of a watch: a look that found nothing, and was sent when the watch had lasted long enough.

    The passing of time alone ends none: an engine that slept through it has not watched. But where no look can find
    anything, since the exchange cannot be asked by client order id, there is nothing to be had from more of them.
    """
    watch = state.watched.get(seen.order_id)
    if watch is None or seen.asked_at < watch.until:
        return []
    unasked = isinstance(seen.result, Unclear) and not context.market.traits.lookup_by_client_id
    if not unasked and not isinstance(seen.result, NotFound):
        return []
    return [e.WatchEnded(at=context.now, order_id=seen.order_id, unasked=unasked)]


def watching(state: State, event: e.OrderNeverPlaced) -> State:
    """Keep watch over an order that can still turn up; it must still be among the unfinished ones."""
    order = state.orders.get(event.order_id)
    if order is None or event.watch_until is None:
        return state
    watch = Watch(symbol=order.symbol, since=event.at, until=event.watch_until)
    return replace(state, watched={**state.watched, event.order_id: watch})


def watch_ended(state: State, event: e.WatchEnded) -> State:
    """Watch an order no more."""
    return without_watch(state, event.order_id)


def without_watch(state: State, order_id: OrderId) -> State:
    """Watch no more over an order that is there after all, or that cannot be any more."""
    if order_id not in state.watched:
        return state
    return replace(state, watched={known: watch for known, watch in state.watched.items() if known != order_id})
