"""How events change a strategy account's orders, the positions they fill, and the legs that wait for them."""

from collections.abc import Callable

from msgspec.structs import replace

from orderwright.engine.ids import NO_SIGNAL, OrderId
from orderwright.engine.orders import CancelState, Order, OrderStatus, Purpose, Step, next_status, with_fill
from orderwright.engine.positions import after_fill
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.strategy_account.retry_changes import awaiting_retry, refreshing_retries, without_retry
from orderwright.engine.strategy_account.state import CancelOutcome, Leg, Run, State, Surfaced
from orderwright.engine.strategy_account.superseding import superseded_by_order
from orderwright.engine.strategy_account.watching import watching, without_watch
from orderwright.moments import SECOND, Micros

_RETRY_AFTER_A_NO = 5 * SECOND


def refresh_started(state: State, event: e.RefreshStarted) -> State:
    """Note from when on the orders that a close must know of are being looked at."""
    goal = state.liquidation
    if goal is not None and event.signal_id == goal.command_id:
        return replace(state, liquidation=replace(goal, refreshes={**goal.refreshes, event.symbol: event.at}))

    state = refreshing_retries(state, event)

    def refreshing(run: Run, leg: Leg) -> Leg:
        is_meant = run.signal_id == event.signal_id and leg.instruction.leg == event.leg
        return replace(leg, refreshed_from=event.at) if is_meant else leg

    return with_legs(state, refreshing)


def order_requested(state: State, event: e.OrderRequested) -> State:
    """Take in an order that is to be sent."""
    sequence, born_at, held_until = _origin(state, event)
    order = Order(
        order_id=event.order_id,
        signal_id=event.signal_id,
        leg=event.leg,
        sequence=sequence,
        symbol=event.symbol,
        base=event.base,
        quote=event.quote,
        side=event.side,
        order_type=event.order_type,
        amount=event.amount,
        price=event.price,
        stop_price=event.stop_price,
        reference_price=event.reference_price,
        purpose=event.purpose,
        reduce_only=event.reduce_only,
        valid_until=event.valid_until,
        requested_at=event.at,
        attempt=event.attempt,
        born_at=born_at,
        held_until=held_until,
        ref=event.ref,
        expires_at=event.expires_at,
    )
    liquidation = state.liquidation
    if liquidation is not None and event.signal_id == liquidation.command_id:
        refreshes = {symbol: since for symbol, since in liquidation.refreshes.items() if symbol != event.symbol}
        liquidation = replace(liquidation, next_leg=event.leg + 1, refreshes=refreshes)
    left = superseded_by_order(without_retry(state, event.replaces), order)
    return replace(left, orders={**left.orders, order.order_id: order}, liquidation=liquidation)


def _origin(state: State, event: e.OrderRequested) -> tuple[int, Micros, Micros]:
    if event.replaces in state.retries:
        before = state.retries[event.replaces].order
        return before.sequence, before.born_at, before.held_until
    for run in state.queue:
        if run.signal_id == event.signal_id:
            return run.sequence, run.born_at, event.valid_until
    # Of a liquidation's orders: as young as whatever was accepted last, so that older signals' cancels spare them.
    return state.last_sequence, event.at, event.valid_until


def order_accepted(state: State, event: e.OrderAccepted) -> State:
    """Note that the exchange has the order, which ends every doubt about its placement."""
    return _with_order(
        state,
        event.order_id,
        lambda order: replace(
            order,
            status=next_status(order.status, Step.ACCEPTED),
            exchange_order_id=event.exchange_order_id,
            placement_in_doubt=False,
            has_vanished=False,
            misses=0,
        ),
    )


def order_triggered(state: State, event: e.OrderTriggered) -> State:
    """Note that a stop's price has come, and under which id it trades."""
    return _with_order(
        state,
        event.order_id,
        lambda order: replace(
            order,
            status=next_status(order.status, Step.TRIGGERED),
            child_exchange_order_id=event.child_exchange_order_id or order.child_exchange_order_id,
        ),
    )


def order_rejected(state: State, event: e.OrderRejected) -> State:
    """Let an order go that was not taken; whoever wanted it cancelled has what was wanted."""
    return _without_order(awaiting_retry(_with_pause(state, event), event), event.order_id, CancelOutcome.CANCELLED)


def order_never_placed(state: State, event: e.OrderNeverPlaced) -> State:
    """Let an order go that never arrived; whoever wanted it cancelled has what was wanted."""
    kept = watching(awaiting_retry(_with_pause(state, event), event), event)
    return _without_order(kept, event.order_id, CancelOutcome.CANCELLED)


def order_abandoned(state: State, event: e.OrderAbandoned) -> State:
    """Let an order go that does not go out again, perhaps because a leg cancels it."""

    def cancelled(run: Run, leg: Leg) -> Leg:
        if run.signal_id != event.by_signal or leg.instruction.leg != event.by_leg:
            return leg
        return replace(leg, cancels={**leg.cancels, event.order_id: CancelOutcome.CANCELLED})

    left = without_retry(state, event.order_id)
    return left if event.by_signal is None else with_legs(left, cancelled)


def order_closed(state: State, event: e.OrderClosed) -> State:
    """Let an order go that has ended; a cancel of it has succeeded only if that is how it ended."""
    if event.status is OrderStatus.CANCELLED:
        return _without_order(_with_pause(state, event), event.order_id, CancelOutcome.CANCELLED)
    paused = state if event.status is OrderStatus.FILLED else _with_pause(state, event)
    return _without_order(paused, event.order_id, CancelOutcome.FAILED)


def _with_pause(state: State, event: e.OrderRejected | e.OrderNeverPlaced | e.OrderClosed) -> State:
    # A liquidation that does not get its way must not try again at once, and for ever.
    order = state.orders.get(event.order_id)
    goal = state.liquidation
    if order is None or goal is None or order.signal_id != goal.command_id:
        return state
    return replace(state, liquidation=replace(goal, not_before=Micros(event.at + _RETRY_AFTER_A_NO)))


def order_doubted(state: State, event: e.OrderDoubted) -> State:
    """Note that nobody knows whether the exchange has the order."""
    return _with_order(state, event.order_id, lambda order: replace(order, placement_in_doubt=True))


def order_missed(state: State, event: e.OrderMissed) -> State:
    """Count a look that came late enough and found nothing."""
    return _with_order(state, event.order_id, lambda order: replace(order, misses=order.misses + 1, missed_at=event.at))


def order_vanished(state: State, event: e.OrderVanished) -> State:
    """Note that the exchange does not know an order any more that it had accepted; it may still have traded."""
    return _with_order(
        state,
        event.order_id,
        lambda order: replace(order, has_vanished=True, misses=order.misses + 1, missed_at=event.at),
    )


def order_reappeared(state: State, event: e.OrderReappeared) -> State:
    """Forget the looks that did not find an order."""
    return _with_order(state, event.order_id, lambda order: replace(order, has_vanished=False, misses=0))


def order_surfaced(state: State, event: e.OrderSurfaced) -> State:
    """Take in an order that the exchange has and the log had not."""
    order = Order(
        order_id=event.order_id,
        signal_id=event.signal_id or NO_SIGNAL,
        leg=event.leg,
        sequence=state.last_sequence,
        symbol=event.symbol,
        base=event.base,
        quote=event.quote,
        side=event.side,
        order_type=event.order_type,
        amount=event.amount,
        price=event.price,
        stop_price=event.stop_price,
        reference_price=event.reference_price,
        purpose=event.purpose,
        reduce_only=event.reduce_only,
        valid_until=event.at,
        requested_at=event.at,
        ref=event.ref,
        expires_at=event.expires_at,
        status=OrderStatus.PARTIALLY_FILLED if event.filled else OrderStatus.NEW,
        exchange_order_id=event.exchange_order_id,
        filled=event.filled,
        trade_ids=event.trade_ids,
        differences=event.differences,
    )
    # What is there need not go again.
    known = without_watch(without_retry(state, event.order_id), event.order_id)
    surfaced = Surfaced(order_id=event.order_id, why=event.why)
    return replace(known, orders={**state.orders, order.order_id: order}, surfaced=surfaced)


def fill_recorded(state: State, event: e.FillRecorded) -> State:
    """Book a fill to its order and to the position."""
    order = state.orders.get(event.order_id)
    position = state.position(event.symbol)
    if order is not None and position.base != order.base:
        position = replace(position, base=order.base, quote=order.quote)
    positions = {**state.positions, event.symbol: after_fill(position, event.side, event.fill)}
    if order is None:
        return replace(state, positions=positions)
    filled = with_fill(order, event.fill, is_difference=event.is_difference)
    return replace(state, positions=positions, orders={**state.orders, order.order_id: filled})


def cancel_requested(state: State, event: e.CancelRequested) -> State:
    """Note that an order is to be cancelled, and which leg waits for that."""

    def asked(order: Order) -> Order:
        is_anew = order.cancel is None or event.signal_id is not None
        since = event.at if is_anew else order.cancel_since
        over = "a cancel" if order.purpose is Purpose.ENTRY else ""
        return replace(
            order,
            cancel=CancelState.REQUESTED,
            cancel_attempt=event.attempt,
            cancel_since=since,
            superseded_by=order.superseded_by or over,
        )

    requested = _with_order(state, event.order_id, asked)

    def waiting(run: Run, leg: Leg) -> Leg:
        if run.signal_id != event.signal_id or leg.instruction.leg != event.leg:
            return leg
        return replace(leg, cancels={**leg.cancels, event.order_id: CancelOutcome.AWAITED}, cancels_at=event.at)

    return requested if event.signal_id is None else with_legs(requested, waiting)


def cancel_postponed(state: State, event: e.CancelPostponed) -> State:
    """Note that the cancel goes again later; whoever waits for it waits on for as long as a call may take."""
    postponed = _with_order(
        state,
        event.order_id,
        lambda order: replace(order, cancel=CancelState.POSTPONED, cancel_from=event.until),
    )
    return _with_cancel_outcome(postponed, event.order_id, CancelOutcome.POSTPONED, said=event.error)


def cancel_doubted(state: State, event: e.CancelDoubted) -> State:
    """Note that nobody knows whether the order was cancelled."""
    doubted = _with_order(
        state,
        event.order_id,
        lambda order: replace(order, cancel=CancelState.IN_DOUBT, cancel_doubted_at=event.at),
    )
    return _with_cancel_outcome(doubted, event.order_id, CancelOutcome.IN_DOUBT)


def cancel_refused(state: State, event: e.CancelRefused) -> State:
    """Note that the order lives on; the engine may ask again of its own accord, but not at once."""
    again = Micros(event.at + _RETRY_AFTER_A_NO)
    refused = _with_order(state, event.order_id, lambda order: replace(order, cancel=None, cancel_from=again))
    return _with_cancel_outcome(refused, event.order_id, CancelOutcome.FAILED, said=event.error)


def with_legs(state: State, change: Callable[[Run, Leg], Leg]) -> State:
    """Return the state with `change` applied to every leg that is on its way; the waiting signals' legs are not."""
    queue, operations = state.queue, state.operations
    if queue:
        first = _changed(queue[0], change)
        if first is not queue[0]:
            queue = (first, *queue[1:])
    if operations:
        operations = tuple([_changed(run, change) for run in operations])
    elif queue is state.queue:
        return state
    return replace(state, queue=queue, operations=operations)


def _changed(run: Run, change: Callable[[Run, Leg], Leg]) -> Run:
    legs = [change(run, leg) for leg in run.legs]
    for new, old in zip(legs, run.legs, strict=True):
        if new is not old:
            return replace(run, legs=tuple(legs))
    return run


def _with_order(state: State, order_id: OrderId, change: Callable[[Order], Order]) -> State:
    order = state.orders.get(order_id)
    return state if order is None else replace(state, orders={**state.orders, order_id: change(order)})


def _without_order(state: State, order_id: OrderId, outcome: CancelOutcome) -> State:
    if order_id not in state.orders:
        return state
    orders = {known: order for known, order in state.orders.items() if known != order_id}
    left = replace(state, orders=orders)
    # Hardly any order that ends was being cancelled.
    return left if state.orders[order_id].cancel is None else _with_cancel_outcome(left, order_id, outcome)


def _with_cancel_outcome(state: State, order_id: OrderId, outcome: CancelOutcome, *, said: str = "") -> State:
    def settled(_run: Run, leg: Leg) -> Leg:
        if order_id not in leg.cancels or (leg.result.is_answered and leg.result.status is not LegStatus.IN_DOUBT):
            return leg
        return replace(leg, cancels={**leg.cancels, order_id: outcome}, said=said or leg.said)

    return with_legs(state, settled)
