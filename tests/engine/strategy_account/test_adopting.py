"""Adoption: what an exchange account holds and nobody here owns becomes a strategy account's own, by name."""

from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.strategy_account.commands import AdoptPosition
from orderwright.engine.strategy_account.decide import objection
from orderwright.engine.strategy_account.events import PositionAdopted
from orderwright.moments import DAY, SECOND
from tests.engine.given import StrategyAccountUnderTest, close, kinds, liquidate, numbered, pause, requests


def adopting(amount: str, *, unowned: str = "5", price: str = "80", number: int = 900) -> AdoptPosition:
    return AdoptPosition(
        command_id=numbered(number),
        symbol="BTC/USDT",
        base="BTC",
        quote="USDT",
        amount=Decimal(amount),
        price=Decimal(price),
        unowned=Decimal(unowned),
        by="olga",
        why="bought by hand",
    )


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest(MarketType.SPOT)


def test_adopted_coins_are_held_at_their_price_and_can_be_sold(account: StrategyAccountUnderTest) -> None:
    (event,) = account.when(adopting("3"))
    assert isinstance(event, PositionAdopted)
    assert (event.by, event.why, event.unowned) == ("olga", "bought by hand", Decimal(5))
    position = account.state.position("BTC/USDT")
    assert (position.quantity, position.average_price, position.base, position.quote) == (
        Decimal(3),
        Decimal(80),
        "BTC",
        "USDT",
    )
    (request,) = requests(account.signal(close()))
    assert request.amount == Decimal(3)


def test_what_is_adopted_joins_what_is_held(account: StrategyAccountUnderTest) -> None:
    account.bought("1", price="100")
    account.when(adopting("3", price="80"))
    position = account.state.position("BTC/USDT")
    assert (position.quantity, position.average_price, position.realised) == (Decimal(4), Decimal(85), Decimal(0))


@pytest.mark.parametrize(
    ("amount", "unowned"), [("5.001", "5"), ("1", "0"), ("0", "5"), ("-1", "5"), ("1", "-5"), ("-5.001", "-5")]
)
def test_no_more_is_adopted_than_nobody_owns(account: StrategyAccountUnderTest, amount: str, unowned: str) -> None:
    command = adopting(amount, unowned=unowned)
    assert "cannot be adopted" in objection(account.state, command, account.context)
    assert account.when(command) == []


def test_a_short_position_can_be_adopted_on_margin() -> None:
    account = StrategyAccountUnderTest(MarketType.FUTURES)
    account.when(adopting("-2", unowned="-2"))
    assert account.holds() == Decimal(-2)


def test_the_same_command_adopts_once(account: StrategyAccountUnderTest) -> None:
    account.when(adopting("3"))
    again = adopting("3", unowned="2")
    assert objection(account.state, again, account.context) == ""
    assert account.when(again) == []
    assert kinds(account.when(adopting("2", unowned="2", number=901))) == ["PositionAdopted"]
    assert account.holds() == Decimal(5)


def test_a_command_is_remembered_for_a_day(account: StrategyAccountUnderTest) -> None:
    account.when(adopting("1"))
    account.later(DAY // SECOND)
    account.when(adopting("1", number=901))
    assert list(account.state.adoptions) == [numbered(901)]


def test_a_paused_account_adopts_and_one_that_liquidates_does_not(account: StrategyAccountUnderTest) -> None:
    account.bought("1")
    account.when(pause())
    assert kinds(account.when(adopting("1"))) == ["PositionAdopted"]
    account.when(liquidate(7))
    assert "liquidation" in objection(account.state, adopting("1", number=901), account.context)
    assert account.when(adopting("1", number=901)) == []
