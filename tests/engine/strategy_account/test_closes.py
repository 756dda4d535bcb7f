"""Closes: a share of the own position, less what is already on its way out."""

from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Purpose, Siblings
from orderwright.engine.outcomes import FetchQuote
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.traits import Traits
from tests.engine.given import StrategyAccountUnderTest, buy, close, kinds, refusals, requests, sell

SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES


@pytest.mark.parametrize(("percent", "amount"), [("100", "3"), ("50", "1.5"), ("33.333", "0.999"), ("150", "3")])
def test_a_close_takes_that_share_of_a_long(percent: str, amount: str) -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("3")
    (request,) = requests(account.signal(close(percent)))
    assert (request.side, request.amount, request.purpose) == (Side.SELL, Decimal(amount), Purpose.CLOSE)


def test_a_close_of_a_short_buys() -> None:
    account = StrategyAccountUnderTest(FUTURES)
    account.sold("2")
    (request,) = requests(account.signal(close()))
    assert (request.side, request.amount) == (Side.BUY, Decimal(2))


def test_the_order_type_still_decides_how() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("2")
    (request,) = requests(account.signal(close("50", price="120")))
    assert (request.order_type, request.price, request.amount) == (OrderType.LIMIT, Decimal(120), Decimal(1))


def test_a_close_takes_at_most_what_is_left_after_open_and_possible_closes() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("3")
    account.rests(close("50", price="120"))
    account.signal(sell(qty="1"))
    account.unclear(account.orders[-1])
    account.signal(close())
    (request,) = requests(account.nothing_new())
    assert request.amount == Decimal("0.5")
    account.placed(account.orders[-1])
    account.later(1)
    account.signal(close())
    assert refusals(account.nothing_new()) == ["insufficient_position"]


def test_without_a_position_the_code_names_the_side_that_is_missing() -> None:
    account = StrategyAccountUnderTest(price=None)
    assert refusals(account.signal(close())) == ["no_long_position"]
    assert refusals(account.signal(close(side=Side.SELL))) == ["no_long_position"]
    assert refusals(account.signal(close(side=Side.BUY))) == ["no_short_position"]
    assert account.owes() == []


def test_a_side_that_contradicts_the_position_is_refused() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    assert refusals(account.signal(close(side=Side.BUY))) == ["no_short_position"]
    account.sold("2")
    assert refusals(account.signal(close(side=Side.SELL))) == ["no_long_position"]
    assert requests(account.signal(close(side=Side.BUY)))


def test_with_close_side_auto_the_position_decides() -> None:
    account = StrategyAccountUnderTest(close_side="auto")
    account.bought("1")
    (request,) = requests(account.signal(close(side=Side.BUY)))
    assert request.side is Side.SELL


def test_dust_counts_as_flat() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("1", fee="0.9995", fee_currency="BTC")
    assert refusals(account.signal(close())) == ["no_long_position"]


def test_a_share_below_the_minimum_is_refused() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("1")
    assert refusals(account.signal(close("0.01"))) == ["below_minimum"]
    assert refusals(account.signal(close("4"))) == ["below_minimum"]


def test_a_reduce_only_close_may_be_worth_less_than_an_entry_may() -> None:
    account = StrategyAccountUnderTest(FUTURES)
    account.bought("1")
    (request,) = requests(account.signal(close("4")))
    assert request.reduce_only


@pytest.mark.parametrize(
    ("unknown", "exposed", "siblings"),
    [
        (False, frozenset[str](), Siblings.FLAT),
        (False, frozenset({"ETH/USDT"}), Siblings.FLAT),
        (False, frozenset({"BTC/USDT"}), Siblings.EXPOSED),
        (True, frozenset[str](), Siblings.UNKNOWN),
        (True, frozenset({"BTC/USDT"}), Siblings.EXPOSED),
    ],
)
def test_futures_closes_are_reduce_only_exactly_when_no_other_strategy_is_exposed_in_the_symbol(
    *,
    unknown: bool,
    exposed: frozenset[str],
    siblings: Siblings,
) -> None:
    account = StrategyAccountUnderTest(FUTURES, shares_account=unknown, exposed_elsewhere=exposed)
    account.bought("1.234")
    (request,) = requests(account.signal(close()))
    assert request.amount == Decimal("1.234")
    assert (request.reduce_only, request.siblings) == (siblings is Siblings.FLAT, siblings)


def test_futures_do_not_close_reduce_only_where_the_exchange_cannot() -> None:
    account = StrategyAccountUnderTest(FUTURES, traits=Traits(reduce_only=False))
    account.bought("1")
    (request,) = requests(account.signal(close()))
    assert (request.reduce_only, request.siblings) == (False, Siblings.FLAT)


def test_an_entry_says_nothing_of_the_other_strategies() -> None:
    account = StrategyAccountUnderTest(FUTURES)
    (request,) = requests(account.signal(buy(qty="1")))
    assert (request.reduce_only, request.siblings) == (False, None)


def test_spot_is_never_reduce_only() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("1")
    (request,) = requests(account.signal(close()))
    assert (request.reduce_only, request.siblings) == (False, None)


def test_a_dead_price_feed_keeps_nobody_in() -> None:
    account = StrategyAccountUnderTest(SPOT)
    account.bought("1", price="3")
    account.quotes = {}
    (request,) = requests(account.signal(close()))
    assert request.reference_price == 3
    assert not [effect for effect in account.owes() if isinstance(effect, FetchQuote)]


def test_a_close_ties_up_no_capital() -> None:
    account = StrategyAccountUnderTest(FUTURES, capital="1000")
    account.bought("5")
    account.rests(close(price="200"))
    assert requests(account.signal(buy("50")))


def test_a_close_decided_in_a_later_class_counts_what_the_class_before_filled() -> None:
    account = StrategyAccountUnderTest(FUTURES)
    account.signal(buy(qty="2"), close(price="120"))
    assert kinds(account.filled(account.order))[-1] == "OrderRequested"
    assert account.order.amount == 2
