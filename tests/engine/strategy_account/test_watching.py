"""What counts as never placed is watched on where a request could be late, for as long as the exchange would tell."""

from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import OrderSeen, Unclear
from orderwright.engine.strategy_account.commands import TakeInOrder
from orderwright.engine.strategy_account.events import OrderSurfaced, WatchEnded
from orderwright.engine.strategy_account.past import Contradiction, LastKnown
from orderwright.engine.traits import Traits
from orderwright.moments import DAY, HOUR
from tests.engine.given import StrategyAccountUnderTest, a_fill, buy, kinds, shown

NO_EXPIRY = Traits(request_expiry=False)


def never_placed(traits: Traits) -> tuple[StrategyAccountUnderTest, Order]:
    """Return a strategy account one of whose orders was never placed, and that order."""
    account = StrategyAccountUnderTest(traits=traits)
    account.signal(buy(qty="1"))
    order = account.order
    account.unclear(order)
    account.never_placed(order)
    return account, order


def test_it_is_watched_for_a_day_where_the_exchange_tells_for_ever() -> None:
    account, order = never_placed(NO_EXPIRY)
    assert account.state.watched[order.order_id].until == account.now + DAY
    assert account.state.has_unfinished_business


def test_it_is_watched_for_as_long_as_the_exchange_tells() -> None:
    account, order = never_placed(Traits(request_expiry=False, history_window=2 * HOUR))
    assert account.state.watched[order.order_id].until == account.now + 2 * HOUR


def test_where_requests_expire_nothing_can_arrive_late() -> None:
    account, _order = never_placed(Traits(request_expiry=True))
    assert account.state.watched == {}


def test_it_is_forgotten_by_a_look_that_finds_nothing_when_it_cannot_turn_up_any_more() -> None:
    account, order = never_placed(NO_EXPIRY)
    account.later(24 * 3_600 - 1)
    assert account.missed(order) == []
    account.later(1)
    assert kinds(account.missed(order)) == ["WatchEnded"]
    assert not account.state.has_unfinished_business


def test_time_alone_ends_no_watch_for_an_engine_that_slept_has_not_watched() -> None:
    account, order = never_placed(NO_EXPIRY)
    assert account.later(48 * 3_600) == []
    assert account.when(OrderSeen(order_id=order.order_id, asked_at=account.now, result=Unclear(reason="502"))) == []
    assert order.order_id in account.state.watched


def test_what_turns_up_is_booked_and_watched_no_more() -> None:
    account, order = never_placed(NO_EXPIRY)
    known = LastKnown(order=order, said=Contradiction.NEVER_PLACED, ended_at=account.now)
    account.later(60)
    seen = shown(order, OrderStatus.FILLED, a_fill("t1", "1", "100"))
    events = account.when(TakeInOrder(seen=seen, asked_at=account.now, known=known))
    assert [event.why for event in events if isinstance(event, OrderSurfaced)] == ["never_placed"]
    assert account.holds() == 1
    assert account.state.watched == {}
    assert account.state.pause is not None


def test_where_no_look_can_find_it_the_watch_ends_with_a_look_all_the_same_and_says_so() -> None:
    account, order = never_placed(NO_EXPIRY)
    account.traits = Traits(request_expiry=False, lookup_by_client_id=False)
    account.later(24 * 3_600 - 1)
    unclear = Unclear(reason="cannot be asked by client order id")
    assert account.when(OrderSeen(order_id=order.order_id, asked_at=account.now, result=unclear)) == []
    account.later(1)
    (ended,) = account.when(OrderSeen(order_id=order.order_id, asked_at=account.now, result=unclear))
    assert isinstance(ended, WatchEnded)
    assert ended.unasked
    assert not account.state.has_unfinished_business
