"""Batches: classes one after the other, one market's orders in list order, everything else side by side."""

import pytest

from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import CancelOrder, PlaceOrder
from orderwright.engine.signals import OrderType
from orderwright.engine.strategy_account.events import CancelRequested, OrderRequested
from orderwright.engine.strategy_account.results import LegStatus
from tests.engine.given import (
    StrategyAccountUnderTest,
    buy,
    cancel,
    cancel_all,
    close,
    kinds,
    market,
    refusals,
    requests,
    results,
    sell,
    signal,
)

SPELLINGS = ("BTC/USDT", "BTCUSDT", "BINANCE:BTCUSDT.P", "btcusdt")


def test_market_orders_come_before_cancels_before_limits() -> None:
    account = StrategyAccountUnderTest()
    resting = account.rests(buy(qty="1", price="80"))
    account.signal(buy(qty="1", price="90"), cancel_all(), buy(qty="1"))
    assert [order.order_type for order in account.orders[1:]] == [OrderType.MARKET]
    assert account.orders[1].leg == 2
    account.filled(account.orders[-1])
    assert [type(effect) for effect in account.owes()] == [CancelOrder]
    events = account.cancelled(resting)
    assert [request.leg for request in requests(events)] == [0]


def test_a_priority_of_ones_own_overrides_the_automatic_one() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", priority=7), buy(qty="1", price="90", priority=2))
    assert account.order.order_type is OrderType.LIMIT
    account.placed(account.order)
    assert account.orders[-1].order_type is OrderType.MARKET


def test_the_next_class_waits_for_the_last_answer_of_the_one_before() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), buy(qty="1", symbol="ETH/USDT"), buy(qty="1", price="90"))
    btc, eth = account.orders
    assert requests(account.filled(btc)) == []
    assert [request.order_type for request in requests(account.filled(eth))] == [OrderType.LIMIT]


def test_other_symbols_go_side_by_side() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", price="90"), buy(qty="1", price="90", symbol="ETH/USDT"))
    assert [effect.symbol for effect in account.owes() if isinstance(effect, PlaceOrder)] == ["BTC/USDT", "ETH/USDT"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_markets_orders_go_one_after_the_other_however_it_is_spelled(spelling: str) -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", price="95"), buy(qty="2", price="90", symbol=spelling), buy(qty="3", price="85"))
    assert [order.leg for order in account.orders] == [0]
    assert [request.leg for request in requests(account.placed(account.orders[0]))] == [1]
    assert [request.leg for request in requests(account.refused(account.orders[1]))] == [2]


def test_a_ladder_cancels_first_and_then_climbs_in_list_order() -> None:
    account = StrategyAccountUnderTest(capital="1000000", price="104500")
    old = [account.rests(sell(qty="1", price=price)) for price in ("106000", "107000")]
    account.signal(cancel_all(), sell(qty="1", price="105000"), sell(qty="1", price="104000"))
    assert [type(effect) for effect in account.owes()] == [CancelOrder, CancelOrder]
    assert requests(account.cancelled(old[0])) == []
    assert [str(request.price) for request in requests(account.cancelled(old[1]))] == ["105000"]
    assert [str(request.price) for request in requests(account.placed(account.order))] == ["104000"]
    assert "SignalEnded" in kinds(account.placed(account.orders[-1]))


def test_one_failure_does_not_stop_the_others() -> None:
    account = StrategyAccountUnderTest()
    account.signal(
        buy(qty="1", symbol="DOGE/USDT"), buy("99999"), buy(qty="1"), cancel(ref="none"), buy(qty="1", price="90")
    )
    assert [order.leg for order in account.orders] == [2]
    account.refused(account.order)
    assert [order.leg for order in account.orders] == [4]
    assert kinds(account.refused(account.order)) == ["OrderRejected", "SignalEnded"]


def test_each_leg_tells_how_it_came_out() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), cancel(ref="none"), buy(qty="1", price="90"), buy(qty="2", price="91"))
    account.filled(account.orders[0], price="101")
    account.placed(account.orders[0])
    taken, missing, resting, coming = results(account.state)
    assert (taken.status, taken.order_status) == (LegStatus.SUCCESS, OrderStatus.FILLED)
    assert (missing.status, missing.code) == (LegStatus.REFUSED, "order_not_found")
    assert (resting.status, resting.order_status) == (LegStatus.SUCCESS, OrderStatus.NEW)
    assert resting.order_id == f"x-{resting.engine_order_id}"
    assert (coming.status, coming.order_status) == (LegStatus.WORKING, OrderStatus.PENDING)


def test_an_order_that_the_exchange_takes_and_then_rejects_has_failed() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", symbol="ETH/USDT"), buy(qty="1"))
    account.placed(account.orders[1], OrderStatus.REJECTED)
    rejected = results(account.state)[1]
    assert (rejected.status, rejected.code) == (LegStatus.FAILED, "exchange_rejected")


def test_cancels_of_a_batch_never_touch_its_own_orders() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", price="90", ref="mine", priority=1), cancel_all(), cancel(ref="mine"))
    assert account.order.leg == 0
    events = account.placed(account.order)
    assert not [event for event in events if isinstance(event, CancelRequested)]
    assert refusals(events) == ["order_not_found"]
    assert account.order.cancel is None


def test_cancels_go_side_by_side_and_may_mean_the_same_order() -> None:
    account = StrategyAccountUnderTest()
    one = account.rests(buy(qty="1", price="90", ref="one"))
    two = account.rests(buy(qty="1", price="80"))
    account.signal(cancel(ref="one"), cancel_all(), buy(qty="1", price="85"))
    assert [effect.order_id for effect in account.owes() if isinstance(effect, CancelOrder)] == [
        one.order_id,
        two.order_id,
    ]
    account.cancelled(one)
    assert requests(account.cancelled(two))
    first, all_of_them, _ = results(account.state)
    assert (first.status, first.cancelled_orders) == (LegStatus.SUCCESS, 1)
    assert (all_of_them.status, all_of_them.cancelled_orders) == (LegStatus.SUCCESS, 2)


def test_signals_run_one_after_the_other() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"))
    assert kinds(account.signal(close())) == ["SignalAccepted"]
    events = account.filled(account.order)
    assert [type(event).__name__ for event in events][-2:] == ["SignalEnded", "OrderRequested"]
    assert account.order.amount == 1


def test_a_signal_that_came_before_yields_nothing() -> None:
    account = StrategyAccountUnderTest()
    account.when(signal(4, buy(qty="1", price="90")))
    assert account.when(signal(4, buy(qty="1", price="90"))) == []
    assert account.when(signal(3, buy(qty="1", price="90"))) == []
    account.placed(account.order)
    assert account.when(signal(4, buy(qty="1", price="90"))) == []
    assert requests(account.when(signal(9, buy(qty="1", price="90"))))


def test_a_market_leg_without_a_price_holds_up_its_class_and_nothing_for_ever() -> None:
    account = StrategyAccountUnderTest(price=None)
    account.signal(buy(qty="1"), buy(qty="1", price="90"))
    assert account.orders == []
    events = account.priced("BTC/USDT", None)
    assert refusals(events) == ["price_unavailable"]
    assert [request.order_type for request in requests(events)] == [OrderType.LIMIT]


def test_a_doubt_is_told_at_once_and_the_next_class_waits_for_the_evidence() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), close(price="120"))
    doubtful = account.order
    assert requests(account.unclear(doubtful)) == []
    assert results(account.state)[0].status is LegStatus.IN_DOUBT
    (request,) = requests(account.filled(doubtful))
    assert request.amount == 1


def test_a_doubt_holds_up_the_next_class_no_longer_than_its_deadline() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), buy(qty="1", price="90"))
    account.unclear(account.order)
    assert requests(account.later(9)) == []
    (request,) = requests(account.later(1))
    assert request.order_type is OrderType.LIMIT
    account.placed(account.orders[-1])
    assert account.state.queue == ()


def test_a_single_leg_in_doubt_ends_its_signal() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"))
    assert kinds(account.unclear(account.order)) == ["OrderDoubted", "SignalEnded"]


def test_an_in_doubt_rung_holds_up_the_next_rung_of_its_market_only() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", price="90"), buy(qty="1", price="80"), buy(qty="1", price="90", symbol="ETH/USDT"))
    first, other = account.orders
    account.placed(other)
    assert requests(account.unclear(first)) == []
    assert [request.leg for request in requests(account.seen(first))] == [1]


def test_a_signal_without_instructions_ends_at_once() -> None:
    account = StrategyAccountUnderTest()
    assert kinds(account.signal()) == ["SignalAccepted", "SignalEnded"]


def test_thirty_legs_are_all_answered() -> None:
    account = StrategyAccountUnderTest(
        capital="1000000", markets=tuple(market(f"C{number}/USDT") for number in range(3))
    )
    account.signal(*(buy(qty="1", price=str(90 + number), symbol=f"C{number % 3}/USDT") for number in range(30)))
    placed = 0
    while account.state.queue:
        pending = [order for order in account.orders if order.status is OrderStatus.PENDING]
        placed += len(pending)
        for order in pending:
            account.placed(order)
    assert placed == 30
    legs = [event.leg for event in account.log if isinstance(event, OrderRequested) and event.symbol == "C1/USDT"]
    assert legs == sorted(legs)
