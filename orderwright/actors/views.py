"""How a strategy account shows itself to an operator."""

from orderwright.actors.messages import AccountView, OrderView, PositionView
from orderwright.engine.strategy_account.state import State


def view(name: str, state: State, *, version: int, condition: str) -> AccountView:
    """Return the state as an operator sees it; `condition` overrides what the state says of itself if not empty."""
    said, why = _condition(state)
    return AccountView(
        account=name,
        condition=condition or said,
        why=why,
        version=version,
        capital=state.capital,
        positions=tuple(
            PositionView(
                symbol=position.symbol,
                quantity=position.quantity,
                average_price=position.average_price,
                realised=position.realised,
                fees=position.fees,
            )
            for position in state.positions.values()
        ),
        orders=tuple(
            OrderView(
                engine_order_id=order.order_id,
                order_id=order.exchange_order_id,
                signal_id=order.signal_id,
                symbol=order.symbol,
                side=order.side,
                order_type=order.order_type,
                status=order.status,
                in_doubt=order.in_doubt,
                amount=order.amount,
                filled=order.filled,
                price=order.price,
                ref=order.ref,
            )
            for order in state.orders.values()
        ),
        waiting_signals=len(state.queue),
    )


def _condition(state: State) -> tuple[str, str]:
    if state.liquidation is not None:
        return "liquidating", ""
    if state.pause is not None:
        return "paused", state.pause.why
    return "active", ""
