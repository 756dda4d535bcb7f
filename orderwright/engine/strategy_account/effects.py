"""What a strategy account still owes the outside world in a given state: sends, cancels, looks and prices."""

from orderwright.engine.instruments import MarketType
from orderwright.engine.money import add
from orderwright.engine.orders import CancelState, Order, OrderStatus, Purpose
from orderwright.engine.outcomes import CancelOrder, Effect, FetchQuote, LookUpOrder, PlaceOrder
from orderwright.engine.strategy_account.progress import due_legs
from orderwright.engine.strategy_account.state import Context, State
from orderwright.moments import Micros


def outstanding(state: State, context: Context) -> list[Effect]:
    """Return every effect that is owed; the shell sends each at most once at a time."""
    effects: list[Effect] = []
    for order in state.orders.values():
        if order.status is OrderStatus.PENDING and not order.placement_in_doubt:
            effects.append(_place(state, order))
        elif order.cancel is CancelState.REQUESTED:
            effects.append(_cancel(state, order, context))
        elif order.in_doubt or order.is_at_market:
            effects.append(look(state, order, context))
    if state.queue or state.operations:
        effects.extend(_quotes(state, context))
    return effects


def look(state: State, order: Order, context: Context) -> LookUpOrder:
    """Return the effect of asking the exchange about an order."""
    return LookUpOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        exchange_order_id=order.exchange_order_id,
        deadline=Micros(context.now + context.rules.call_timeout),
        market_type=_market_type(state),
    )


def _place(state: State, order: Order) -> PlaceOrder:
    return PlaceOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        stop_price=order.stop_price,
        reduce_only=order.reduce_only,
        raises_exposure=order.purpose is Purpose.ENTRY and _can_raise(state, order),
        valid_until=order.valid_until,
        deadline=order.valid_until,
        market_type=_market_type(state),
        by_operator=state.liquidation is not None and order.signal_id == state.liquidation.command_id,
    )


def _can_raise(state: State, order: Order) -> bool:
    held = state.position(order.symbol).quantity
    worst = add(held, order.side.signed(state.resting(order.symbol, order.side)))
    return worst.copy_abs() > held.copy_abs()


def _cancel(state: State, order: Order, context: Context) -> CancelOrder:
    return CancelOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        exchange_order_id=order.working_exchange_order_id,
        attempt=order.cancel_attempt,
        deadline=Micros(context.now + context.rules.call_timeout),
        market_type=_market_type(state),
    )


def _quotes(state: State, context: Context) -> list[FetchQuote]:
    # A leg is still due after a decision only because it needs its market or a price.
    symbols = {
        context.market.symbol_of(leg.instruction.symbol or "")
        for _run, leg in due_legs(state, context)
        if not leg.instruction.is_cancel
    }
    deadline = Micros(context.now + context.rules.call_timeout)
    market_type = _market_type(state)
    return [FetchQuote(symbol=symbol, deadline=deadline, market_type=market_type) for symbol in sorted(symbols)]


def _market_type(state: State) -> MarketType | None:
    return None if state.terms is None else state.terms.market_type
