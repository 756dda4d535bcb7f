"""An order that the exchange had accepted and knows no more: in doubt until it shows it, or a person decides."""

import pytest

from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import LookUpOrder, NotFound, PlaceOrder
from orderwright.engine.strategy_account.commands import Recover, ResolveDoubt
from orderwright.engine.strategy_account.decide import objection
from orderwright.engine.strategy_account.events import Decision, FillRecorded, OrderClosed
from orderwright.engine.strategy_account.results import LegResult, LegStatus, after, is_about, unanswered
from orderwright.engine.traits import Traits
from tests.engine.given import (
    StrategyAccountUnderTest,
    a_fill,
    buy,
    cancel_all,
    cancel_orders,
    close,
    kinds,
    liquidate,
    refusals,
    requests,
    sell,
)


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest()


@pytest.fixture
def resting(account: StrategyAccountUnderTest) -> Order:
    return account.rests(buy(qty="2", price="90"))


def vanish(account: StrategyAccountUnderTest, order: Order) -> Order:
    """Let two looks, far enough apart, miss an accepted order."""
    account.later(60)
    account.missed(order)
    account.later(30)
    assert kinds(account.missed(order))[:1] == ["OrderVanished"]
    return account.state.orders[order.order_id]


def resolving(order: Order, decision: Decision, exchange_order_id: str | None = None) -> ResolveDoubt:
    return ResolveDoubt(
        order_id=order.order_id, decision=decision, by="olga", why="seen", exchange_order_id=exchange_order_id
    )


def test_two_looks_that_miss_an_accepted_order_put_it_in_doubt(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    account.later(60)
    assert kinds(account.missed(resting)) == ["OrderMissed"]
    doubts = [account.order.in_doubt]
    account.later(30)
    assert kinds(account.missed(resting)) == ["OrderVanished"]
    doubts.append(account.order.in_doubt)
    assert doubts == [False, True]
    assert account.missed(resting) == []
    assert account.state.has_unfinished_business


def test_looks_count_only_when_the_exchange_must_show_it_and_its_lag_lies_between_them(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    account.later(15)
    assert account.missed(resting) == [], "asked before the exchange's lag was over"
    account.later(0.000001)
    assert kinds(account.missed(resting)) == ["OrderMissed"]
    account.later(5)
    assert account.missed(resting) == [], "asked within the exchange's lag of the first"
    account.later(0.000001)
    assert kinds(account.missed(resting)) == ["OrderVanished"]


def test_a_look_that_finds_it_between_two_that_do_not_ends_the_count(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    account.later(60)
    account.missed(resting)
    account.later(30)
    assert kinds(account.seen(resting)) == ["OrderReappeared"]
    assert account.seen(resting) == []
    account.later(30)
    assert kinds(account.missed(resting)) == ["OrderMissed"]
    assert not account.order.in_doubt


def test_looks_that_missed_it_before_it_was_found_do_not_count_against_it_later(
    account: StrategyAccountUnderTest,
) -> None:
    account.signal(buy(qty="2", price="90"))
    order = account.order
    account.unclear(order)
    account.later(20)
    account.missed(order)
    account.seen(order)
    account.later(60)
    assert kinds(account.missed(order)) == ["OrderMissed"]


def test_a_missed_order_is_looked_at_again_without_waiting_for_the_poll(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    account.later(60)
    account.missed(resting)
    (look,) = account.owes()
    assert isinstance(look, LookUpOrder)
    assert look.exchange_order_id == resting.exchange_order_id
    account.later(6)
    (look,) = account.owes()
    assert isinstance(look, LookUpOrder)
    assert look.fresh_from > account.now - 6_000_000


def test_where_orders_cannot_be_asked_for_by_client_id_they_vanish_all_the_same() -> None:
    account = StrategyAccountUnderTest(traits=Traits(lookup_by_client_id=False))
    assert vanish(account, account.rests(buy(qty="2", price="90"))).in_doubt


def test_a_vanished_order_that_is_shown_again_comes_back_with_its_fills_booked_once(
    account: StrategyAccountUnderTest,
) -> None:
    order = account.rests(buy(qty="3", price="90"))
    account.seen(order, OrderStatus.NEW, a_fill("t1", "1", "90"))
    vanished = vanish(account, order)
    assert vanished.status is OrderStatus.PARTIALLY_FILLED
    one, two = a_fill("t1", "1", "90"), a_fill("t2", "1", "90")
    events = account.seen(order, OrderStatus.PARTIALLY_FILLED, one, two)
    assert kinds(events) == ["OrderReappeared", "FillRecorded"]
    assert [event.fill for event in events if isinstance(event, FillRecorded)] == [two]
    assert (account.order.in_doubt, account.order.status) == (False, OrderStatus.PARTIALLY_FILLED)
    assert account.holds() == 2
    vanish(account, order)
    assert kinds(account.seen(order, OrderStatus.CANCELLED, one, two)) == ["OrderReappeared", "OrderClosed"]
    assert account.orders == []
    assert account.holds() == 2


def test_what_a_vanished_order_may_sell_counts_as_selling(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    vanish(account, account.rests(sell(qty="2", price="110")))
    account.signal(close())
    account.nothing_new()
    account.later(11)
    assert [request.amount for request in requests(account.log)][-1] == 3


def test_nothing_is_left_to_close_while_a_vanished_order_may_have_closed_it(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    vanish(account, account.rests(close(price="110")))
    account.signal(close())
    account.missed(account.order)
    account.later(11)
    assert refusals(account.log) == ["insufficient_position"]


def test_what_a_vanished_order_may_buy_ties_up_capital() -> None:
    account = StrategyAccountUnderTest(capital="100")
    vanish(account, account.rests(buy(qty="1", price="90")))
    assert refusals(account.signal(buy(qty="1", price="90"))) == ["insufficient_capital"]


def test_a_cancel_of_a_vanished_order_is_tried_and_stays_in_doubt_until_it_is_shown(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    vanish(account, resting)
    account.signal(cancel_all())
    assert account.cancel_answered(resting.order_id, NotFound())
    account.later(11)
    account.missed(resting)
    assert kinds(account.log)[-2:] == ["CancellationEnded", "SignalEnded"]
    assert account.order.in_doubt
    assert kinds(account.seen(resting)) == ["OrderReappeared", "CancelRequested"]
    assert kinds(account.cancelled(resting)) == ["OrderClosed"]
    assert account.orders == []


def test_a_cancel_that_the_exchange_knows_no_order_for_lets_it_vanish(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    account.later(60)
    account.when(cancel_orders(9))
    account.cancel_answered(resting.order_id, NotFound())
    vanish(account, resting)


def test_a_liquidation_sells_no_more_than_is_left_and_ends_only_when_the_vanished_order_is_decided(
    account: StrategyAccountUnderTest,
) -> None:
    account.bought("5")
    order = vanish(account, account.rests(sell(qty="2", price="110")))
    account.when(liquidate(9))
    account.cancel_answered(order.order_id, NotFound())
    account.missed(order)
    account.later(11)
    (closing,) = [one for one in account.orders if one.order_id != order.order_id]
    assert closing.amount == 3
    account.filled(closing)
    assert account.state.liquidation is not None
    account.later(10)
    assert len(account.orders) == 1
    account.when(resolving(order, Decision.CANCELLED))
    account.later(10)
    assert account.order.amount == 2
    account.filled(account.order)
    assert account.state.liquidation is None


def test_an_operator_decides_that_it_has_ended_with_what_is_booked(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="3", price="90"))
    account.seen(order, OrderStatus.NEW, a_fill("t1", "1", "90"))
    events = account.when(resolving(vanish(account, order), Decision.CANCELLED))
    assert kinds(events) == ["DoubtResolved", "OrderClosed"]
    closed = events[1]
    assert isinstance(closed, OrderClosed)
    assert closed.status is OrderStatus.CANCELLED
    assert closed.filled == 1
    assert account.orders == []


def test_an_operator_decides_under_which_id_it_is_there(account: StrategyAccountUnderTest, resting: Order) -> None:
    events = account.when(resolving(vanish(account, resting), Decision.PLACED, "x9"))
    assert kinds(events) == ["DoubtResolved", "OrderAccepted"]
    assert (account.order.in_doubt, account.order.exchange_order_id) == (False, "x9")
    account.later(60)
    assert kinds(account.missed(resting)) == ["OrderMissed"]


def test_what_was_accepted_cannot_be_decided_to_have_never_been_placed(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    command = resolving(vanish(account, resting), Decision.NEVER_PLACED)
    assert "had accepted it" in objection(account.state, command, account.context)
    assert account.when(command) == []


def test_a_restart_neither_sends_it_again_nor_forgets_that_it_vanished(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    vanish(account, resting)
    assert account.when(Recover()) == []
    assert account.order.in_doubt
    assert not [effect for effect in account.owes() if isinstance(effect, PlaceOrder)]


def told(account: StrategyAccountUnderTest) -> LegResult:
    """Return what a sender who asks now is told of the first leg."""
    result = unanswered(buy(qty="2", price="90"))
    for event in account.log:
        result = after(result, event) if is_about(event, result) else result
    return result


def test_whoever_asks_about_the_signal_hears_of_the_doubt_and_of_its_end(
    account: StrategyAccountUnderTest, resting: Order
) -> None:
    vanish(account, resting)
    assert (told(account).status, told(account).code) == (LegStatus.IN_DOUBT, "in_doubt")
    account.seen(resting)
    assert (told(account).status, told(account).code) == (LegStatus.SUCCESS, None)
    vanish(account, resting)
    account.when(resolving(resting, Decision.CANCELLED))
    last = told(account)
    assert (last.status, last.order_status, last.code) == (LegStatus.SUCCESS, OrderStatus.CANCELLED, None)
