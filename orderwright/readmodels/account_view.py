"""How a strategy account shows itself to an operator."""

from decimal import Decimal
from typing import Final
from uuid import UUID

from msgspec import Struct

from orderwright.engine.strategy_account.state import State


class PositionView(Struct, frozen=True, kw_only=True):
    """A position as shown to an operator."""

    symbol: str
    quantity: Decimal
    average_price: Decimal
    realised: Decimal
    fees: dict[str, Decimal]


class OrderView(Struct, frozen=True, kw_only=True):
    """An unfinished order as shown to an operator."""

    engine_order_id: str
    order_id: str | None
    child_order_id: str | None
    signal_id: UUID
    symbol: str
    side: str
    order_type: str
    status: str
    in_doubt: bool
    amount: Decimal
    filled: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    ref: str | None


ACTIVE: Final = "active"
"""The condition of a strategy account that does what signals want."""

LIQUIDATING: Final = "liquidating"
"""The condition of a strategy account that closes what it holds because an operator wants it."""

EXCHANGE_UNREACHABLE: Final = "exchange_unreachable"
"""The condition of a strategy account that would be active, were its exchange account reached."""


class AccountView(Struct, frozen=True, kw_only=True):
    """A strategy account as shown to an operator; `condition` is active, paused, liquidating or rebuilding."""

    account: str
    condition: str
    why: str
    version: int
    capital: dict[str, Decimal]
    positions: tuple[PositionView, ...]
    orders: tuple[OrderView, ...]
    waiting_signals: int


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
                child_order_id=order.child_exchange_order_id,
                signal_id=order.signal_id,
                symbol=order.symbol,
                side=order.side,
                order_type=order.order_type,
                status=order.status,
                in_doubt=order.in_doubt,
                amount=order.amount,
                filled=order.filled,
                price=order.price,
                stop_price=order.stop_price,
                ref=order.ref,
            )
            for order in state.orders.values()
        ),
        waiting_signals=len(state.queue),
    )


def _condition(state: State) -> tuple[str, str]:
    if state.liquidation is not None:
        return LIQUIDATING, ""
    if state.pause is not None:
        return "paused", state.pause.why
    return ACTIVE, ""
