"""The gate that every placement passes right before it is sent."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest

from orderwright.actors.gate import Gate, Scope
from orderwright.engine.catalogue.events import HaltScope
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import PlaceOrder
from orderwright.engine.signals import OrderType, Side
from orderwright.moments import SECOND, Micros
from tests.actors.scripted_env import BTC, NAME, NOON

UNTIL = Micros(NOON + 10 * SECOND)


def placement(*, raises_exposure: bool, by_operator: bool = False) -> PlaceOrder:
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
        by_operator=by_operator,
    )


def test_an_open_gate_lets_orders_through_while_they_are_valid() -> None:
    gate = Gate()
    assert gate.refusal(NAME, placement(raises_exposure=True), NOON) is None
    refusal = gate.refusal(NAME, placement(raises_exposure=True), UNTIL)
    assert refusal is not None
    assert (refusal.code, refusal.again_after) == ("not_placed", 0)


def test_a_gate_shut_by_a_pause_stops_entries_of_that_strategy_account_alone() -> None:
    gate = Gate()
    gate.settle(NAME, is_paused=True)
    refusal = gate.refusal(NAME, placement(raises_exposure=True), NOON)
    assert refusal is not None
    assert refusal.code == "paused"
    assert gate.refusal(NAME, placement(raises_exposure=False), NOON) is None
    assert gate.refusal("strategy-account/test2@A1", placement(raises_exposure=True), NOON) is None


def test_a_gate_opened_by_a_resume_lets_everything_through_again() -> None:
    gate = Gate()
    gate.settle(NAME, is_paused=True)
    gate.settle(NAME, is_paused=False)
    assert gate.refusal(NAME, placement(raises_exposure=True), NOON) is None


def test_a_pause_that_somebody_wants_is_held_until_the_strategy_account_says_how_it_is() -> None:
    gate = Gate()
    gate.hold(NAME)
    assert gate.is_closed(NAME)
    gate.settle(NAME, is_paused=False)
    assert not gate.is_closed(NAME)
    gate.settle(NAME, is_paused=True)
    gate.hold(NAME)
    assert gate.is_closed(NAME)


def test_a_pause_that_will_not_come_opens_no_gate_that_another_has_shut() -> None:
    gate = Gate()
    gate.hold(NAME)
    gate.release(NAME)
    assert not gate.is_closed(NAME)
    gate.settle(NAME, is_paused=True)
    gate.hold(NAME)
    gate.release(NAME)
    assert gate.is_closed(NAME)


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        ((HaltScope.EVERYTHING, ""), True),
        ((HaltScope.ACCOUNT, "A1"), True),
        ((HaltScope.ACCOUNT, "test1"), False),
        ((HaltScope.STRATEGY, "test1"), True),
        ((HaltScope.STRATEGY, "A1"), False),
    ],
)
def test_a_halt_stops_whatever_a_signal_wants_within_its_scope(scope: Scope, is_covered: bool) -> None:  # noqa: FBT001
    gate = Gate()
    gate.halt(scope)
    for raises_exposure in (True, False):
        refusal = gate.refusal(NAME, placement(raises_exposure=raises_exposure), NOON)
        assert (refusal is not None and refusal.code == "halted") is is_covered


def test_a_liquidation_goes_on_while_trading_is_halted() -> None:
    gate = Gate()
    gate.halt((HaltScope.EVERYTHING, ""))
    assert gate.refusal(NAME, placement(raises_exposure=False, by_operator=True), NOON) is None


def test_a_seal_stops_a_liquidation_too_until_it_is_lifted() -> None:
    gate = Gate()
    gate.seal((HaltScope.EVERYTHING, ""))
    for by_operator in (False, True):
        refusal = gate.refusal(NAME, placement(raises_exposure=False, by_operator=by_operator), NOON)
        assert refusal is not None
        assert refusal.code == "halted"
    gate.lift((HaltScope.EVERYTHING, ""))
    assert gate.refusal(NAME, placement(raises_exposure=False, by_operator=True), NOON) is None


def test_of_two_halts_the_other_goes_on_when_one_is_lifted() -> None:
    gate = Gate()
    account, strategy = (HaltScope.ACCOUNT, "A1"), (HaltScope.STRATEGY, "test1")
    gate.halt(account, strategy)
    gate.lift(account)
    assert gate.refusal(NAME, placement(raises_exposure=True), NOON) is not None
    gate.lift(strategy)
    assert gate.refusal(NAME, placement(raises_exposure=True), NOON) is None


class InterruptedScope(tuple[HaltScope, str]):  # noqa: SLOT001
    """A scope that has something else happen while it is put among the halted ones."""

    meanwhile: Callable[[], None]

    def __hash__(self) -> int:
        self.meanwhile()
        return super().__hash__()


def test_of_two_that_are_halted_at_the_same_time_none_is_forgotten() -> None:
    gate = Gate()
    second = threading.Thread(target=gate.halt, args=[(HaltScope.ACCOUNT, "A2")])

    def halt_another() -> None:
        if second.ident is None:
            second.start()
            second.join(0.05)

    first = InterruptedScope((HaltScope.ACCOUNT, "A1"))
    first.meanwhile = halt_another
    gate.halt(first)
    second.join(5)
    for name in (NAME, "strategy-account/test1@A2"):
        assert gate.refusal(name, placement(raises_exposure=True), NOON) is not None
