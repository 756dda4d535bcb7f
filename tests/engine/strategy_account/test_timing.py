"""What the clock alone brings about, and when it is wanted."""

from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import NotFound, OrderSeen, Refused, Unclear
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.strategy_account.timing import next_due
from orderwright.moments import SECOND, Micros
from tests.engine.given import (
    START,
    StrategyAccountUnderTest,
    buy,
    cancel_all,
    close,
    instruction,
    kinds,
    liquidate,
    refusals,
    requests,
)

AT_NOON = Micros(START + 60 * SECOND)


def expiring(account: StrategyAccountUnderTest) -> Order:
    limit = instruction(OrderType.LIMIT, side=Side.BUY, qty="1", price="90", expires_at=AT_NOON)
    return account.rests(limit)


def due(account: StrategyAccountUnderTest) -> float | None:
    moment = next_due(account.state, account.context)
    return None if moment is None else (moment - account.now) / SECOND


def test_an_order_that_is_still_open_is_cancelled_when_it_expires() -> None:
    account = StrategyAccountUnderTest()
    order = expiring(account)
    assert due(account) == 60
    assert account.later(59) == []
    assert kinds(account.later(1)) == ["CancelRequested"]
    assert kinds(account.cancelled(order)) == ["OrderClosed"]
    assert due(account) is None


def test_a_cancel_that_is_refused_is_tried_again_but_not_at_once() -> None:
    account = StrategyAccountUnderTest()
    order = expiring(account)
    account.later(60)
    assert kinds(account.cancel_answered(order.order_id, Refused(code="x", error="no"))) == ["CancelRefused"]
    assert due(account) == 5
    assert kinds(account.later(5)) == ["CancelRequested"]


def test_an_order_that_expired_while_its_signal_waited_is_not_placed() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"))
    account.signal(instruction(OrderType.LIMIT, side=Side.BUY, qty="1", price="90", expires_at=AT_NOON))
    account.later(60)
    assert refusals(account.filled(account.order)) == ["signal_expired"]


def test_nothing_waits_for_the_clock_when_nothing_is_going_on() -> None:
    account = StrategyAccountUnderTest()
    account.rests(buy(qty="1", price="90"))
    assert due(account) is None


def test_a_placement_in_doubt_wants_its_deadline() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), buy(qty="1", price="90"))
    account.unclear(account.order)
    assert due(account) == 10
    assert "OrderRequested" in kinds(account.later(10))


def test_a_cancel_in_doubt_wants_its_deadline() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="1", price="90"))
    account.signal(cancel_all())
    account.now = Micros(account.now + 3 * SECOND)
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    assert due(account) == 7
    assert "CancellationEnded" in kinds(account.later(7))
    assert due(account) is None


def test_a_close_wants_to_go_on_when_no_news_came_of_the_orders_before_it() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    order = account.rests(close("50", price="110"))
    account.signal(close())
    assert due(account) == 10
    account.when(OrderSeen(order_id=order.order_id, asked_at=account.now, result=Unclear(reason="time-out")))
    assert account.later(9.9) == []
    assert [request.amount for request in requests(account.later(0.1))] == [1]


def test_a_liquidation_wants_to_know_when_it_may_try_again() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    order = account.rests(buy(qty="1", price="90"))
    account.when(liquidate(9))
    account.cancel_answered(order.order_id, Refused(code="x", error="no"))
    account.refused(account.orders[-1])
    assert due(account) == 5
    account.later(5)
    account.seen(order, OrderStatus.CANCELLED)
    account.cancel_answered(order.order_id, NotFound())
    assert due(account) is None
