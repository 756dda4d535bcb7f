"""Signals, orders and answers for tests of actors."""

from decimal import Decimal
from uuid import UUID

from orderwright.actors.messages import AskId, Execute, SubmitSignal
from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import (
    Effect,
    ExchangeOrder,
    NotFound,
    OrderSeen,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    Unclear,
)
from orderwright.engine.signals import Instruction, OrderType, Side, Signal
from orderwright.engine.strategy_account.commands import ExecuteSignal
from orderwright.moments import SECOND, Micros
from tests.actors.scripted_env import BTC, INBOX, NAME, NOON, bitcoin


def signal_id(number: int) -> SignalId:
    """Return the id of the test's `number`-th signal."""
    return SignalId(UUID(int=number))


def limit_buy(price: str = "99000", qty: str = "0.1") -> Instruction:
    """Return an entry that rests."""
    return Instruction(
        leg=0,
        order_type=OrderType.LIMIT,
        priority=3,
        symbol=BTC,
        side=Side.BUY,
        price=Decimal(price),
        qty=Decimal(qty),
    )


def close_all() -> Instruction:
    """Return a close of all that is held."""
    return Instruction(leg=0, order_type=OrderType.MARKET, priority=1, symbol=BTC, qty_per=Decimal(-100))


def execute(number: int, *instructions: Instruction, ask: int = 0) -> Execute:
    """Return the order to carry out the test's `number`-th signal."""
    command = ExecuteSignal(
        signal_id=signal_id(number), sequence=number, born_at=NOON, instructions=instructions or (limit_buy(),)
    )
    return Execute(command=command, inbox=INBOX, ask=AskId(ask))


def submit(
    number: int,
    *,
    key: str | None = None,
    body: str = "",
    ask: int = 0,
    recipients: tuple[str, ...] = (NAME,),
) -> SubmitSignal:
    """Return the arrival of the test's `number`-th signal; its body is its own unless given."""
    signal = Signal(
        signal_id=signal_id(number),
        strategy="test1",
        holder="owner",
        received_at=NOON,
        instructions=(limit_buy(),),
    )
    return SubmitSignal(
        signal=signal,
        recipients=recipients,
        key=key,
        body_hash=body or f"body {number}",
        dedupe_window=30 * SECOND,
        ask=AskId(ask),
    )


def placement(effect: Effect) -> PlaceOrder:
    """Return the effect, which is a placement."""
    assert isinstance(effect, PlaceOrder)
    return effect


def shown(effect: Effect, *, status: OrderStatus = OrderStatus.NEW, fills: tuple[Fill, ...] = ()) -> ExchangeOrder:
    """Return how the exchange shows the order of a placement."""
    order = placement(effect)
    return ExchangeOrder(
        client_order_id=order.order_id,
        exchange_order_id=f"x-{order.order_id[-4:]}",
        symbol=order.symbol,
        side=order.side,
        amount=order.amount,
        status=status,
        filled=sum((fill.amount for fill in fills), Decimal(0)),
        fills=fills,
    )


def stranger(status: OrderStatus = OrderStatus.NEW) -> ExchangeOrder:
    """Return an order at the exchange that bears the strategy account's number, and that no log knows."""
    return ExchangeOrder(
        client_order_id="salt500001" + "z" * 22,
        exchange_order_id="x9",
        symbol=BTC,
        side=Side.BUY,
        amount=bitcoin().step,
        status=status,
        filled=Decimal(0),
        fills=(),
    )


def accepted(effect: Effect) -> PlacementAnswered:
    """Return the answer that the exchange has the order."""
    return PlacementAnswered(order_id=placement(effect).order_id, result=Placed(order=shown(effect)))


def unclear(effect: Effect) -> PlacementAnswered:
    """Return the answer that is none."""
    return PlacementAnswered(order_id=placement(effect).order_id, result=Unclear(reason="502"))


def seen(order_id: str, result: ExchangeOrder | NotFound | Unclear, *, asked_at: Micros = NOON) -> OrderSeen:
    """Return what a look found."""
    return OrderSeen(order_id=OrderId(order_id), asked_at=asked_at, result=result)
