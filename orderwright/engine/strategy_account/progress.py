"""How signals, operators' cancel-alls and liquidations go forward: class by class, symbol by symbol."""

from collections.abc import Iterator

from orderwright.engine.instruments import Instrument
from orderwright.engine.orders import CancelState, Order
from orderwright.engine.signals import Instruction, OrderType
from orderwright.engine.strategy_account.events import (
    CancellationEnded,
    CancelRequested,
    Event,
    LegRefused,
    SignalEnded,
)
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.liquidation import liquidation_step
from orderwright.engine.strategy_account.placing import NeedsMarket, expiry, place
from orderwright.engine.strategy_account.sizing import Refusal
from orderwright.engine.strategy_account.state import CancelOutcome, Context, Leg, Run, State


def advance(state: State, context: Context) -> list[Event]:
    """Return all that has become possible: the next legs, the ends of legs and signals, the liquidation's next step."""
    events: list[Event] = []
    while step := _next_step(state, context):
        events.extend(step)
        state = evolve_all(state, step)
    return events


def due_legs(state: State) -> Iterator[tuple[Run, Leg]]:
    """Yield the legs that may be decided now.

    A class waits until every leg of the one before is answered; inside a class, a placing leg waits for the placing
    legs of the same symbol before it in the list.
    """
    for run in _running(state):
        open_legs = [leg for leg in run.legs if not leg.result.is_answered]
        if not open_legs:
            continue
        current = min(leg.instruction.priority for leg in open_legs)
        busy: set[str | None] = set()
        for leg in open_legs:
            if leg.instruction.priority != current:
                continue
            if leg.is_waiting and (leg.instruction.is_cancel or leg.instruction.symbol not in busy):
                yield run, leg
            if not leg.instruction.is_cancel:
                busy.add(leg.instruction.symbol)


def _running(state: State) -> tuple[Run, ...]:
    return (*state.operations, *state.queue[:1])


def _next_step(state: State, context: Context) -> list[Event]:
    step = liquidation_step(state, context)
    if step:
        return step
    for run, leg in due_legs(state):
        step = _decide_leg(state, run, leg.instruction, context)
        if step:
            return step
    for run in _running(state):
        step = _end(run, context)
        if step:
            return step
    return []


def _decide_leg(state: State, run: Run, instruction: Instruction, context: Context) -> list[Event]:
    if instruction.is_cancel:
        return _cancel(state, run, instruction, context)
    match place(state, run, instruction, context):
        case Refusal() as refusal:
            return [_refused(run, instruction, refusal, context)]
        case NeedsMarket():
            return []
        case request:
            return [request]


def _refused(run: Run, instruction: Instruction, refusal: Refusal, context: Context) -> LegRefused:
    return LegRefused(
        at=context.now, signal_id=run.signal_id, leg=instruction.leg, code=refusal.code, error=refusal.error
    )


def _cancel(state: State, run: Run, instruction: Instruction, context: Context) -> list[Event]:
    expired = expiry(state, run, instruction, context)
    if expired is not None:
        return [_refused(run, instruction, expired, context)]
    targets = [
        order
        for order in state.orders.values()
        if order.sequence < run.sequence and _is_target(order, instruction, context)
    ]
    if targets:
        return [
            CancelRequested(
                at=context.now,
                order_id=order.order_id,
                attempt=order.cancel_attempt + (order.cancel is not CancelState.REQUESTED),
                signal_id=run.signal_id,
                leg=instruction.leg,
            )
            for order in targets
        ]
    if instruction.order_type is OrderType.CANCEL_ALL_ORDER:
        return [_cancellation_ended(run, Leg(instruction=instruction, result=run.legs[0].result), context)]
    wanted = instruction.order_id or instruction.ref
    error = f"This strategy account has no open order {wanted}."
    return [_refused(run, instruction, Refusal(code="order_not_found", error=error), context)]


def _is_target(order: Order, instruction: Instruction, context: Context) -> bool:
    if instruction.order_type is OrderType.CANCEL:
        if instruction.order_id is not None:
            return instruction.order_id in (order.order_id, order.exchange_order_id)
        return instruction.ref is not None and instruction.ref == order.ref
    if instruction.side is not None and instruction.side is not order.side:
        return False
    return instruction.symbol is None or order.symbol == _symbol(instruction.symbol, context)


def _symbol(text: str, context: Context) -> str:
    found = context.market.instruments.find(text) if context.market.instruments is not None else None
    return found.symbol if isinstance(found, Instrument) else text.upper()


def _end(run: Run, context: Context) -> list[Event]:
    for leg in run.legs:
        if leg.cancels and not leg.result.is_answered and CancelOutcome.AWAITED not in leg.cancels.values():
            return [_cancellation_ended(run, leg, context)]
    if all(leg.result.is_answered for leg in run.legs):
        return [SignalEnded(at=context.now, signal_id=run.signal_id)]
    return []


def _cancellation_ended(run: Run, leg: Leg, context: Context) -> CancellationEnded:
    outcomes = list(leg.cancels.values())
    return CancellationEnded(
        at=context.now,
        signal_id=run.signal_id,
        leg=leg.instruction.leg,
        cancelled=outcomes.count(CancelOutcome.CANCELLED),
        failed=outcomes.count(CancelOutcome.FAILED),
        in_doubt=outcomes.count(CancelOutcome.IN_DOUBT),
    )
