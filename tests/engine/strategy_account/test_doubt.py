"""Doubt: whatever is not a clear yes or no stays open until evidence from the exchange settles it."""

from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import (
    CancelOrder,
    LookUpOrder,
    OrderSeen,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    Refused,
    Unclear,
)
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.events import FillRecorded, OrderClosed
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.traits import Traits
from orderwright.moments import SECOND
from tests.engine.given import (
    StrategyAccountUnderTest,
    a_fill,
    buy,
    cancel_all,
    close,
    kinds,
    liquidate,
    pause,
    requests,
    results,
    shown,
)


def doubtful(traits: Traits | None = None) -> StrategyAccountUnderTest:
    account = StrategyAccountUnderTest(traits=traits)
    account.signal(buy(qty="2", price="90"))
    account.unclear(account.order)
    return account


def test_an_unclear_answer_is_looked_into_and_never_sent_again() -> None:
    account = doubtful()
    assert account.order.in_doubt
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    assert account.unclear(account.order) == []


def test_a_look_that_finds_the_order_settles_the_doubt() -> None:
    account = doubtful()
    order = account.order
    assert kinds(account.seen(order, OrderStatus.NEW, a_fill("t1", "1", "90"))) == ["OrderAccepted", "FillRecorded"]
    assert not account.order.in_doubt
    assert account.order.exchange_order_id == f"x-{order.order_id}"


def test_a_late_yes_settles_it_too_and_a_late_no_does_not() -> None:
    account = doubtful()
    late_no = PlacementAnswered(order_id=account.order.order_id, result=Refused(code="exchange_rejected", error="no"))
    assert account.when(late_no) == []
    assert kinds(account.placed(account.order)) == ["OrderAccepted"]


def test_two_late_looks_that_find_nothing_mean_never_placed() -> None:
    account = doubtful()
    order = account.order
    account.now = order.valid_until
    account.later(5)
    assert account.missed(order) == [], "asked before the exchange's lag was over"
    account.later(0.000001)
    assert kinds(account.missed(order)) == ["OrderMissed"]
    assert account.missed(order) == [], "not asked after the first one had answered"
    account.later(1)
    assert kinds(account.missed(order)) == ["OrderNeverPlaced"]
    assert account.orders == []


def test_early_looks_that_find_nothing_mean_nothing() -> None:
    account = doubtful()
    for _ in range(10):
        account.later(1)
        assert account.missed(account.order) == []


def test_the_same_look_twice_is_one_look() -> None:
    account = doubtful()
    account.later(20)
    look = OrderSeen(order_id=account.order.order_id, asked_at=account.now, result=Unclear(reason="time-out"))
    assert account.when(look) == []
    account.missed(account.order)
    assert account.missed(account.order) == []
    assert account.orders != []


def test_where_an_exchange_cannot_look_up_by_client_id_the_doubt_stays() -> None:
    account = doubtful(Traits(lookup_by_client_id=False))
    for _ in range(5):
        account.later(60)
        assert account.missed(account.order) == []
    assert account.order.in_doubt


def test_an_order_never_placed_has_failed_as_not_placed() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), buy(qty="1", symbol="ETH/USDT"))
    order = account.orders[0]
    account.unclear(order)
    account.later(20)
    account.missed(order)
    account.later(1)
    account.missed(order)
    result = results(account.state)[0]
    assert (result.status, result.code) == (LegStatus.FAILED, "not_placed")


def test_an_in_doubt_order_is_no_position_and_may_become_one() -> None:
    account = doubtful()
    order = account.order
    assert account.holds() == 0
    account.filled(order)
    assert account.holds() == 2


def test_a_fill_is_booked_once_however_often_it_is_told() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="3", price="90"))
    one, two = a_fill("t1", "1", "90"), a_fill("t2", "1", "90")
    account.seen(order, OrderStatus.NEW, one, one)
    account.seen(order, OrderStatus.NEW, one)
    events = account.seen(order, OrderStatus.NEW, two, one)
    assert [event.fill for event in events if isinstance(event, FillRecorded)] == [two]
    assert account.holds() == 2


def test_an_ended_order_is_closed_only_when_all_that_it_filled_is_booked() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="3", price="90"))
    fill, rest = a_fill("t1", "1", "90"), a_fill("t2", "2", "90")
    assert kinds(account.seen(order, OrderStatus.FILLED, fill, filled="3")) == ["FillRecorded"]
    assert account.seen(order, OrderStatus.FILLED, fill, filled="1") == []
    events = account.seen(order, OrderStatus.NEW, fill, rest)
    assert [event.status for event in events if isinstance(event, OrderClosed)] == [OrderStatus.FILLED]


def test_a_stale_look_undoes_nothing() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="3", price="90"))
    account.seen(order, OrderStatus.NEW, a_fill("t1", "1", "90"))
    assert account.seen(order) == []
    assert account.holds() == 1


def test_an_order_that_ends_with_nothing_filled_is_closed() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="3", price="90"))
    (event,) = account.seen(order, OrderStatus.EXPIRED)
    assert isinstance(event, OrderClosed)
    assert event.status is OrderStatus.EXPIRED
    assert event.filled == 0


def test_outcomes_of_orders_that_have_ended_mean_nothing() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="1", price="90"))
    account.filled(order)
    for events in (
        account.placed(order),
        account.unclear(order),
        account.refused(order),
        account.seen(order, OrderStatus.CANCELLED),
        account.missed(order),
        account.cancelled(order),
        account.cancel_answered(order.order_id, Unclear(reason="time-out")),
    ):
        assert events == []


def test_the_gates_no_ends_the_order() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), buy(qty="1", symbol="ETH/USDT"))
    account.refused(account.orders[0], "paused")
    assert (results(account.state)[0].status, results(account.state)[0].code) == (LegStatus.REFUSED, "paused")


def test_a_restart_doubts_what_was_sent_and_not_answered_and_sends_nothing() -> None:
    account = StrategyAccountUnderTest()
    resting = account.rests(buy(qty="1", price="90"))
    account.signal(cancel_all())
    account.signal(buy(qty="1"))
    account.when(Recover())
    assert kinds(account.log)[-1:] == ["CancelDoubted"]
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    account.seen(resting, OrderStatus.CANCELLED)
    account.when(Recover())
    assert account.order.placement_in_doubt
    assert not [effect for effect in account.owes() if isinstance(effect, PlaceOrder)]
    assert account.when(Recover()) == []


def test_after_a_restart_the_next_class_waits_for_the_looks() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="2"), close(price="120"))
    order = account.order
    account.later(3)
    assert requests(account.when(Recover())) == []
    assert [request.amount for request in requests(account.filled(order))] == [2]


def test_nothing_new_is_begun_before_every_unfinished_order_has_been_asked_about() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    resting = account.rests(buy(qty="1", price="90"))
    account.is_reconciled = False
    account.when(Recover())
    assert kinds(account.signal(close())) == ["SignalAccepted"]
    assert kinds(account.filled(resting)) == ["FillRecorded", "OrderClosed"]
    account.is_reconciled = True
    assert [request.amount for request in requests(account.later(0))] == [2]


def test_a_market_order_is_looked_at_until_it_ends() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"))
    order = account.order
    account.placed(order)
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    account.filled(order)
    assert account.owes() == []


def test_a_resting_limit_needs_no_looks_of_its_own() -> None:
    account = StrategyAccountUnderTest()
    account.rests(buy(qty="1", price="90"))
    assert account.owes() == []


def test_a_doubtful_orders_cancel_goes_out_by_client_id() -> None:
    account = doubtful()
    account.signal(cancel_all())
    (effect,) = account.owes()
    assert isinstance(effect, CancelOrder)
    assert effect.exchange_order_id is None
    assert effect.deadline == account.now + 10 * SECOND


def test_a_yes_to_a_placement_that_was_found_before_adds_what_is_new() -> None:
    account = doubtful()
    order = account.order
    account.seen(order)
    fill = a_fill("t1", "1", "90")
    late = Placed(order=shown(order, OrderStatus.NEW, fill))
    assert kinds(account.when(PlacementAnswered(order_id=order.order_id, result=late))) == ["FillRecorded"]


def test_attention_is_wanted_while_anything_is_unfinished() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    account.when(pause())
    wanted = [account.state.has_unfinished_business]
    account.signal(close(price="120"))
    wanted.append(account.state.has_unfinished_business)
    account.placed(account.order)
    wanted.append(account.state.has_unfinished_business)
    account.filled(account.order)
    wanted.append(account.state.has_unfinished_business)
    assert wanted == [False, True, True, False]


def test_a_liquidation_is_unfinished_business() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    account.when(liquidate(9))
    account.refused(account.order)
    assert account.state.has_unfinished_business
