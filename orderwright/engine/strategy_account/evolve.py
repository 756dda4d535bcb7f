"""How each event changes the state of a strategy account: total, never fails, never decides."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.money import ZERO
from orderwright.engine.orders import CancelState, Order, OrderStatus, Step, next_status, with_fill
from orderwright.engine.positions import after_fill
from orderwright.engine.signals import Instruction, OrderType
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.results import LegStatus, after, is_about, unanswered
from orderwright.engine.strategy_account.state import CancelOutcome, Leg, Liquidation, Pause, Run, State
from orderwright.moments import SECOND, Micros

_RETRY_AFTER_REJECTION = 5 * SECOND


def evolve(state: State, event: e.Event) -> State:
    """Return the state once `event` has happened."""
    changed: State = _CHANGES[type(event)](state, event)
    return _with_results(changed, event)


def evolve_all(state: State, events: Iterable[e.Event]) -> State:
    """Return the state once all `events` have happened, in order."""
    for event in events:
        state = evolve(state, event)
    return state


def _terms_adopted(state: State, event: e.TermsAdopted) -> State:
    same_capital = state.terms is not None and state.terms.capital == event.terms.capital
    return replace(state, terms=event.terms, capital=state.capital if same_capital else event.terms.capital)


def _capital_allocated(state: State, event: e.CapitalAllocated) -> State:
    return replace(state, capital={**state.capital, event.currency: event.amount})


def _trading_paused(state: State, event: e.TradingPaused) -> State:
    return replace(state, pause=Pause(at=event.at, by=event.by, why=event.why))


def _trading_resumed(state: State, _event: e.TradingResumed) -> State:
    return replace(state, pause=None)


def _signal_accepted(state: State, event: e.SignalAccepted) -> State:
    run = _run(event.signal_id, event.sequence, event.born_at, event.instructions)
    return replace(state, queue=(*state.queue, run), last_sequence=event.sequence)


def _cancellation_ordered(state: State, event: e.CancellationOrdered) -> State:
    instruction = Instruction(
        leg=0, order_type=OrderType.CANCEL_ALL_ORDER, priority=0, symbol=event.symbol, side=event.side
    )
    run = _run(event.command_id, state.last_sequence + 1, event.at, (instruction,))
    return replace(state, operations=(*state.operations, run))


def _run(signal_id: SignalId, sequence: int, born_at: Micros, instructions: tuple[Instruction, ...]) -> Run:
    legs = tuple(Leg(instruction=instruction, result=unanswered(instruction)) for instruction in instructions)
    return Run(signal_id=signal_id, sequence=sequence, born_at=born_at, legs=legs)


def _unchanged(state: State, _event: object) -> State:
    return state


def _order_requested(state: State, event: e.OrderRequested) -> State:
    order = Order(
        order_id=event.order_id,
        signal_id=event.signal_id,
        leg=event.leg,
        sequence=state.last_sequence if _is_liquidation(state, event.signal_id) else _sequence(state, event.signal_id),
        symbol=event.symbol,
        base=event.base,
        quote=event.quote,
        side=event.side,
        order_type=event.order_type,
        amount=event.amount,
        price=event.price,
        reference_price=event.reference_price,
        purpose=event.purpose,
        reduce_only=event.reduce_only,
        valid_until=event.valid_until,
        requested_at=event.at,
        ref=event.ref,
    )
    liquidation = state.liquidation
    if liquidation is not None and event.signal_id == liquidation.command_id:
        liquidation = replace(liquidation, next_leg=event.leg + 1)
    return replace(state, orders={**state.orders, order.order_id: order}, liquidation=liquidation)


def _is_liquidation(state: State, signal_id: SignalId) -> bool:
    return state.liquidation is not None and state.liquidation.command_id == signal_id


def _sequence(state: State, signal_id: SignalId) -> int:
    return next((run.sequence for run in state.queue if run.signal_id == signal_id), state.last_sequence)


def _order_accepted(state: State, event: e.OrderAccepted) -> State:
    return _with_order(
        state,
        event.order_id,
        lambda order: replace(
            order,
            status=next_status(order.status, Step.ACCEPTED),
            exchange_order_id=event.exchange_order_id,
            placement_in_doubt=False,
            misses=0,
        ),
    )


def _order_rejected(state: State, event: e.OrderRejected) -> State:
    order = state.orders.get(event.order_id)
    liquidation = state.liquidation
    if order is not None and liquidation is not None and order.signal_id == liquidation.command_id:
        liquidation = replace(liquidation, not_before=Micros(event.at + _RETRY_AFTER_REJECTION))
    return replace(_without_order(state, event.order_id), liquidation=liquidation)


def _order_doubted(state: State, event: e.OrderDoubted) -> State:
    return _with_order(state, event.order_id, lambda order: replace(order, placement_in_doubt=True))


def _order_missed(state: State, event: e.OrderMissed) -> State:
    return _with_order(state, event.order_id, lambda order: replace(order, misses=order.misses + 1))


def _order_never_placed(state: State, event: e.OrderNeverPlaced) -> State:
    return _without_order(_with_cancel_outcome(state, event.order_id, CancelOutcome.CANCELLED), event.order_id)


def _fill_recorded(state: State, event: e.FillRecorded) -> State:
    def filled(order: Order) -> Order:
        amount, trade_ids = with_fill(order, event.fill)
        return replace(
            order, filled=amount, trade_ids=trade_ids, status=next_status(order.status, Step.PARTLY_FILLED)
        )

    order = state.orders.get(event.order_id)
    position = state.position(event.symbol)
    if order is not None:
        position = replace(position, base=order.base, quote=order.quote)
    position = after_fill(position, event.side, event.fill)
    held = replace(state, positions={**state.positions, event.symbol: position})
    return _with_order(held, event.order_id, filled)


def _cancel_requested(state: State, event: e.CancelRequested) -> State:
    requested = _with_order(
        state,
        event.order_id,
        lambda order: replace(order, cancel=CancelState.REQUESTED, cancel_attempt=event.attempt),
    )
    if event.signal_id is None or event.leg is None:
        return requested
    return _with_legs(
        requested,
        lambda run, leg: (
            replace(leg, cancels={**leg.cancels, event.order_id: CancelOutcome.AWAITED})
            if run.signal_id == event.signal_id and leg.instruction.leg == event.leg
            else leg
        ),
    )


def _cancel_doubted(state: State, event: e.CancelDoubted) -> State:
    doubted = _with_order(state, event.order_id, lambda order: replace(order, cancel=CancelState.IN_DOUBT))
    return _with_cancel_outcome(doubted, event.order_id, CancelOutcome.IN_DOUBT)


def _cancel_refused(state: State, event: e.CancelRefused) -> State:
    refused = _with_order(state, event.order_id, lambda order: replace(order, cancel=None))
    return _with_cancel_outcome(refused, event.order_id, CancelOutcome.FAILED)


def _order_closed(state: State, event: e.OrderClosed) -> State:
    outcome = CancelOutcome.CANCELLED if event.status is OrderStatus.CANCELLED else CancelOutcome.FAILED
    return _without_order(_with_cancel_outcome(state, event.order_id, outcome), event.order_id)


def _signal_ended(state: State, event: e.SignalEnded) -> State:
    return replace(
        state,
        queue=tuple(run for run in state.queue if run.signal_id != event.signal_id),
        operations=tuple(run for run in state.operations if run.signal_id != event.signal_id),
    )


def _liquidation_started(state: State, event: e.LiquidationStarted) -> State:
    return replace(state, liquidation=Liquidation(command_id=event.command_id))


def _liquidation_ended(state: State, _event: e.LiquidationEnded) -> State:
    return replace(state, liquidation=None)


_CHANGES: dict[type[Any], Callable[[State, Any], State]] = {
    e.TermsAdopted: _terms_adopted,
    e.CapitalAllocated: _capital_allocated,
    e.TradingPaused: _trading_paused,
    e.TradingResumed: _trading_resumed,
    e.SignalAccepted: _signal_accepted,
    e.CancellationOrdered: _cancellation_ordered,
    e.LegRefused: _unchanged,
    e.OrderRequested: _order_requested,
    e.OrderAccepted: _order_accepted,
    e.OrderRejected: _order_rejected,
    e.OrderDoubted: _order_doubted,
    e.OrderMissed: _order_missed,
    e.OrderNeverPlaced: _order_never_placed,
    e.FillRecorded: _fill_recorded,
    e.CancelRequested: _cancel_requested,
    e.CancelDoubted: _cancel_doubted,
    e.CancelRefused: _cancel_refused,
    e.OrderClosed: _order_closed,
    e.CancellationEnded: _unchanged,
    e.SignalEnded: _signal_ended,
    e.LiquidationStarted: _liquidation_started,
    e.LiquidationEnded: _liquidation_ended,
}


def _with_order(state: State, order_id: OrderId, change: Callable[[Order], Order]) -> State:
    order = state.orders.get(order_id)
    return state if order is None else replace(state, orders={**state.orders, order_id: change(order)})


def _without_order(state: State, order_id: OrderId) -> State:
    return replace(state, orders={known: order for known, order in state.orders.items() if known != order_id})


def _with_legs(state: State, change: Callable[[Run, Leg], Leg]) -> State:
    def changed(run: Run) -> Run:
        legs = tuple(change(run, leg) for leg in run.legs)
        return run if legs == run.legs else replace(run, legs=legs)

    return replace(
        state,
        queue=tuple(changed(run) for run in state.queue),
        operations=tuple(changed(run) for run in state.operations),
    )


def _with_cancel_outcome(state: State, order_id: OrderId, outcome: CancelOutcome) -> State:
    def settled(_run: Run, leg: Leg) -> Leg:
        known = leg.cancels.get(order_id)
        if known is None or (leg.result.is_answered and leg.result.status is not LegStatus.IN_DOUBT):
            return leg
        return replace(leg, cancels={**leg.cancels, order_id: outcome})

    return _with_legs(state, settled)


def _with_results(state: State, event: e.Event) -> State:
    if not state.queue and not state.operations:
        return state
    signal_id = getattr(event, "signal_id", None)

    def told(run: Run, leg: Leg) -> Leg:
        of_this_run = signal_id is None or signal_id == run.signal_id
        return replace(leg, result=after(leg.result, event)) if of_this_run and is_about(event, leg.result) else leg

    return _with_legs(state, told)
