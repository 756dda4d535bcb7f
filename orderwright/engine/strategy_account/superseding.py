"""What a way out says of earlier openings: what never arrived does not go again once its market was closed."""

from collections.abc import Callable

from msgspec.structs import replace

from orderwright.engine.instruments import is_spelling_of
from orderwright.engine.orders import Order, OrderStatus, Purpose
from orderwright.engine.signals import Instruction, Side
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.state import State

_CLOSE = "a close of its market"
_PAUSE = "a pause of trading"


def superseded_by_order(state: State, order: Order) -> State:
    """Return the state once `order` has been asked for: if it is a way out, earlier openings of its market are over."""
    if order.purpose is not Purpose.CLOSE and not _sells_coins(state, order.side):
        return state
    return _marked(state, lambda each: each.symbol == order.symbol and each.sequence < order.sequence, _CLOSE)


def superseded_by_refusal(state: State, event: e.LegRefused) -> State:
    """Return the state once a leg has been refused: a way out that came to nothing was one all the same."""
    run = next((run for run in state.queue[:1] if run.signal_id == event.signal_id), None)
    leg = None if run is None else next((leg for leg in run.legs if leg.instruction.leg == event.leg), None)
    if run is None or leg is None or not _is_way_out(state, leg.instruction):
        return state
    sequence, text = run.sequence, leg.instruction.symbol or ""
    return _marked(state, lambda each: each.sequence < sequence and is_spelling_of(text, each.symbol), _CLOSE)


def superseded_by_pause(state: State) -> State:
    """Return the state once trading goes on: openings from before do not; while it is paused they are refused."""
    return _marked(state, lambda _order: True, _PAUSE)


def _is_way_out(state: State, instruction: Instruction) -> bool:
    return instruction.is_close or (not instruction.is_cancel and _sells_coins(state, instruction.side))


def _sells_coins(state: State, side: Side | None) -> bool:
    return side is Side.SELL and state.terms is not None and not state.terms.market_type.is_margined


def _marked(state: State, is_meant: Callable[[Order], bool], what: str) -> State:
    def is_over(order: Order) -> bool:
        is_opening = order.purpose is Purpose.ENTRY and not _sells_coins(state, order.side)
        return is_opening and order.status is OrderStatus.PENDING and is_meant(order)

    orders = {known: replace(order, superseded_by=what) for known, order in state.orders.items() if is_over(order)}
    retries = {
        known: replace(retry, order=replace(retry.order, superseded_by=what))
        for known, retry in state.retries.items()
        if is_over(retry.order)
    }
    if not orders and not retries:
        return state
    return replace(state, orders={**state.orders, **orders}, retries={**state.retries, **retries})
