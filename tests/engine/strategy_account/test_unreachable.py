"""What surely did not reach the exchange: openings give up soon, ways out go again as long as an exit may be late."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.orders import CancelState, Order
from orderwright.engine.outcomes import Cancelled, CancelOrder, LookUpOrder, NotFound, PlaceOrder, Refused, Unclear
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import AdoptTerms, PauseTrading
from orderwright.engine.strategy_account.events import CancellationEnded, Event, OrderAbandoned
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.strategy_account.timing import next_due
from orderwright.moments import SECOND
from tests.engine.given import (
    StrategyAccountUnderTest,
    buy,
    cancel,
    cancel_all,
    cancel_orders,
    close,
    kinds,
    liquidate,
    refusals,
    requests,
    results,
)

NO_WAY = Refused(code="exchange_unreachable", error="connection refused", again_after=0)


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    """Return a strategy account that is long 2 BTC."""
    account = StrategyAccountUnderTest()
    account.bought("2")
    return account


def unsent(account: StrategyAccountUnderTest, order: Order) -> list[Event]:
    return account.refused(order, "exchange_unreachable", again_after=0)


def without_a_way(account: StrategyAccountUnderTest, seconds: float) -> list[Event]:
    """Let so much time pass, from due moment to due moment, in which nothing gets to the exchange."""
    ends = account.now + int(seconds * SECOND)
    before = len(account.log)
    while True:
        for effect in account.owes():
            if isinstance(effect, PlaceOrder):
                unsent(account, account.state.orders[effect.order_id])
            elif isinstance(effect, CancelOrder):
                account.cancel_answered(effect.order_id, NO_WAY)
        due = next_due(account.state, account.context)
        if due is None or due > ends:
            break
        account.later((due - account.now) / SECOND)
    account.later((ends - account.now) / SECOND)
    return account.log[before:]


def with_exit_lag(account: StrategyAccountUnderTest, seconds: int) -> None:
    assert account.state.terms is not None
    account.when(AdoptTerms(terms=replace(account.state.terms, max_exit_lag=seconds * SECOND)))


def test_a_close_goes_again_long_after_its_first_attempts_time(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 600)
    (order,) = [*account.orders, *(retry.order for retry in account.state.retries.values())]
    assert order.attempt > 100
    account.later(4)
    assert account.order.amount == 2
    assert account.order.valid_until == account.order.requested_at + 10 * SECOND
    account.filled(account.order)
    assert account.holds() == 0
    assert not account.state.has_unfinished_business


def test_an_opening_goes_again_within_its_own_time_only(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"))
    events = without_a_way(account, 20)
    assert kinds(events)[-2:] == ["OrderRejected", "SignalEnded"]
    assert [request.attempt for request in requests(events)] == [2, 3, 4, 5]
    assert not account.state.has_unfinished_business


def test_a_close_that_never_got_through_ends_as_not_placed_with_the_last_words(
    account: StrategyAccountUnderTest,
) -> None:
    with_exit_lag(account, 60)
    account.signal(close())
    events = without_a_way(account, 70)
    (end,) = [event for event in events if isinstance(event, OrderAbandoned)]
    assert end.code == "not_placed"
    assert end.error.endswith('its signal is too old. The last answer was "no".')
    assert end.at <= account.now - 5 * SECOND
    assert not account.state.has_unfinished_business


def test_a_close_that_is_too_old_by_its_first_answer_ends_as_not_placed_too(account: StrategyAccountUnderTest) -> None:
    account.signal(close(), age=3_599)
    account.now = account.order.valid_until
    assert "OrderAbandoned" in kinds(unsent(account, account.order))


def test_what_waits_says_why(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    unsent(account, account.order)
    told = results(account.state)[0]
    assert (told.status, told.code, told.error) == (LegStatus.WORKING, "exchange_unreachable", "no")
    account.later(0.5)
    assert results(account.state)[0].code == "exchange_unreachable"
    account.unclear(account.order)
    assert account.state.queue == ()


def test_a_close_that_waits_holds_up_later_signals_no_longer_than_an_answer_would(
    account: StrategyAccountUnderTest,
) -> None:
    resting = account.rests(buy(qty="1", price="80", symbol="ETH/USDT"))
    account.signal(close())
    account.signal(cancel(order_id=resting.order_id))
    assert "SignalEnded" not in kinds(without_a_way(account, 9.9))
    assert kinds(account.later(0.1))[:2] == ["SignalEnded", "CancelRequested"]
    account.cancelled(resting)
    assert account.state.queue == ()
    account.later(4)
    account.filled(account.order)
    assert account.holds() == 0


def test_the_next_class_waits_no_longer_either(account: StrategyAccountUnderTest) -> None:
    account.signal(close(), buy(qty="1", price="90", symbol="ETH/USDT"))
    without_a_way(account, 9.9)
    assert [order.symbol for order in account.orders] in ([], ["BTC/USDT"])
    account.later(0.1)
    assert "ETH/USDT" in [order.symbol for order in account.orders]


def test_an_opening_never_overtakes_a_close_of_its_market_that_waits(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 20)
    assert kinds(account.signal(buy(qty="1"))) == ["SignalAccepted"]
    assert requests(without_a_way(account, 20))
    account.later(4)
    closing = account.order
    assert closing.side is Side.SELL
    assert [request.side for request in requests(account.filled(closing))] == [Side.BUY]


def test_an_opening_that_waited_too_long_for_a_close_is_never_placed(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 20)
    account.signal(buy(qty="1"))
    assert refusals(without_a_way(account, 70)) == ["signal_expired"]


def test_what_goes_to_another_market_does_not_wait(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 20)
    assert requests(account.signal(buy(qty="1", symbol="ETH/USDT")))


def test_a_second_close_does_not_wait_and_nothing_is_closed_twice(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 20)
    account.signal(close())
    without_a_way(account, 20)
    account.later(4)
    assert sum(order.amount for order in account.orders) == 2
    account.filled(account.order)
    account.later(4)
    assert account.holds() == 0
    assert not account.state.has_unfinished_business


def test_a_senders_cancel_all_spares_a_close_at_the_market_that_waits(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 20)
    assert kinds(account.signal(cancel_all()))[-2:] == ["CancellationEnded", "SignalEnded"]
    account.later(4)
    account.filled(account.order)
    assert account.holds() == 0


@pytest.mark.parametrize("limit", [None, "110"])
def test_a_cancel_that_names_what_waits_ends_it(account: StrategyAccountUnderTest, limit: str | None) -> None:
    account.signal(close(price=limit))
    without_a_way(account, 20)
    (waiting,) = account.state.retries or [order.order_id for order in account.orders]
    if account.orders:
        unsent(account, account.order)
    assert "OrderAbandoned" in kinds(account.signal(cancel(order_id=waiting)))
    assert not account.state.has_unfinished_business


def test_a_senders_cancel_all_ends_a_limit_that_waits_and_an_operators_ends_everything(
    account: StrategyAccountUnderTest,
) -> None:
    account.signal(close("50", price="110"))
    without_a_way(account, 20)
    assert "OrderAbandoned" in kinds(account.signal(cancel_all()))
    account.signal(close())
    without_a_way(account, 20)
    assert "OrderAbandoned" in kinds(account.when(cancel_orders(99)))
    assert not account.state.has_unfinished_business


def test_a_pause_does_not_wait_and_does_not_end_a_close(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 3)
    assert kinds(account.when(PauseTrading(by="olga", why="news")))[0] == "TradingPaused"
    account.later(4)
    account.filled(account.order)
    assert account.holds() == 0


def test_no_price_is_asked_for_as_long_as_nothing_can_be_decided(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1", price="90"), buy(qty="1", price="80"))
    account.unclear(account.order)
    account.is_reconciled = False
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    assert account.later(10) == []
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    account.is_reconciled = True
    assert requests(account.later(0))


def test_a_halt_ends_what_waits_at_once(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    unsent(account, account.order)
    account.halted = "Trading is halted."
    (end,) = [event for event in account.later(0.1) if isinstance(event, OrderAbandoned)]
    assert "Trading is halted. " in end.error
    assert "is not made up for when the halt ends" in end.error
    assert end.code == "halted"


def test_a_liquidation_closes_beside_what_waits_and_closes_once(account: StrategyAccountUnderTest) -> None:
    account.signal(close())
    without_a_way(account, 20)
    account.when(liquidate(99))
    account.later(4)
    assert sum(order.amount for order in account.orders) == 2
    account.filled(account.order)
    account.later(4)
    assert not account.state.has_unfinished_business


def test_a_cancel_that_did_not_leave_goes_again_for_as_long_as_an_exit_may_be_late(
    account: StrategyAccountUnderTest,
) -> None:
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all())
    without_a_way(account, 3_500)
    assert account.order.cancel is not None
    account.later(4)
    account.cancelled(order)
    assert account.orders == []


def test_at_its_deadline_the_sender_hears_that_it_is_not_cancelled_yet_and_why(
    account: StrategyAccountUnderTest,
) -> None:
    account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all(), buy(qty="1", price="81", symbol="ETH/USDT"), buy(qty="1", price="82"))
    assert "CancellationEnded" not in kinds(without_a_way(account, 9.9))
    events = account.later(0.1)
    (end,) = [event for event in events if isinstance(event, CancellationEnded)]
    assert (end.cancelled, end.failed, end.in_doubt, end.waiting, end.said) == (0, 0, 0, 1, "connection refused")
    told = results(account.state)[0]
    assert (told.status, told.code, told.failed_orders) == (LegStatus.IN_DOUBT, "not_cancelled", 1)
    assert told.error is not None
    assert told.error.endswith('"connection refused".')
    assert refusals(events) == ["cancel_unsettled"]
    assert [request.symbol for request in requests(events)] == ["ETH/USDT"]


def test_a_cancel_that_got_through_after_the_sender_heard_refuses_nothing_any_more(
    account: StrategyAccountUnderTest,
) -> None:
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all(), buy(qty="1", symbol="ETH/USDT", price="81"), buy(qty="1", price="82", priority=9))
    without_a_way(account, 10)
    account.later(4)
    account.cancelled(order)
    (entry,) = account.orders
    assert requests(account.placed(entry))


def test_a_cancel_that_never_got_through_is_given_up(account: StrategyAccountUnderTest) -> None:
    with_exit_lag(account, 60)
    account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all())
    events = without_a_way(account, 70)
    assert kinds(events)[-1] == "CancelRefused"
    assert account.order.cancel is None
    assert account.owes() == []


def test_a_later_cancel_is_sent_at_once_and_has_its_own_time(account: StrategyAccountUnderTest) -> None:
    with_exit_lag(account, 60)
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all())
    without_a_way(account, 50)
    if account.order.cancel is CancelState.REQUESTED:
        account.cancel_answered(order.order_id, NO_WAY)
    assert "CancelRequested" in kinds(account.signal(cancel_all()))
    events = without_a_way(account, 50)
    assert "CancelRefused" not in kinds(events)


def test_a_definite_no_comes_with_the_exchanges_words(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all(), buy(qty="1", price="81"))
    account.cancel_answered(order.order_id, Refused(code="exchange_rejected", error="market is closed"))
    told = results(account.state)[0]
    assert (told.status, told.code) == (LegStatus.FAILED, "not_cancelled")
    assert told.error is not None
    assert told.error.endswith('"market is closed".')


def test_a_postponed_cancel_that_is_in_doubt_later_is_looked_into(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, NO_WAY)
    account.later(0.5)
    assert kinds(account.cancel_answered(order.order_id, Unclear(reason="time-out"))) == ["CancelDoubted"]
    assert kinds(account.cancel_answered(order.order_id, NotFound())) == []
    assert kinds(account.seen(order)) == ["CancelRequested"]
    assert account.cancel_answered(order.order_id, Cancelled(order=None))


def test_a_liquidation_waits_for_a_cancel_no_longer_than_for_an_answer(account: StrategyAccountUnderTest) -> None:
    order = account.rests(close("50", price="120"))
    account.when(liquidate(9))
    account.cancel_answered(order.order_id, NO_WAY)
    sold: list[Decimal] = []
    for _ in range(40):
        events = account.later(0.5)
        for effect in account.owes():
            if isinstance(effect, CancelOrder):
                events += account.cancel_answered(effect.order_id, NO_WAY)
        events += account.nothing_new()
        sold += [request.amount for request in requests(events)]
    assert sold == [1]
