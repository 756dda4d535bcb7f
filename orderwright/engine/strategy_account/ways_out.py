"""Ways out behind own orders: what holds a position is cancelled before it is closed, and the close waits for that."""

from collections.abc import Iterable

from msgspec.structs import replace

from orderwright.engine.ids import OrderId
from orderwright.engine.money import ZERO
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.engine.strategy_account.cancelling import meant_by
from orderwright.engine.strategy_account.events import Event, OrderRejected, OrderRequested
from orderwright.engine.strategy_account.placing import place
from orderwright.engine.strategy_account.state import UNSETTLED, CancelOutcome, Context, Leg, Run, State

_OPEN = {CancelOutcome.AWAITED, *UNSETTLED}
_ERROR = "Open orders hold what is to be closed, and it is not settled yet whether they are cancelled."


def cancels_before(state: State, run: Run, leg: Leg, context: Context) -> tuple[Leg, ...]:
    """Return the cancels of its batch that a way out waits for: they concern orders that hold what it is to sell.

    None where the sender said by a priority what goes first.
    """
    instruction = leg.instruction
    is_ahead = instruction.order_type is OrderType.MARKET and instruction.is_priority_automatic
    if not is_ahead or not leg.is_waiting:
        return ()
    candidates = [each for each in run.legs if _can_come_before(each)]
    if not candidates:
        return ()
    symbol = context.market.symbol_of(instruction.symbol or "")
    side = _side_of_way_out(state, instruction, symbol)
    holding = {
        order.order_id
        for order in state.orders.values()
        if order.symbol == symbol and order.side is side and order.sequence < run.sequence
    }
    return tuple(each for each in candidates if holding and _concerns(state, each, run, holding, context))


def put_off(state: State, run: Run, instruction: Instruction, context: Context, *, is_some_free: bool) -> list[Event]:
    """Return the events by which a close waits for cancels under way; none if it has nothing of that kind to wait for.

    It becomes an order for all that it is to close, which has been turned away for now, by nobody but the engine.
    """
    symbol = context.market.symbol_of(instruction.symbol or "")
    side = _side_of_way_out(state, instruction, symbol)
    if not instruction.is_close or side is None:
        return []
    wanted = place(replace(state, orders={}), run, instruction, context)
    if not isinstance(wanted, OrderRequested):
        return []
    if not state.is_being_freed(symbol, wanted.side, wanted.amount, in_time=is_some_free):
        return []
    code, at = "cancel_unsettled", context.now
    return [wanted, OrderRejected(at=at, order_id=wanted.order_id, code=code, error=_ERROR, again_at=at)]


def _can_come_before(leg: Leg) -> bool:
    return leg.instruction.is_cancel and leg.instruction.is_priority_automatic and not leg.result.is_answered


def _side_of_way_out(state: State, instruction: Instruction, symbol: str) -> Side | None:
    if instruction.is_close:
        held = state.position(symbol).quantity
        return None if held == ZERO else Side.SELL if held > ZERO else Side.BUY
    # Coins can only be sold out of the position, however the amount is put.
    is_sell = instruction.side is Side.SELL and state.terms is not None and not state.terms.market_type.is_margined
    return Side.SELL if is_sell else None


def _concerns(state: State, leg: Leg, run: Run, orders: Iterable[OrderId], context: Context) -> bool:
    if leg.cancels:
        return any(leg.cancels.get(order_id) in _OPEN for order_id in orders)
    meant = {order.order_id for order in meant_by(state, run, leg.instruction, context)}
    return not meant.isdisjoint(orders)
