"""How each event changes the state of a strategy account: total, never fails, never decides."""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from orderwright.engine.ids import SignalId
from orderwright.engine.positions import after_adoption
from orderwright.engine.signals import Instruction, OrderType
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account import order_changes as orders
from orderwright.engine.strategy_account.results import after, is_about, is_told, unanswered
from orderwright.engine.strategy_account.state import Leg, Liquidation, Pause, Run, State
from orderwright.engine.strategy_account.superseding import superseded_by_pause, superseded_by_refusal
from orderwright.engine.strategy_account.watching import watch_ended
from orderwright.moments import DAY, Micros

_ADOPTIONS_REMEMBERED = DAY


def evolve(state: State, event: e.Event) -> State:
    """Return the state once `event` has happened."""
    changed: State = _CHANGES[type(event)](state, event)
    return _with_results(changed, event) if changed.queue or changed.operations else changed


def evolve_all(state: State, events: Iterable[e.Event]) -> State:
    """Return the state once all `events` have happened, in order."""
    for event in events:
        state = evolve(state, event)
    return state


def _with_results(state: State, event: e.Event) -> State:
    if not is_told(event):
        return state
    signal_id = getattr(event, "signal_id", None)

    def told(run: Run, leg: Leg) -> Leg:
        is_of_run = signal_id is None or signal_id == run.signal_id
        return replace(leg, result=after(leg.result, event)) if is_of_run and is_about(event, leg.result) else leg

    return orders.with_legs(state, told)


def _terms_adopted(state: State, event: e.TermsAdopted) -> State:
    same_capital = state.terms is not None and state.terms.capital == event.terms.capital
    return replace(state, terms=event.terms, capital=state.capital if same_capital else event.terms.capital)


def _capital_allocated(state: State, event: e.CapitalAllocated) -> State:
    return replace(state, capital={**state.capital, event.currency: event.amount})


def _trading_paused(state: State, event: e.TradingPaused) -> State:
    return replace(state, pause=Pause(at=event.at, by=event.by, why=event.why))


def _trading_resumed(state: State, _event: e.TradingResumed) -> State:
    return replace(superseded_by_pause(state), pause=None, surfaced=None)


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


def _signal_ended(state: State, event: e.SignalEnded) -> State:
    return replace(
        state,
        queue=tuple(run for run in state.queue if run.signal_id != event.signal_id),
        operations=tuple(run for run in state.operations if run.signal_id != event.signal_id),
    )


def _leverage_set(state: State, event: e.LeverageSet) -> State:
    return replace(state, leverages={**state.leverages, event.symbol: event.leverage})


def _position_adopted(state: State, event: e.PositionAdopted) -> State:
    held = replace(state.position(event.symbol), base=event.base, quote=event.quote)
    position = after_adoption(held, event.amount, event.price)
    recent = {known: at for known, at in state.adoptions.items() if at > event.at - _ADOPTIONS_REMEMBERED}
    return replace(
        state,
        positions={**state.positions, event.symbol: position},
        adoptions={**recent, event.command_id: event.at},
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
    e.LegRefused: superseded_by_refusal,
    e.RefreshStarted: orders.refresh_started,
    e.LeverageSet: _leverage_set,
    e.OrderRequested: orders.order_requested,
    e.OrderAccepted: orders.order_accepted,
    e.DoubtResolved: _unchanged,
    e.OrderTriggered: orders.order_triggered,
    e.OrderRejected: orders.order_rejected,
    e.OrderDoubted: orders.order_doubted,
    e.OrderMissed: orders.order_missed,
    e.OrderVanished: orders.order_vanished,
    e.OrderReappeared: orders.order_reappeared,
    e.OrderNeverPlaced: orders.order_never_placed,
    e.WatchEnded: watch_ended,
    e.OrderAbandoned: orders.order_abandoned,
    e.OrderSurfaced: orders.order_surfaced,
    e.FillRecorded: orders.fill_recorded,
    e.CancelRequested: orders.cancel_requested,
    e.CancelPostponed: orders.cancel_postponed,
    e.CancelDoubted: orders.cancel_doubted,
    e.CancelRefused: orders.cancel_refused,
    e.OrderClosed: orders.order_closed,
    e.CancellationEnded: _unchanged,
    e.PositionAdopted: _position_adopted,
    e.SignalEnded: _signal_ended,
    e.LiquidationStarted: _liquidation_started,
    e.LiquidationEnded: _liquidation_ended,
}
