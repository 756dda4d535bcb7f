"""How signals, operators' cancel-alls and liquidations go forward: class by class, symbol by symbol."""

from collections.abc import Iterator

from msgspec import Struct

from orderwright.engine.ids import OrderId
from orderwright.engine.orders import Purpose
from orderwright.engine.strategy_account.cancelling import cancel, cancellation_end, own_cancels, postponed_cancels
from orderwright.engine.strategy_account.events import Event, LegRefused, OrderRequested, SignalEnded
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.liquidation import liquidation_step
from orderwright.engine.strategy_account.placing import AwaitsClose, NeedsLeverage, NeedsMarket, place
from orderwright.engine.strategy_account.refreshing import AwaitsLooks
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.strategy_account.retrying import retry_step
from orderwright.engine.strategy_account.sizing import Refusal
from orderwright.engine.strategy_account.state import Context, Leg, Run, State
from orderwright.engine.strategy_account.ways_out import cancels_before, put_off

_WHERE_LITTLE_IS_FREE = frozenset({"insufficient_position", "below_minimum"})


class Decided(Struct, frozen=True, kw_only=True):
    """What happens, the state after it, and what came to its end by it, as it was then."""

    events: list[Event]
    state: State
    ended: tuple[Run, ...] = ()


def advance(state: State, context: Context) -> Decided:
    """Return all that has become possible: the next legs, the ends of legs and signals, the liquidation's next step."""
    events: list[Event] = []
    ended: list[Run] = []
    while step := _next_step(state, context):
        events.extend(step)
        over = {event.signal_id for event in step if isinstance(event, SignalEnded)}
        ended.extend(run for run in running(state) if run.signal_id in over)
        state = evolve_all(state, step)
    return Decided(events=events, state=state, ended=tuple(ended))


def due_legs(state: State, context: Context) -> Iterator[tuple[Run, Leg]]:
    """Yield the legs that may be decided now.

    A class waits until every leg of the one before is settled; inside a class, a placing leg waits for the placing
    legs of the same market before it in the list, however they spell it, and a way out for cancels of what holds it up.
    """
    for run in running(state):
        busy: set[str] = set()
        for leg in class_under_way(state, run, context):
            if leg.instruction.is_cancel:
                if leg.is_waiting:
                    yield run, leg
                continue
            symbol = context.market.symbol_of(leg.instruction.symbol or "")
            if leg.is_waiting and symbol not in busy and not cancels_before(state, run, leg, context):
                yield run, leg
            busy.add(symbol)


def needing_market(state: State, context: Context, symbol: str) -> Iterator[tuple[Run, Leg]]:
    """Yield the undecided legs of the classes under way that cannot go on without that market or its price."""
    for run in running(state):
        for leg in class_under_way(state, run, context):
            instruction = leg.instruction
            if not leg.is_waiting or instruction.is_cancel:
                continue
            if context.market.symbol_of(instruction.symbol or "") != symbol:
                continue
            if isinstance(place(state, run, instruction, context), NeedsMarket):
                yield run, leg


def needing_leverage(state: State, context: Context, symbol: str) -> Iterator[tuple[Run, Leg]]:
    """Yield the undecided legs that cannot go on before the leverage of `symbol` is set at the exchange."""
    for run, leg in due_legs(state, context):
        if leg.instruction.is_cancel:
            continue
        needed = place(state, run, leg.instruction, context)
        if isinstance(needed, NeedsLeverage) and needed.symbol == symbol:
            yield run, leg


def running(state: State) -> tuple[Run, ...]:
    """Return what goes forward side by side: every operation, and the first signal of the queue."""
    return (*state.operations, *state.queue[:1])


def class_under_way(state: State, run: Run, context: Context) -> list[Leg]:
    """Return the unsettled legs of the lowest priority that has any, with the cancels that they wait for."""
    unsettled = [leg for leg in run.legs if not _is_settled(state, leg, context)]
    current = min((leg.instruction.priority for leg in unsettled), default=0)
    its_own = [leg for leg in unsettled if leg.instruction.priority == current]
    first = [cancel for leg in its_own for cancel in cancels_before(state, run, leg, context)]
    return [leg for leg in unsettled if leg in its_own or leg in first] if first else its_own


def _is_settled(state: State, leg: Leg, context: Context) -> bool:
    result = leg.result
    if result.engine_order_id is None:
        return result.is_answered
    if result.status is LegStatus.WORKING:
        return _goes_on_by_itself(state, leg, context)
    if result.status is not LegStatus.IN_DOUBT:
        return True
    # A sender hears of a doubt at once, but what comes after waits for the evidence as long as for an answer.
    order = state.orders.get(result.engine_order_id)
    return order is None or not order.placement_in_doubt or context.now >= order.valid_until


def _goes_on_by_itself(state: State, leg: Leg, context: Context) -> bool:
    # What waits to go out again is waited for no longer than for an answer.
    retry = state.retries.get(leg.result.engine_order_id or OrderId(""))
    return retry is not None and context.now >= retry.order.held_until


def _next_step(state: State, context: Context) -> list[Event]:
    step = liquidation_step(state, context) or _expiries(state, context) or retry_step(state, context)
    if step:
        return step
    for run, leg in due_legs(state, context):
        step = _decide_leg(state, run, leg, context)
        if step:
            return step
    for run in running(state):
        step = _end(state, run, context)
        if step:
            return step
    return []


def _expiries(state: State, context: Context) -> list[Event]:
    now = context.now
    expired = [order for order in state.orders.values() if order.expires_at is not None and order.expires_at <= now]
    return own_cancels(expired, context) or postponed_cancels(state, context)


def _decide_leg(state: State, run: Run, leg: Leg, context: Context) -> list[Event]:
    decision = (
        cancel(state, run, leg.instruction, context)
        if leg.instruction.is_cancel
        else place(state, run, leg.instruction, context)
    )
    match decision:
        case Refusal(code=code, error=error):
            is_for_want = code in _WHERE_LITTLE_IS_FREE
            put = put_off(state, run, leg.instruction, context, is_some_free=False) if is_for_want else []
            return put or [refused(run, leg, context, code=code, error=error)]
        case OrderRequested(purpose=Purpose.CLOSE):
            return put_off(state, run, leg.instruction, context, is_some_free=True) or [decision]
        case NeedsMarket() | NeedsLeverage() | AwaitsLooks() | AwaitsClose():
            return []
        case list():
            return decision
    return [decision]


def refused(run: Run, leg: Leg, context: Context, *, code: str, error: str) -> LegRefused:
    """Return the refusal of a leg."""
    return LegRefused(at=context.now, signal_id=run.signal_id, leg=leg.instruction.leg, code=code, error=error)


def _end(state: State, run: Run, context: Context) -> list[Event]:
    for leg in run.legs:
        ended = cancellation_end(run, leg, context)
        if ended is not None:
            return [ended]
    if all(leg.result.is_answered or _goes_on_by_itself(state, leg, context) for leg in run.legs):
        return [SignalEnded(at=context.now, signal_id=run.signal_id)]
    return []
