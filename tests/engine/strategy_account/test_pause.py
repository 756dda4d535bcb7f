"""Pause: whatever could raise the absolute position is blocked, everything else passes."""

from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import PlaceOrder
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import AdoptTerms, AllocateCapital
from orderwright.engine.strategy_account.events import LegRefused
from tests.engine.given import (
    StrategyAccountUnderTest,
    buy,
    cancel_all,
    close,
    kinds,
    pause,
    refusals,
    requests,
    resume,
    sell,
)


def paused(kind: MarketType = MarketType.FUTURES) -> StrategyAccountUnderTest:
    account = StrategyAccountUnderTest(kind)
    account.bought("5")
    account.when(pause())
    return account


def test_paused_blocks_entries_and_says_who_and_why() -> None:
    account = paused()
    events = account.signal(buy(qty="1"))
    assert refusals(events) == ["paused"]
    assert [event.error for event in events if isinstance(event, LegRefused)] == ["Trading is paused by olga: news"]


def test_paused_lets_closes_cancels_and_reductions_pass() -> None:
    account = paused()
    assert kinds(account.signal(cancel_all()))[-1] == "SignalEnded"
    assert requests(account.signal(close("20")))
    account.filled(account.order)
    assert requests(account.signal(sell(qty="1")))


def test_paused_counts_the_worst_case() -> None:
    account = paused()
    assert refusals(account.signal(sell(qty="10.001"))) == ["paused"]
    account.rests(sell(qty="6", price="120"))
    assert refusals(account.signal(sell(qty="4.001", price="120"))) == ["paused"]
    assert requests(account.signal(sell(qty="4", price="120")))


def test_a_spot_sell_never_raises_anything() -> None:
    account = paused(MarketType.SPOT)
    assert requests(account.signal(sell(qty="5")))


def test_resume_allows_entries_again() -> None:
    account = paused()
    account.when(resume())
    assert requests(account.signal(buy(qty="1")))


def test_pausing_and_resuming_twice_yields_nothing() -> None:
    account = paused()
    assert account.when(pause()) == []
    assert kinds(account.when(resume())) == ["TradingResumed"]
    assert account.when(resume()) == []


def placements(account: StrategyAccountUnderTest) -> dict[Side, bool]:
    return {effect.side: effect.raises_exposure for effect in account.owes() if isinstance(effect, PlaceOrder)}


def test_what_is_decided_and_not_sent_tells_the_gate_whether_it_may_raise_the_position() -> None:
    account = StrategyAccountUnderTest()
    account.bought("5")
    account.signal(buy(qty="1"))
    assert placements(account) == {Side.BUY: True}
    account.refused(account.order)
    account.signal(sell(qty="10"))
    assert placements(account) == {Side.SELL: False}


def test_a_close_passes_the_gate() -> None:
    account = StrategyAccountUnderTest()
    account.bought("5")
    account.rests(sell(qty="4", price="120"))
    account.signal(close())
    account.nothing_new()
    assert account.orders[-1].amount == 1
    assert placements(account) == {Side.SELL: False}


def test_terms_and_capital_change_only_when_they_do() -> None:
    account = StrategyAccountUnderTest(capital="1000")
    terms = account.state.terms
    assert terms is not None
    assert account.when(AdoptTerms(terms=terms)) == []
    allocation = AllocateCapital(currency="USDT", amount=Decimal(500), by="olga")
    assert kinds(account.when(allocation)) == ["CapitalAllocated"]
    assert account.when(allocation) == []
    account.when(AdoptTerms(terms=replace(terms, max_positions=3)))
    assert [request.amount for request in requests(account.signal(buy("100")))] == [5]
    account.when(AdoptTerms(terms=replace(terms, capital={"USDT": Decimal(700)})))
    assert account.state.capital == {"USDT": Decimal(700)}
