"""Before a close is sized, the own unfinished orders of its symbol are looked at: a fill one second old counts."""

from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import FetchQuote, LookUpOrder, OrderSeen
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.events import LegRefused
from orderwright.engine.traits import Traits
from orderwright.moments import SECOND, Micros
from tests.engine.given import StrategyAccountUnderTest, a_fill, buy, close, kinds, refusals, requests, sell, shown


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest()


def looks(account: StrategyAccountUnderTest) -> list[str]:
    return [effect.order_id for effect in account.owes() if isinstance(effect, LookUpOrder)]


def test_a_close_that_waited_for_the_markets_is_brought_up_again_when_they_are_loaded_meanwhile() -> None:
    account = StrategyAccountUnderTest()
    loaded, account.instruments = account.instruments, None
    account.signal(close())
    account.instruments = loaded
    (question,) = account.owes()
    assert isinstance(question, FetchQuote)
    assert refusals(account.priced("BTC/USDT", "100")) == ["no_long_position"]


def test_a_fill_that_nobody_told_of_counts(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(buy(qty="2", price="90"))
    assert kinds(account.signal(close())) == ["SignalAccepted", "RefreshStarted"]
    assert looks(account) == [resting.order_id]
    events = account.filled(resting, price="90")
    assert [request.amount for request in requests(events)] == [2]


def test_without_unfinished_orders_of_the_symbol_nothing_is_looked_at(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.rests(buy(qty="1", price="90", symbol="ETH/USDT"))
    assert requests(account.signal(close()))


def test_a_close_of_nothing_is_refused_only_after_a_look(account: StrategyAccountUnderTest) -> None:
    account.rests(buy(qty="2", price="90"))
    assert refusals(account.signal(close())) == []
    assert refusals(account.nothing_new()) == ["no_long_position"]


def test_it_waits_for_every_order_of_the_symbol(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    first, second = account.rests(close("20", price="110")), account.rests(buy(qty="1", price="90"))
    account.later(1)
    account.signal(close())
    assert looks(account) == [first.order_id, second.order_id]
    assert requests(account.seen(first)) == []
    assert looks(account) == [second.order_id]
    assert [request.amount for request in requests(account.seen(second))] == [4]


def test_a_look_sent_before_does_not_count(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(buy(qty="2", price="90"))
    account.later(1)
    account.signal(close())
    old = OrderSeen(order_id=resting.order_id, asked_at=Micros(account.now - 1), result=shown(account.order))
    assert account.when(old) == []


def test_an_order_whose_fills_are_not_told_yet_is_asked_about_again(account: StrategyAccountUnderTest) -> None:
    account.bought("1")
    resting = account.rests(buy(qty="2", price="90"))
    account.signal(close())
    assert requests(account.seen(resting, OrderStatus.PARTIALLY_FILLED, filled="1")) == []
    assert looks(account) == [resting.order_id]
    fill = a_fill("t9", "1", "90")
    assert [request.amount for request in requests(account.seen(resting, OrderStatus.PARTIALLY_FILLED, fill))] == [2]


def test_what_may_be_selling_still_counts_as_selling_after_the_look(account: StrategyAccountUnderTest) -> None:
    account.bought("5")
    account.signal(close("40", price="110"))
    account.unclear(account.order)
    account.signal(close())
    assert [request.amount for request in requests(account.nothing_new())] == [3]


def test_a_ladder_of_closes_looks_once(account: StrategyAccountUnderTest) -> None:
    account.bought("4")
    account.rests(buy(qty="1", price="90"))
    account.signal(close("25", price="110"), close("25", price="120"))
    assert len(looks(account)) == 1
    account.now = Micros(account.now + 1)
    account.nothing_new()
    assert requests(account.placed(account.orders[-1]))
    assert kinds(account.log).count("RefreshStarted") == 1


def test_a_ladder_that_takes_long_looks_again(account: StrategyAccountUnderTest) -> None:
    account.bought("4")
    account.rests(buy(qty="1", price="90"))
    account.signal(close("25", price="110"), close("25", price="120"))
    account.nothing_new()
    account.now = Micros(account.now + 2 * SECOND)
    assert kinds(account.placed(account.orders[-1])) == ["OrderAccepted", "RefreshStarted"]


def test_no_price_is_fetched_while_a_close_waits_for_looks(account: StrategyAccountUnderTest) -> None:
    account.quotes = {}
    account.rests(buy(qty="2", price="90"))
    account.signal(close())
    assert not [effect for effect in account.owes() if isinstance(effect, FetchQuote)]


def test_after_a_restart_the_close_goes_on_from_where_it_was(account: StrategyAccountUnderTest) -> None:
    resting = account.rests(buy(qty="2", price="90"))
    account.later(1)
    account.signal(close())
    account.sightings = {}
    account.when(Recover())
    assert [request.amount for request in requests(account.filled(resting))] == [2]


def test_coins_that_have_just_been_bought_can_be_sold() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT, traits=Traits(tells_at_once=False))
    account.signal(buy(qty="2"))
    bought = account.order
    account.placed(bought)
    assert kinds(account.signal(sell(qty="2")))[-1] == "RefreshStarted"
    assert [request.amount for request in requests(account.filled(bought))] == [Decimal(2)]


def test_an_order_of_which_the_answer_told_nothing_is_looked_at_at_once() -> None:
    for tells, expected in ((True, 0), (False, 1)):
        account = StrategyAccountUnderTest(traits=Traits(tells_at_once=tells))
        order = account.rests(buy(qty="2", price="90"))
        assert len(looks(account)) == expected
        account.seen(order)
        assert looks(account) == []


def test_a_close_that_a_halt_meets_while_it_looks_is_refused_for_good_and_says_so(
    account: StrategyAccountUnderTest,
) -> None:
    account.bought("2")
    resting = account.rests(buy(qty="2", price="90"))
    account.later(1)
    assert kinds(account.signal(close()))[-1] == "RefreshStarted"
    account.halted = "Trading of everything is halted by kim: drill"
    refused = [event for event in account.later(0.1) if isinstance(event, LegRefused)]
    ((code, error),) = [(event.code, event.error) for event in refused]
    assert code == "halted"
    assert error.startswith("Trading of everything is halted by kim: drill. It is not made up for when the halt ends")
    account.halted = ""
    assert requests(account.seen(resting)) == []
