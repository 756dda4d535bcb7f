"""What an operator claims of an order at the exchange is held against what the exchange says, if that can be asked."""

from queue import Empty, SimpleQueue

from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import ExchangeOrder, LookUpOrder, NotFound, OrderSeen, Outcome
from orderwright.exchanges.gateway import Gateway
from orderwright.moments import SECOND, Micros
from orderwright.readmodels.account_view import OrderView


def objection_to_claim(
    gateway: Gateway, order: OrderView, claimed: str, *, market_type: MarketType, now: Micros, timeout: float
) -> str:
    """Return what speaks against `order` being the one that the exchange calls `claimed`; empty if nothing does.

    Blocks on the exchange for `timeout` seconds at most. One that cannot be asked says nothing against it: that is when
    a person has to decide.
    """
    answers: SimpleQueue[Outcome] = SimpleQueue()
    look = LookUpOrder(
        order_id=OrderId(order.engine_order_id),
        symbol=order.symbol,
        exchange_order_id=claimed,
        deadline=Micros(now + int(timeout * SECOND)),
        market_type=market_type,
    )
    gateway.submit(look, answers.put)
    try:
        answer = answers.get(timeout=timeout)
    except Empty:
        return ""
    found = answer.result if isinstance(answer, OrderSeen) else None
    if isinstance(found, ExchangeOrder):
        return _difference(order, found)
    return f"The exchange has no order {claimed} of {order.symbol}." if isinstance(found, NotFound) else ""


def _difference(order: OrderView, found: ExchangeOrder) -> str:
    is_named_alike = found.client_order_id in {"", order.engine_order_id}
    shown = (found.symbol, found.side.value, found.amount)
    if is_named_alike and shown == (order.symbol, order.side, order.amount):
        return ""
    return (
        f"Order {found.exchange_order_id} at the exchange is another one: {found.side} {found.amount} {found.symbol}"
        f"{f' of {found.client_order_id}' if found.client_order_id else ''}."
    )
