"""Liquidation: a goal that lasts until nothing is held, and never sells more than is confirmed."""

from decimal import Decimal

from orderwright.engine.instruments import Instruments, MarketType
from orderwright.engine.orders import OrderStatus, Purpose
from orderwright.engine.outcomes import NotFound, PlaceOrder, Refused, Unclear
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.events import Event, LiquidationEnded
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
    market,
    refusals,
    requests,
    sell,
)

SPOT = MarketType.SPOT


def note(events: list[Event]) -> str:
    (end,) = [event for event in events if isinstance(event, LiquidationEnded)]
    return end.note


def test_with_nothing_held_and_nothing_open_it_is_over_at_once() -> None:
    account = StrategyAccountUnderTest()
    assert kinds(account.when(liquidate(9))) == ["LiquidationStarted", "LiquidationEnded"]
    assert account.state.liquidation is None


def test_it_cancels_then_closes_every_position_and_ends_flat() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.sold("3", symbol="ETH/USDT")
    resting = account.rests(buy(qty="1", price="80"))
    assert kinds(account.when(liquidate(9))) == ["LiquidationStarted", "CancelRequested", "OrderRequested"]
    events = account.cancelled(resting)
    assert kinds(events) == ["OrderClosed", "OrderRequested"]
    sides = {order.symbol: (order.side, order.amount, order.purpose) for order in account.orders}
    assert sides == {
        "BTC/USDT": (Side.SELL, Decimal(2), Purpose.CLOSE),
        "ETH/USDT": (Side.BUY, Decimal(3), Purpose.CLOSE),
    }
    account.filled(account.orders[0])
    assert note(account.filled(account.order)) == ""
    assert account.holds() == account.holds("ETH/USDT") == 0


def test_a_second_command_changes_nothing() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.when(liquidate(9))
    assert account.when(liquidate(10)) == []


def test_what_may_be_selling_counts_as_selling() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("5")
    account.signal(close("40"))
    doubtful = account.order
    account.unclear(doubtful)
    account.when(liquidate(9))
    assert [type(effect).__name__ for effect in account.owes()] == ["CancelOrder"]
    assert kinds(account.cancel_answered(doubtful.order_id, NotFound()))[-1] == "RefreshStarted"
    assert [request.amount for request in requests(account.nothing_new())] == [3]
    account.filled(account.orders[-1])
    assert account.state.liquidation is not None
    assert note(account.filled(doubtful)) == ""
    assert account.holds() == 0


def test_a_fill_one_second_old_counts() -> None:
    account = StrategyAccountUnderTest()
    account.bought("5")
    account.signal(close("40", price="110"))
    selling = account.order
    account.placed(selling)
    account.when(liquidate(9))
    account.cancel_answered(selling.order_id, Refused(code="x", error="no"))
    assert [type(effect).__name__ for effect in account.owes()] == ["LookUpOrder"]
    assert [request.amount for request in requests(account.filled(selling, price="110"))] == [3]


def test_a_refresh_is_no_older_than_the_close_that_rests_on_it() -> None:
    account = StrategyAccountUnderTest()
    account.bought("5")
    selling = account.rests(close("40", price="110"))
    account.when(liquidate(9))
    account.cancel_answered(selling.order_id, Refused(code="x", error="no"))
    (request,) = requests(account.nothing_new())
    account.refused(account.state.orders[request.order_id])
    account.later(5)
    assert kinds(account.cancel_answered(selling.order_id, Refused(code="x", error="no")))[-1] == "RefreshStarted"


def test_a_close_goes_on_when_no_news_comes() -> None:
    account = StrategyAccountUnderTest()
    account.bought("5")
    selling = account.rests(close("40", price="110"))
    account.when(liquidate(9))
    account.cancel_answered(selling.order_id, Unclear(reason="time-out"))
    assert account.later(9.9) == []
    assert [request.amount for request in requests(account.later(0.1))] == [3]


def test_an_entry_in_doubt_that_turns_out_filled_is_closed_too() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="2"))
    doubtful = account.order
    account.unclear(doubtful)
    account.when(liquidate(9))
    account.cancel_answered(doubtful.order_id, Unclear(reason="time-out"))
    account.later(2)
    assert account.state.liquidation is not None
    (request,) = requests(account.filled(doubtful))
    assert (request.side, request.amount) == (Side.SELL, Decimal(2))


def test_what_is_below_the_markets_minimum_is_left_and_told() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("1", fee="0.0005", fee_currency="BTC")
    account.when(liquidate(9))
    assert account.order.amount == Decimal("0.999")
    assert note(account.filled(account.order)) == "left, being below the market's minimum: 0.0005 of BTC/USDT"


def test_what_is_worth_less_than_the_markets_minimum_is_left_unless_it_may_be_reduced() -> None:
    for kind, is_left in ((SPOT, True), (MarketType.FUTURES, False)):
        account = StrategyAccountUnderTest(kind)
        account.bought("1")
        account.price("BTC/USDT", "4")
        events = account.when(liquidate(9))
        assert (requests(events) == []) is is_left


def test_a_step_coarser_than_the_minimum_does_not_keep_it_busy_for_ever() -> None:
    account = StrategyAccountUnderTest(SPOT, markets=(market(kind=SPOT, min_amount="0", min_notional="0"),))
    account.bought("1", fee="0.9992", fee_currency="BTC")
    assert "0.0008 of BTC/USDT" in note(account.when(liquidate(9)))


def test_after_a_rejection_it_waits_before_it_tries_again() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.when(liquidate(9))
    assert kinds(account.refused(account.order)) == ["OrderRejected"]
    assert account.later(4.9) == []
    (request,) = requests(account.later(0.1))
    assert request.leg == 1


def test_after_a_close_that_filled_nothing_it_waits_too() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.when(liquidate(9))
    assert kinds(account.placed(account.order, OrderStatus.CANCELLED)) == ["OrderAccepted", "OrderClosed"]
    assert requests(account.later(5))


def test_after_a_refused_cancel_it_waits_before_it_asks_again() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="1", price="80"))
    account.when(liquidate(9))
    assert kinds(account.cancel_answered(order.order_id, Refused(code="x", error="no"))) == ["CancelRefused"]
    assert account.owes() == []
    assert kinds(account.later(5)) == ["CancelRequested"]


def test_a_partial_fill_is_followed_by_the_rest() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.when(liquidate(9))
    account.placed(account.order, OrderStatus.CANCELLED, a_fill("p1", "0.5", "100"))
    (request,) = requests(account.later(5))
    assert request.amount == Decimal("1.5")


def test_nothing_is_opened_meanwhile() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.when(liquidate(9))
    assert refusals(account.signal(buy(qty="1"))) == ["paused"]
    assert refusals(account.signal(sell(qty="7"))) == ["paused"]


def test_an_older_signals_cancels_spare_its_orders() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.signal(buy(qty="1", symbol="ETH/USDT"), cancel_all())
    entry = account.order
    account.when(liquidate(9))
    close_out = account.orders[-1]
    account.placed(close_out)
    account.filled(entry)
    assert account.state.orders[close_out.order_id].cancel is None


def test_it_survives_a_restart_and_sends_nothing_twice() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.when(liquidate(9))
    order = account.order
    assert kinds(account.when(Recover())) == ["OrderDoubted"]
    assert not [effect for effect in account.owes() if isinstance(effect, PlaceOrder)]
    assert note(account.filled(order)) == ""


def test_without_markets_it_cancels_and_waits_for_them_without_asking_in_a_loop() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    loaded, account.instruments = account.instruments, None
    account.when(liquidate(9))
    assert account.owes() == []
    account.instruments = loaded
    assert requests(account.later(2))


def test_what_is_held_in_a_market_that_is_gone_does_not_keep_it_from_ending() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.bought("3", symbol="ETH/USDT")
    account.instruments = Instruments([market()])
    account.when(liquidate(9))
    (end,) = [event for event in account.filled(account.order) if isinstance(event, LiquidationEnded)]
    assert end.note == "not closed, since the exchange has no such market any more: 3 of ETH/USDT"
    assert end.unclosed == ("ETH/USDT",)
    assert account.state.liquidation is None
    assert account.holds("ETH/USDT") == 3


def test_it_waits_for_the_markets_before_it_takes_one_for_gone() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.instruments = None
    assert kinds(account.when(liquidate(9))) == ["LiquidationStarted"]
    account.later(60)
    assert account.state.liquidation is not None


def test_after_a_restore_it_waits_with_its_closes_until_the_halt_is_lifted() -> None:
    account = StrategyAccountUnderTest()
    account.bought("2")
    account.is_sealed = True
    account.when(liquidate(9))
    assert account.orders == []
    assert account.state.liquidation is not None
    account.is_sealed = False
    account.later(2)
    assert account.order.amount == 2


def test_an_order_that_waits_to_go_again_is_given_up_before_it_ends() -> None:
    account = StrategyAccountUnderTest(traits=Traits(request_expiry=True))
    account.signal(buy(qty="1"))
    account.refused(account.order, "rate_limited", again_after=0)
    events = account.when(liquidate(9))
    assert kinds(events)[:3] == ["LiquidationStarted", "OrderAbandoned", "LiquidationEnded"]
    assert account.state.retries == {}
    assert requests(account.later(1)) == []


def test_what_waits_to_go_again_is_given_up_while_it_sells_what_is_held() -> None:
    account = StrategyAccountUnderTest(traits=Traits(request_expiry=True))
    account.bought("2")
    account.signal(buy(qty="1"))
    account.refused(account.order, "rate_limited", again_after=4 * SECOND)
    (request,) = requests(account.when(liquidate(9)))
    assert (request.amount, request.purpose) == (Decimal(2), Purpose.CLOSE)
    account.filled(account.order)
    assert requests(account.later(5)) == []
    assert account.holds() == 0


def test_what_is_turned_away_while_it_is_under_way_does_not_go_again() -> None:
    account = StrategyAccountUnderTest(traits=Traits(request_expiry=True))
    account.bought("2")
    account.signal(buy(qty="1"))
    in_flight = account.order
    account.when(liquidate(9))
    account.refused(in_flight, "rate_limited", again_after=SECOND)
    assert account.state.retries == {}
    account.filled(account.order)
    assert requests(account.later(5)) == []
    assert account.state.liquidation is None
