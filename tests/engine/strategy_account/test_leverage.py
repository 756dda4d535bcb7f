"""The leverage of a market is set at the exchange before the first order there, and again when it is declared anew."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import LeverageAnswered, PlaceOrder, Refused, SetLeverage, Unclear
from orderwright.engine.strategy_account.commands import AdoptTerms
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.traits import Traits
from tests.engine.given import StrategyAccountUnderTest, buy, close, kinds, pause, refusals, requests

SETS = Traits(sets_leverage=True)
BTC = "BTC/USDT"


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest(traits=SETS, leverage="3")


def owed(account: StrategyAccountUnderTest) -> list[tuple[str, Decimal]]:
    return [(effect.symbol, effect.leverage) for effect in account.owes() if isinstance(effect, SetLeverage)]


def answered(
    account: StrategyAccountUnderTest, problem: Refused | Unclear | None = None, *, symbol: str = BTC
) -> list[Event]:
    """Answer that the leverage of a market was set, or what is in the way of that."""
    leverage = account.state.terms.leverage if account.state.terms is not None else Decimal(1)
    return account.when(LeverageAnswered(symbol=symbol, leverage=leverage, problem=problem))


def test_it_is_set_before_the_first_order_of_a_market_and_only_then(account: StrategyAccountUnderTest) -> None:
    assert kinds(account.signal(buy(qty="1"))) == ["SignalAccepted"]
    assert owed(account) == [(BTC, Decimal(3))]
    assert kinds(answered(account)) == ["LeverageSet", "OrderRequested"]
    assert [type(effect) for effect in account.owes()] == [PlaceOrder]
    account.filled(account.order)
    assert requests(account.signal(buy(qty="1")))
    account.filled(account.order)
    account.signal(buy(qty="1", symbol="ETH/USDT"))
    assert owed(account) == [("ETH/USDT", Decimal(3))]


def test_it_is_set_again_when_another_is_declared(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1"))
    answered(account)
    account.filled(account.order)
    assert account.state.terms is not None
    account.when(AdoptTerms(terms=replace(account.state.terms, leverage=Decimal(5))))
    account.signal(buy(qty="1"))
    assert owed(account) == [(BTC, Decimal(5))]


def test_an_unclear_answer_is_asked_again(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1"))
    for problem in (Unclear(reason="time-out"), Refused(code="rate_limited", error="no", again_after=0)):
        assert answered(account, problem) == []
        assert owed(account) == [(BTC, Decimal(3))]
    assert requests(answered(account))


def test_it_is_asked_for_no_longer_than_the_signal_is_young_enough(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1"))
    account.later(61)
    assert "signal_expired" in refusals(account.log)
    assert owed(account) == []


def test_a_definite_no_refuses_what_needs_it_and_nothing_else(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1"), buy(qty="1", symbol="ETH/USDT"))
    events = answered(account, Refused(code="exchange_rejected", error="leverage above 2 is not allowed"))
    assert refusals(events) == ["exchange_rejected"]
    assert owed(account) == [("ETH/USDT", Decimal(3))]


def test_what_is_refused_anyway_sets_nothing(account: StrategyAccountUnderTest) -> None:
    account.when(pause())
    assert refusals(account.signal(buy(qty="1"))) == ["paused"]
    assert owed(account) == []


def test_a_close_does_not_wait_for_it(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1"))
    answered(account)
    account.filled(account.order)
    account.state = replace(account.state, leverages={})
    assert requests(account.signal(close()))


@pytest.mark.parametrize("kind", [MarketType.SPOT, MarketType.STOCK])
def test_other_markets_than_futures_have_none(kind: MarketType) -> None:
    account = StrategyAccountUnderTest(kind, traits=SETS)
    assert requests(account.signal(buy(qty="1")))


def test_the_same_answer_twice_is_one(account: StrategyAccountUnderTest) -> None:
    account.signal(buy(qty="1"))
    answered(account)
    assert answered(account) == []
