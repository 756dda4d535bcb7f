"""Doubt that no evidence ends, ended by an operator's named decision."""

import pytest

from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import LookUpOrder, Unclear
from orderwright.engine.strategy_account.commands import ResolveDoubt
from orderwright.engine.strategy_account.decide import objection
from orderwright.engine.strategy_account.events import Decision, DoubtResolved
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.traits import Traits
from tests.engine.given import StrategyAccountUnderTest, a_fill, buy, cancel_orders, kinds, results


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    """A strategy account at an exchange that cannot be asked by client order id."""
    return StrategyAccountUnderTest(traits=Traits(lookup_by_client_id=False))


@pytest.fixture
def doubted(account: StrategyAccountUnderTest) -> Order:
    account.signal(buy(qty="2", price="99"), buy(qty="1", price="98", symbol="ETH/USDT"))
    account.unclear(account.orders[0])
    return account.orders[0]


def deciding(order: Order, decision: Decision, *, exchange_order_id: str | None = None) -> ResolveDoubt:
    return ResolveDoubt(
        order_id=order.order_id,
        decision=decision,
        by="olga",
        why="seen on their site",
        exchange_order_id=exchange_order_id,
    )


def speaks_against(account: StrategyAccountUnderTest, command: ResolveDoubt) -> str:
    """Return the objection to a command that comes to nothing."""
    against = objection(account.state, command, account.context)
    assert account.when(command) == []
    return against


def test_an_order_that_was_placed_is_looked_up_by_the_id_that_the_operator_gives(
    account: StrategyAccountUnderTest, doubted: Order
) -> None:
    events = account.when(deciding(doubted, Decision.PLACED, exchange_order_id="x7"))
    assert kinds(events)[:2] == ["DoubtResolved", "OrderAccepted"]
    decided = events[0]
    assert isinstance(decided, DoubtResolved)
    assert (decided.by, decided.why) == ("olga", "seen on their site")
    order = account.state.orders[doubted.order_id]
    assert (order.in_doubt, order.exchange_order_id) == (False, "x7")
    assert results(account.state)[0].status is LegStatus.SUCCESS
    account.when(cancel_orders(9))
    account.cancelled(order, a_fill("t1", "0.5", "99"))
    assert account.holds() > 0


def test_an_order_that_never_arrived_has_ended_as_not_placed(account: StrategyAccountUnderTest, doubted: Order) -> None:
    account.later(16)
    assert kinds(account.when(deciding(doubted, Decision.NEVER_PLACED)))[:2] == ["DoubtResolved", "OrderNeverPlaced"]
    assert doubted.order_id not in account.state.orders
    assert results(account.state)[0].code == "not_placed"


def test_an_order_that_may_still_arrive_is_not_given_up(account: StrategyAccountUnderTest, doubted: Order) -> None:
    assert "on its way" in speaks_against(account, deciding(doubted, Decision.NEVER_PLACED))


def test_to_say_that_it_was_placed_takes_the_exchanges_id(account: StrategyAccountUnderTest, doubted: Order) -> None:
    assert "exchange's id" in speaks_against(account, deciding(doubted, Decision.PLACED))


@pytest.mark.parametrize("decision", Decision)
def test_what_is_not_in_doubt_is_not_decided(account: StrategyAccountUnderTest, decision: Decision) -> None:
    order = account.rests(buy(qty="2", price="99"))
    assert "in doubt" in speaks_against(account, deciding(order, decision, exchange_order_id="x7"))


def test_an_order_that_is_not_there_is_not_decided(account: StrategyAccountUnderTest, doubted: Order) -> None:
    account.when(deciding(doubted, Decision.PLACED, exchange_order_id="x7"))
    account.seen(doubted, OrderStatus.CANCELLED)
    assert "no unfinished order" in speaks_against(account, deciding(doubted, Decision.NEVER_PLACED))


def test_a_cancel_in_doubt_can_be_decided_to_have_succeeded(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="2", price="99"))
    account.when(cancel_orders(9))
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    events = account.when(deciding(order, Decision.CANCELLED))
    assert kinds(events)[:2] == ["DoubtResolved", "OrderClosed"]
    assert account.orders == []
