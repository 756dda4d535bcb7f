"""How an adoption is checked: what the exchange account holds, less what strategy accounts there own or may trade."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import reduce
from pathlib import Path

import pytest
from msgspec.structs import replace

from orderwright.actors.adoptions import Adoption, AdoptionRefused, Adoptions
from orderwright.actors.messages import AccountView, Away, Operated, PositionView, Unavailable
from orderwright.clock import SystemClock
from orderwright.engine.catalogue.commands import Command
from orderwright.engine.catalogue.evolve import evolve_all
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import PlacementAnswered, PlaceOrder
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.strategy_account.commands import AdoptPosition
from orderwright.engine.strategy_account.state import State
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.moments import SECOND, Micros
from orderwright.readmodels.account_view import OrderView, view
from tests.engine.catalogue.scenes import FOUNDING, account, events_of, link, strategy, user
from tests.engine.given import numbered

ONE, TWO, FAR = "strategy-account/one@A", "strategy-account/two@A", "strategy-account/far@A"


class Stage:
    """Two SPOT strategies and one on FUTURES at an exchange account that holds 5 BTC; the test says what is owned."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        spot = [strategy(name, "alice", MarketType.SPOT) for name in ("one", "two")]
        commands: list[Command] = [FOUNDING, user("alice"), account("A", "alice"), *spot, strategy("far", "alice")]
        links = [link(name, "A", capital="1000") for name in ("one", "two", "far")]
        self.catalogue = reduce(
            lambda known, command: evolve_all(known, events_of(known, command)), [*commands, *links], Catalogue()
        )
        self.views = {name: view(name, State(), version=1, condition="") for name in (ONE, TWO, FAR)}
        self.silent: set[str] = set()
        self.changes = 0
        self.commands: list[AdoptPosition] = []
        self.adoptions = Adoptions(
            catalogue=lambda: self.catalogue,
            gateway=lambda _account: gateway,
            describe=self._describe,
            operate=self._operate,
        )

    def _describe(self, names: Sequence[str], _timeout: float) -> dict[str, AccountView | Unavailable | None]:
        for name in names:
            self.views[name] = replace(self.views[name], version=self.views[name].version + self.changes)
        return {
            name: Unavailable(name=name, away=Away.QUARANTINED, reason="") if name in self.silent else self.views[name]
            for name in names
        }

    def _operate(self, name: str, command: AdoptPosition, _timeout: float) -> Operated:
        self.commands.append(command)
        return Operated(account=name, done=True, changed=True)

    def owns(self, name: str, symbol: str, quantity: str) -> None:
        held = PositionView(
            symbol=symbol, quantity=Decimal(quantity), average_price=Decimal(1), realised=Decimal(0), fees={}
        )
        self.views[name] = replace(self.views[name], positions=(*self.views[name].positions, held))

    def unowned(self, name: str = "one", symbol: str = "BTC/USDT") -> Decimal:
        """Return what an adoption of it is checked against."""
        wanted = Adoption(
            command_id=numbered(1), symbol=symbol, amount=Decimal(1), price=Decimal(100), by="olga", why="mine"
        )
        assert self.adoptions.adopt(name, "A", wanted, timeout=1) is not None
        return self.commands[-1].unowned


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    factory = GatewayFactory(books_dir=tmp_path, clock=SystemClock(), prices=FixedPrices())
    held = {"BTC": Decimal(5), "USDT": Decimal(100_000)}
    gateway = factory.make("paper", account="A", balances=held)
    gateway.open()
    yield Stage(gateway)
    factory.close()


def an_order(side: Side, amount: str, filled: str = "0", symbol: str = "BTC/USDT") -> OrderView:
    return OrderView(
        engine_order_id="o1",
        order_id="1",
        child_order_id=None,
        signal_id=numbered(1),
        symbol=symbol,
        side=side,
        order_type="LIMIT",
        status="NEW",
        in_doubt=False,
        amount=Decimal(amount),
        filled=Decimal(filled),
        price=Decimal(1),
        stop_price=None,
        ref=None,
    )


def test_what_nobody_owns_is_there_for_the_taking(stage: Stage) -> None:
    assert stage.unowned() == Decimal(5)
    (command,) = stage.commands
    assert (command.symbol, command.base, command.quote, command.by) == ("BTC/USDT", "BTC", "USDT", "olga")


def test_what_strategy_accounts_own_of_the_coin_is_not(stage: Stage) -> None:
    stage.owns(ONE, "BTC/USDT", "1")
    stage.owns(TWO, "BTC/KRW", "1.5")
    stage.owns(FAR, "BTC/USDT", "7")
    assert stage.unowned() == Decimal("2.5")


def test_what_may_have_been_bought_a_moment_ago_is_not(stage: Stage) -> None:
    orders = (an_order(Side.BUY, "2", "0.5"), an_order(Side.SELL, "1"), an_order(Side.BUY, "9", symbol="ETH/USDT"))
    stage.views[TWO] = replace(stage.views[TWO], orders=orders)
    assert stage.unowned() == Decimal("3.5")


def test_the_coin_that_others_trade_with_is_not(stage: Stage) -> None:
    stage.views[TWO] = replace(stage.views[TWO], capital={"BTC": Decimal(4)})
    assert stage.unowned() == Decimal(1)


def test_more_may_be_owned_than_there_is(stage: Stage) -> None:
    stage.owns(TWO, "BTC/USDT", "6")
    assert stage.unowned() <= Decimal(0)


def test_on_margin_the_netted_position_counts(stage: Stage) -> None:
    moment = SystemClock().now()
    outcomes: list[object] = []
    short = PlaceOrder(
        order_id=OrderId("by-hand"),
        symbol="BTC/USDT",
        side=Side.SELL,
        order_type=OrderType.MARKET,
        amount=Decimal("0.3"),
        price=None,
        reduce_only=False,
        raises_exposure=True,
        valid_until=Micros(moment + 10 * SECOND),
        deadline=Micros(moment + 10 * SECOND),
        market_type=MarketType.FUTURES,
    )
    stage.gateway.submit(short, outcomes.append)
    assert isinstance(outcomes[0], PlacementAnswered)
    stage.owns(FAR, "BTC/USDT", "-0.1")
    assert stage.unowned("far") == Decimal("-0.2")
    stage.views[FAR] = replace(stage.views[FAR], orders=(an_order(Side.SELL, "0.05"),))
    assert stage.unowned("far") == Decimal("-0.15")


def test_nothing_is_adopted_while_somebody_there_cannot_say_what_it_owns(stage: Stage) -> None:
    stage.silent = {TWO}
    with pytest.raises(AdoptionRefused, match=TWO):
        stage.unowned()
    assert stage.commands == []


def test_nothing_is_adopted_while_positions_change_under_the_check(stage: Stage) -> None:
    stage.changes = 1
    with pytest.raises(AdoptionRefused, match="trading"):
        stage.unowned()
    assert stage.commands == []


@pytest.mark.parametrize("symbol", ["DOGE/USDT", "BTC"])
def test_nothing_is_adopted_of_what_is_no_market_there(stage: Stage, symbol: str) -> None:
    with pytest.raises(AdoptionRefused, match=symbol):
        stage.unowned(symbol=symbol)
