"""Going again: what never reached the exchange goes out as another attempt, where the first one cannot arrive late."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.ids import client_order_id
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import CancelState
from orderwright.engine.outcomes import CancelOrder, LookUpOrder, NotFound, OrderSeen, PlaceOrder, Refused, Unclear
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.events import CancelPostponed, Event, OrderAbandoned
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.strategy_account.timing import next_due
from orderwright.engine.traits import Traits
from orderwright.moments import SECOND, Micros
from tests.engine.given import (
    START,
    StrategyAccountUnderTest,
    buy,
    cancel,
    cancel_all,
    cancel_orders,
    close,
    kinds,
    liquidate,
    numbered,
    pause,
    requests,
    results,
    sell,
)

EXPIRES = Traits(request_expiry=True)


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest(traits=EXPIRES)


def abandoned(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.code, event.error.rpartition(": ")[2]) for event in events if isinstance(event, OrderAbandoned)]


def test_a_close_that_was_never_placed_goes_again_under_another_id(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.signal(close())
    first = account.order
    account.unclear(first)
    (request,) = requests(account.never_placed(first))
    assert (request.attempt, request.replaces, request.amount) == (2, first.order_id, Decimal(2))
    assert request.order_id == client_order_id(
        salt="salt5", account_number=7, signal_id=first.signal_id, leg=0, attempt=2
    )
    assert request.valid_until == account.now + 10 * SECOND
    (effect,) = account.owes()
    assert isinstance(effect, PlaceOrder)
    assert effect.order_id == request.order_id


def test_elsewhere_it_ends_as_not_placed() -> None:
    account = StrategyAccountUnderTest(traits=Traits(request_expiry=False))
    account.bought("2")
    account.signal(close(), buy(qty="1", symbol="ETH/USDT"))
    order = account.orders[0]
    account.unclear(order)
    assert requests(account.never_placed(order)) == []
    assert (results(account.state)[0].status, results(account.state)[0].code) == (LegStatus.FAILED, "not_placed")
    assert account.state.retries == {}


def test_an_entry_goes_again_as_long_as_its_signal_is_young_enough(account: StrategyAccountUnderTest) -> None:
    for age, goes in ((40, True), (50, False)):
        account.signal(buy(qty="1", price="90"), age=age)
        order = account.orders[-1]
        account.unclear(order)
        assert bool(requests(account.never_placed(order))) is goes
    assert [order.attempt for order in account.orders] == [2]


def test_a_close_may_be_much_older(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.signal(close(), age=3_000)
    order = account.order
    account.unclear(order)
    assert requests(account.never_placed(order))


def test_the_sender_hears_in_doubt_and_then_what_became_of_it(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"), buy(qty="1", price="90", symbol="ETH/USDT"))
    first = account.orders[0]
    account.unclear(first)
    assert results(account.state)[0].status is LegStatus.IN_DOUBT
    account.never_placed(first)
    told = results(account.state)[0]
    assert (told.status, told.code, told.engine_order_id) == (LegStatus.WORKING, None, account.orders[-1].order_id)
    account.placed(account.orders[-1])
    assert results(account.state)[0].status is LegStatus.SUCCESS


def test_a_third_attempt_follows_a_second(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    for attempt in (1, 2):
        assert account.order.attempt == attempt
        account.unclear(account.order)
        account.never_placed(account.order)
    assert (account.order.attempt, account.order.born_at, account.order.sequence) == (3, START, 1)


def test_who_wanted_it_cancelled_has_what_was_wanted(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    order = account.order
    account.unclear(order)
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, NotFound())
    assert requests(account.never_placed(order)) == []
    assert account.orders == []


@pytest.mark.parametrize("id_of", ["first", "second"])
def test_an_order_can_be_cancelled_by_the_id_of_any_of_its_attempts(
    account: StrategyAccountUnderTest, id_of: str
) -> None:
    account.signal(buy(qty="1", price="90"))
    first = account.order
    account.unclear(first)
    account.never_placed(first)
    second = account.order
    account.placed(second)
    wanted = {"first": first, "second": second}[id_of]
    assert "CancelRequested" in kinds(account.signal(cancel(order_id=wanted.order_id)))


def test_what_is_paused_meanwhile_does_not_go_again(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    order = account.order
    account.unclear(order)
    account.when(pause())
    events = account.never_placed(order)
    assert abandoned(events) == [("not_placed", "Trading is paused by olga: news.".rpartition(": ")[2])]
    assert account.orders == []
    assert not account.state.has_unfinished_business


def test_a_liquidation_closes_with_orders_of_its_own(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.when(liquidate(9))
    order = account.order
    account.unclear(order)
    assert requests(account.never_placed(order)) == []
    (request,) = requests(account.later(5))
    assert (request.leg, request.attempt) == (1, 1)


def test_a_close_goes_again_for_what_is_left(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    account.signal(close("60", price="110"))
    order = account.order
    account.unclear(order)
    account.sold("3")
    (request,) = requests(account.never_placed(order))
    assert request.amount == 2


def test_a_close_of_what_is_gone_is_abandoned(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    account.signal(close(price="110"))
    order = account.order
    account.unclear(order)
    account.sold("5")
    assert abandoned(account.never_placed(order)) == [("not_placed", "there is nothing left for it to close or sell.")]


def test_before_a_close_goes_again_its_symbols_orders_are_looked_at(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    resting = account.rests(close("40", price="120"))
    account.later(1)
    account.signal(close("60", price="110"))
    account.nothing_new()
    order = account.orders[-1]
    account.unclear(order)
    assert kinds(account.never_placed(order)) == ["OrderNeverPlaced", "RefreshStarted"]
    assert [effect.order_id for effect in account.owes() if isinstance(effect, LookUpOrder)] == [resting.order_id]
    assert next_due(account.state, account.context) == account.now + 10 * SECOND
    (request,) = requests(account.filled(resting, price="120"))
    assert (request.amount, request.replaces) == (Decimal(3), order.order_id)


def test_coins_that_are_gone_are_not_sold_again() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT, traits=EXPIRES)
    account.bought("2")
    account.signal(sell(qty="2", price="110"))
    order = account.order
    account.unclear(order)
    account.never_placed(order)
    assert account.order.amount == 2
    account.unclear(account.order)
    account.state = replace(account.state, positions={})
    assert abandoned(account.never_placed(account.order))


def test_a_no_for_now_goes_again_a_moment_later_and_within_the_same_time(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    first = account.order
    (event,) = account.refused(first, "rate_limited", again_after=2 * SECOND)
    assert kinds([event]) == ["OrderRejected"]
    assert results(account.state)[0].status is LegStatus.WORKING
    assert next_due(account.state, account.context) == account.now + 2 * SECOND
    assert account.later(1.9) == []
    (request,) = requests(account.later(0.1))
    assert (request.attempt, request.valid_until) == (2, first.valid_until)


def test_a_no_for_now_is_followed_by_longer_and_longer_waits_until_the_time_is_over(
    account: StrategyAccountUnderTest,
) -> None:
    account.signal(buy(qty="1", price="90"))
    waits = []
    while account.state.orders or account.state.retries:
        if account.state.orders:
            account.refused(account.order, "rate_limited", again_after=0)
        due = next_due(account.state, account.context)
        if due is not None:
            waits.append((due - account.now) / SECOND)
            account.now = due
            account.later(0)
    assert waits == [0.5, 1, 2, 4]
    assert kinds(account.log)[-1] == "SignalEnded"


def test_a_definite_no_does_not_go_again(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    assert "SignalEnded" in kinds(account.refused(account.order))
    assert account.state.retries == {}


def test_a_no_for_now_goes_again_also_where_requests_do_not_expire() -> None:
    account = StrategyAccountUnderTest(traits=Traits(request_expiry=False))
    account.signal(buy(qty="1", price="90"))
    account.refused(account.order, "rate_limited", again_after=0)
    assert requests(account.later(1))


def test_what_waits_for_its_next_attempt_can_be_cancelled(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    account.refused(account.order, "rate_limited", again_after=SECOND)
    events = account.when(cancel_orders(9))
    assert kinds(events) == ["CancellationOrdered", "OrderAbandoned", "CancellationEnded", "SignalEnded", "SignalEnded"]
    assert not account.state.has_unfinished_business


def test_what_waits_for_its_next_attempt_goes_again_after_a_restart(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    account.refused(account.order, "rate_limited", again_after=SECOND)
    assert account.state.has_unfinished_business
    account.when(Recover())
    instruments, account.instruments = account.instruments, None
    assert account.later(1) == []
    assert account.owes()
    account.instruments = instruments
    assert requests(account.later(0))


def test_what_waits_longer_than_its_time_is_abandoned(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    account.refused(account.order, "rate_limited", again_after=SECOND)
    assert abandoned(account.later(10)) == [("not_placed", 'its time is over. The last answer was "no".')]


def test_a_cancel_that_is_turned_away_for_now_goes_again(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="1", price="90"))
    account.signal(cancel_all())
    (event,) = account.cancel_answered(order.order_id, Refused(code="rate_limited", error="no", again_after=0))
    assert isinstance(event, CancelPostponed)
    assert account.order.cancel is CancelState.POSTPONED
    assert next_due(account.state, account.context) == account.now + SECOND // 2
    assert kinds(account.later(0.5)) == ["CancelRequested"]
    (effect,) = account.owes()
    assert isinstance(effect, CancelOrder)
    assert effect.attempt == 2
    assert kinds(account.cancelled(account.order))[-2:] == ["CancellationEnded", "SignalEnded"]


def test_a_look_that_misses_does_not_count_for_a_later_attempt(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    first = account.order
    account.unclear(first)
    account.never_placed(first)
    account.unclear(account.order)
    assert account.when(OrderSeen(order_id=first.order_id, asked_at=account.now, result=NotFound())) == []
    assert account.order.misses == 0


def test_an_expired_order_does_not_go_again(account: StrategyAccountUnderTest) -> None:
    account.signal(replace(buy(qty="1", price="90"), expires_at=Micros(START + 5 * SECOND)))
    order = account.order
    account.unclear(order)
    account.later(5)
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    assert requests(account.never_placed(order)) == []


def test_a_short_goes_again_as_the_short_it_was(account: StrategyAccountUnderTest) -> None:
    account.signal(sell(qty="1", price="110"))
    order = account.order
    account.unclear(order)
    (request,) = requests(account.never_placed(order))
    assert (request.side, request.amount, request.signal_id) == (Side.SELL, Decimal(1), numbered(1))
