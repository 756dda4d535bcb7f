"""A way out and the cancels of its batch: what holds the position goes first, unless the sender says otherwise."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import CancelOrder, FetchQuote, NotFound, PlaceOrder, Refused, Unclear
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.engine.strategy_account.events import Event, OrderAbandoned
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.traits import Traits
from tests.engine.given import (
    StrategyAccountUnderTest,
    buy,
    cancel,
    cancel_all,
    close,
    instruction,
    kinds,
    refusals,
    requests,
    results,
    sell,
)

STOPS = Traits(native_stops=True)
NO_WAY = Refused(code="exchange_unreachable", error="connection refused", again_after=0)


def stop(percent: str = "100", *, symbol: str = "BTC/USDT", ref: str | None = None) -> Instruction:
    return instruction(OrderType.STOP_MARKET, symbol, qty_per="-" + percent, stop_price="90", ref=ref)


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    """Return a strategy account that is long 2 BTC."""
    account = StrategyAccountUnderTest(traits=STOPS)
    account.bought("2")
    return account


def sent(account: StrategyAccountUnderTest) -> list[type]:
    return [type(effect) for effect in account.owes() if isinstance(effect, PlaceOrder | CancelOrder)]


def abandoned(events: list[Event]) -> list[OrderAbandoned]:
    return [event for event in events if isinstance(event, OrderAbandoned)]


@pytest.mark.parametrize("legs", [(cancel_all(), close()), (close(), cancel_all())])
def test_a_close_waits_for_the_cancel_of_the_stop_that_holds_the_position(
    account: StrategyAccountUnderTest, legs: tuple[Instruction, ...]
) -> None:
    resting = account.rests(stop())
    account.signal(*legs)
    assert sent(account) == [CancelOrder]
    (request,) = requests(account.cancelled(resting))
    assert request.amount == 2
    account.filled(account.order)
    assert account.holds() == 0
    assert account.state.queue == ()


def test_a_cancel_by_name_goes_first_too(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop(ref="protection"))
    account.signal(close(), cancel(ref="protection"))
    assert sent(account) == [CancelOrder]
    assert requests(account.cancelled(resting))


def test_a_stop_by_amount_holds_the_position_as_well(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(instruction(OrderType.STOP_MARKET, side=Side.SELL, qty="2", stop_price="90"))
    account.signal(close(), cancel_all())
    assert sent(account) == [CancelOrder]
    assert requests(account.cancelled(resting))


def test_a_spot_sell_waits_as_a_close_does() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT, traits=STOPS)
    account.bought("2")
    resting = account.rests(stop())
    account.signal(cancel_all(), sell(qty="2"))
    assert sent(account) == [CancelOrder]
    assert requests(account.cancelled(resting))


def test_without_anything_that_holds_the_position_the_market_order_goes_first(
    account: StrategyAccountUnderTest,
) -> None:
    account.rests(buy(qty="1", price="80"))
    account.rests(sell(qty="1", price="120", symbol="ETH/USDT"))
    account.signal(cancel_all(), close())
    account.nothing_new()
    assert sent(account) == [PlaceOrder]
    account.filled(account.orders[-1])
    assert sent(account) == [CancelOrder, CancelOrder]


def test_a_cancel_of_another_market_does_not_go_first(account: StrategyAccountUnderTest) -> None:
    account.rests(stop("50"))
    account.signal(cancel_all(symbol="ETH/USDT"), close())
    account.nothing_new()
    assert sent(account) == [PlaceOrder]
    assert account.orders[-1].amount == 1


def test_other_market_orders_do_not_wait(account: StrategyAccountUnderTest) -> None:
    account.rests(stop())
    account.signal(cancel_all(), close(), buy(qty="1", symbol="ETH/USDT"))
    assert sorted(kind.__name__ for kind in sent(account)) == ["CancelOrder", "PlaceOrder"]
    assert account.orders[-1].symbol == "ETH/USDT"


def test_the_close_waits_for_what_holds_its_position_only(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop())
    account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all(), close())
    account.cancelled(resting)
    account.nothing_new()
    assert PlaceOrder in sent(account)


@pytest.mark.parametrize("said", ["close", "cancel"])
def test_a_priority_of_the_senders_own_wins(account: StrategyAccountUnderTest, said: str) -> None:
    resting = account.rests(stop())
    way_out, cancels = close(), cancel_all()
    if said == "close":
        way_out = replace(way_out, has_own_priority=True)
    else:
        cancels = replace(cancels, has_own_priority=True)
    account.signal(cancels, way_out)
    events = account.nothing_new()
    assert refusals(events) == ["insufficient_position"]
    account.cancelled(resting)
    assert account.holds() == 2


def test_a_priority_from_before_there_was_a_mark_wins_too(account: StrategyAccountUnderTest) -> None:
    account.rests(stop())
    account.signal(replace(cancel_all(), priority=7), close())
    assert refusals(account.nothing_new()) == ["insufficient_position"]


def test_a_cancel_that_fails_leaves_the_stop_and_the_close_is_refused(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop())
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, Refused(code="exchange_rejected", error="no"))
    assert refusals(account.nothing_new()) == ["insufficient_position"]
    assert account.order.cancel is None


def test_a_stop_that_fills_first_leaves_nothing_to_close(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop())
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, NotFound())
    assert refusals(account.filled(resting)) == ["no_long_position"]
    assert account.holds() == 0


def test_a_close_does_not_leave_the_half_behind_that_a_stop_in_doubt_still_holds(
    account: StrategyAccountUnderTest,
) -> None:
    resting = account.rests(stop("50"))
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, Unclear(reason="time-out"))
    for _ in range(14):
        account.later(1)
        account.nothing_new()
    assert PlaceOrder not in sent(account)
    (request,) = requests(account.cancelled(resting))
    assert (request.amount, request.attempt) == (Decimal(2), 2)
    account.filled(account.order)
    assert account.holds() == 0


def test_a_close_behind_two_sells_goes_when_both_are_cancelled() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT)
    account.bought("2")
    sells = [account.rests(sell(qty="1", price=price)) for price in ("110", "120")]
    account.signal(cancel_all())
    for resting in sells:
        account.cancel_answered(resting.order_id, Unclear(reason="time-out"))
    account.later(11)
    account.signal(close())
    account.nothing_new()
    assert requests(account.cancelled(sells[0])) == []
    account.later(1)
    assert PlaceOrder not in sent(account)
    (request,) = requests(account.cancelled(sells[1]))
    assert request.amount == 2
    account.filled(account.order)
    assert account.holds() == 0


def test_a_partial_close_goes_at_once_where_as_much_is_free(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop("50"))
    account.signal(cancel_all())
    account.cancel_answered(resting.order_id, Unclear(reason="time-out"))
    account.signal(close("50"))
    (request,) = requests([*account.later(10), *account.nothing_new()])
    assert (request.amount, request.attempt) == (Decimal(1), 1)


def test_a_close_waits_where_too_little_is_free_for_an_order(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(instruction(OrderType.STOP_MARKET, side=Side.SELL, qty="1.999", stop_price="90"))
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, Unclear(reason="time-out"))
    account.later(10)
    assert "LegRefused" not in kinds([*account.nothing_new(), *account.later(1)])
    (request,) = requests(account.cancelled(resting))
    assert request.amount == 2


def test_what_is_free_does_not_wait_for_an_order_that_vanished(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop("50"))
    account.later(60)
    account.missed(resting)
    account.later(20)
    account.missed(resting)
    assert account.state.orders[resting.order_id].has_vanished
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, NotFound())
    account.later(10)
    (request,) = requests([*account.missed(resting), *account.later(10)])
    assert request.amount == 1


def test_too_little_that_is_free_waits_for_an_order_that_vanished() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT, traits=STOPS)
    account.bought("2", fee="0.0005", fee_currency="BTC")
    resting = account.rests(stop())
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, NotFound())
    for _ in range(4):
        account.later(20)
        account.missed(resting)
    assert account.state.orders[resting.order_id].has_vanished
    assert account.state.retries
    (request,) = requests(account.cancelled(resting))
    assert request.amount == Decimal("1.999")


def waits_long(account: StrategyAccountUnderTest) -> Order:
    """Let a close be held up by a stop whose cancel does not get through for long."""
    resting = account.rests(stop())
    account.signal(cancel_all(), close())
    for _ in range(60):
        for effect in account.owes():
            if isinstance(effect, CancelOrder):
                account.cancel_answered(effect.order_id, NO_WAY)
        account.later(1)
    return resting


def test_a_close_whose_cancels_do_not_get_through_waits_on_and_holds_nothing_up(
    account: StrategyAccountUnderTest,
) -> None:
    resting = waits_long(account)
    assert account.state.queue == ()
    assert not [effect for effect in account.owes() if isinstance(effect, PlaceOrder | FetchQuote)]
    (request,) = requests(account.cancelled(resting))
    assert (request.amount, request.attempt) == (Decimal(2), 2)
    account.filled(account.order)
    assert account.holds() == 0
    assert not account.state.has_unfinished_business


def test_its_sender_hears_what_it_waits_for(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop())
    account.signal(cancel_all(), close())
    account.cancel_answered(resting.order_id, Unclear(reason="time-out"))
    account.later(10)
    account.later(10)
    told = results(account.state)[1]
    assert (told.status, told.code) == (LegStatus.WORKING, "cancel_unsettled")


def test_a_close_that_waited_for_a_cancel_that_fails_is_given_up(account: StrategyAccountUnderTest) -> None:
    resting = waits_long(account)
    account.later(4)
    no = Refused(code="exchange_rejected", error="no")
    assert kinds(account.cancel_answered(resting.order_id, no))[-1] == "RefreshStarted"
    (end,) = abandoned(account.nothing_new())
    assert end.code == "not_placed"
    assert account.orders


def test_a_close_that_waited_for_a_stop_that_filled_is_over(account: StrategyAccountUnderTest) -> None:
    resting = waits_long(account)
    assert abandoned(account.filled(resting))
    assert account.holds() == 0
    assert not account.state.has_unfinished_business


def test_a_close_of_a_later_signal_waits_for_cancels_under_way_too(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(stop())
    account.signal(cancel_all())
    account.cancel_answered(resting.order_id, Unclear(reason="time-out"))
    account.later(10)
    account.signal(close())
    account.later(10)
    (request,) = requests(account.seen(resting, OrderStatus.CANCELLED))
    assert request.amount == Decimal(2)


def test_a_single_close_is_refused_as_ever_where_nothing_is_being_cancelled(account: StrategyAccountUnderTest) -> None:
    account.rests(stop())
    account.signal(close())
    assert refusals(account.nothing_new()) == ["insufficient_position"]
    assert kinds(account.log)[-1] == "SignalEnded"
