"""What a strategy account still owes the outside world in a given state: sends, cancels, looks and prices."""

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import add
from orderwright.engine.orders import CancelState, Order, OrderStatus
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
            continue
        if order.cancel is CancelState.REQUESTED:
            effects.append(_cancel(state, order, context))
        elif order.in_doubt:
            effects.append(look(state, order, context))
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
    held = state.position(order.symbol).quantity
    worst = add(held, order.side.sign * state.resting(order.symbol, order.side))
    return PlaceOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        reduce_only=order.reduce_only,
        raises_exposure=abs(worst) > abs(held),
        valid_until=order.valid_until,
        deadline=order.valid_until,
        market_type=_market_type(state),
    )


def _cancel(state: State, order: Order, context: Context) -> CancelOrder:
    return CancelOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        exchange_order_id=order.exchange_order_id,
        attempt=order.cancel_attempt,
        deadline=Micros(context.now + context.rules.call_timeout),
        market_type=_market_type(state),
    )


def _quotes(state: State, context: Context) -> list[Effect]:
    symbols = {
        _resolved(leg.instruction.symbol or "", context)
        for _run, leg in due_legs(state)
        if not leg.instruction.is_cancel
    }
    if state.liquidation is not None and context.market.instruments is None:
        symbols |= set(state.positions)
    deadline = Micros(context.now + context.rules.call_timeout)
    market_type = _market_type(state)
    return [FetchQuote(symbol=symbol, deadline=deadline, market_type=market_type) for symbol in sorted(symbols)]


def _market_type(state: State) -> MarketType | None:
    return None if state.terms is None else state.terms.market_type


def _resolved(text: str, context: Context) -> str:
    found = context.market.instruments.find(text) if context.market.instruments is not None else None
    return found.symbol if isinstance(found, Instrument) else text
