"""When drift rings an alarm: at once for what nothing explains, else when it is still there the next time."""

from collections.abc import Mapping
from decimal import Decimal
from threading import Event

import pytest

from orderwright.actors.alarms import AlarmKind, Alarms
from orderwright.actors.drift import Drifts, sentence
from orderwright.engine.catalogue.events import Account
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import ExchangeBooks, LogBooks
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Order
from orderwright.engine.positions import Position
from orderwright.exchanges.gateway import ExchangeUnavailable
from tests.actors.scripted_env import ScriptedEnv, bitcoin
from tests.engine.given import StrategyAccountUnderTest, buy, shown

FUTURES = MarketType.FUTURES


class Floor:
    """One exchange account `A1` and what the log has of it, as the test says."""

    def __init__(self) -> None:
        env = ScriptedEnv()
        self.held, self.owned = Decimal(2), Decimal(2)
        self.orders: tuple[Order, ...] = ()
        self.is_away = False
        self.alarms = Alarms(env)
        accounts = Catalogue().accounts.insert("A1", Account(name="A1", owner="alice", exchange="paper"))
        self.drifts = Drifts(
            catalogue=lambda: Catalogue(salt="salt5", accounts=accounts),
            log=self._log,
            exchange=self._exchange,
            alarms=lambda: self.alarms,
            clock=env,
            looks_again_after=0,
        )

    def _log(self, _catalogue: Catalogue) -> Mapping[str, LogBooks]:
        position = Position(symbol="BTC/USDT", base="BTC", quote="USDT", quantity=self.owned)
        orders = tuple((FUTURES, order) for order in self.orders)
        return {
            "A1": LogBooks(positions=((FUTURES, position),), orders=orders, market_types=frozenset({FUTURES})),
        }

    def _exchange(self, _account: str) -> ExchangeBooks:
        if self.is_away:
            message = "no route"
            raise ExchangeUnavailable(message)
        there = tuple(shown(order) for order in self.orders)
        return ExchangeBooks(instruments=(bitcoin(),), balances={}, positions={"BTC/USDT": self.held}, orders=there)

    def look(self) -> list[bool]:
        """Look for drift; return which alarms about it are on."""
        self.drifts.look(Event())
        listed = self.alarms.listed()
        assert {(alarm.kind, alarm.what) for alarm in listed} <= {(AlarmKind.DRIFT, "A1")}
        return [alarm.cleared is None for alarm in listed]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_what_agrees_rings_nothing(floor: Floor) -> None:
    assert floor.look() == []


def test_what_nothing_explains_rings_until_it_agrees_again(floor: Floor) -> None:
    floor.held = Decimal(3)
    assert floor.look() == [True]
    assert "BTC/USDT: 2 in the log, 3 at the exchange" in floor.alarms.listed()[0].why
    floor.owned = Decimal(3)
    assert floor.look() == [False]


def test_what_may_be_a_fill_that_is_not_booked_yet_rings_when_it_stays(floor: Floor) -> None:
    account = StrategyAccountUnderTest()
    floor.orders = (account.rests(buy(qty="2", price="90")),)
    floor.held = Decimal(3)
    assert floor.look() == []
    assert floor.look() == [True]


def test_an_exchange_that_cannot_be_asked_neither_rings_nor_ends_it(floor: Floor) -> None:
    floor.held = Decimal(3)
    floor.look()
    floor.is_away = True
    assert floor.look() == [True]
    (found,) = floor.drifts.look(Event())
    assert not found.is_settled
    assert sentence(found) == "cannot be compared: no route"
