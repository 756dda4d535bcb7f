"""The gate that every placement passes right before it is sent."""

from decimal import Decimal

from orderwright.actors.gate import Gate
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import PlaceOrder
from orderwright.engine.signals import OrderType, Side
from orderwright.moments import SECOND, Micros
from tests.actors.scripted_env import BTC, NAME, NOON

UNTIL = Micros(NOON + 10 * SECOND)


def placement(*, raises_exposure: bool) -> PlaceOrder:
    return PlaceOrder(
        order_id=OrderId("o1"),
        symbol=BTC,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        amount=Decimal(1),
        price=None,
        reduce_only=False,
        raises_exposure=raises_exposure,
        valid_until=UNTIL,
        deadline=UNTIL,
    )


def test_an_open_gate_lets_orders_through_while_they_are_valid() -> None:
    gate = Gate()
    assert gate.refusal(NAME, placement(raises_exposure=True), NOON) is None
    refusal = gate.refusal(NAME, placement(raises_exposure=True), UNTIL)
    assert refusal is not None
    assert refusal.code == "not_placed"


def test_a_closed_gate_stops_entries_of_that_strategy_account_alone() -> None:
    gate = Gate()
    gate.close(NAME)
    refusal = gate.refusal(NAME, placement(raises_exposure=True), NOON)
    assert refusal is not None
    assert refusal.code == "paused"
    assert gate.refusal(NAME, placement(raises_exposure=False), NOON) is None
    assert gate.refusal("strategy-account/test2@A1", placement(raises_exposure=True), NOON) is None


def test_an_opened_gate_lets_everything_through_again() -> None:
    gate = Gate()
    gate.close(NAME)
    gate.open(NAME)
    assert gate.refusal(NAME, placement(raises_exposure=True), NOON) is None
