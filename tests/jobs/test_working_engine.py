"""What jobs ask of an engine: who is asleep over unfinished business, balances, markets learned anew."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from orderwright.actors.catalogue_desk import CatalogueDesk
from orderwright.actors.declarations import apply_declaration
from orderwright.actors.lifecycle import Engine
from orderwright.actors.messages import AccountView
from orderwright.auth.tokens import token_hash
from orderwright.clock import SystemClock
from orderwright.engine.catalogue.commands import FoundInstallation
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import time_ordered_id
from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.strategy_account.events import CapitalAllocated, Event
from orderwright.engine.strategy_account.state import Rules
from orderwright.engine.traits import Traits
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import Append
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import ExchangeUnavailable, Gateway, ReloadableGateway
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.marketdata.board import Board
from tests.engine.given import market
from tests.exchanges.paper_process import PaperProcess
from tests.processes import wait_until

CLOCK = SystemClock()
ASLEEP = "strategy-account/test1@A1"
DECLARATION = """
users = [{name = "alice"}]
accounts = [{name = "A1", owner = "alice", exchange = "paper", balances = {USDT = "250.50"}}]
strategies = [{group_name = "test1", owner = "alice", market_type = "FUTURES"}]
links = [{strategy = "test1", account = "A1", capital = {USDT = "100"}}]
"""
CODEC: EventCodec[Event] = EventCodec(Event)


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[GatewayFactory]:
    factory = GatewayFactory(books_dir=tmp_path, clock=CLOCK, prices=FixedPrices())
    yield factory
    factory.close()


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog(CLOCK)
    desk = CatalogueDesk(clock=CLOCK, reader=log, writer=log)
    desk.change([FoundInstallation(salt="abcde", admin="root", token_hash=token_hash("t"))])
    apply_declaration(desk, DECLARATION, by="root", clock=CLOCK)
    return log


@pytest.fixture
def engine(log: MemoryLog, factory: GatewayFactory) -> Iterator[Engine]:
    def make_gateway(catalogue: Catalogue, name: str) -> Gateway:
        return factory.make("paper", account=name, balances=catalogue.accounts[name].balances)

    engine = Engine(
        clock=CLOCK,
        reader=log,
        writer=log,
        make_gateway=make_gateway,
        new_id=lambda: time_ordered_id(CLOCK.now(), os.urandom(10)),
        rules=Rules(),
    )
    engine.start()
    yield engine
    engine.stop()


def leave_unfinished(log: MemoryLog, stream: str) -> None:
    """Mark a stream as having unfinished business, behind the engine's back."""
    event = CapitalAllocated(at=CLOCK.now(), currency="USDT", amount=Decimal(5), by="nobody")
    new = CODEC.new_event(event, event_id=uuid4(), causation=uuid4(), correlation=uuid4())
    log.append(Append(stream=stream, expected_version=0, events=(new,), attention=True), lambda _outcome: None)


def test_whoever_is_asleep_over_unfinished_business_is_woken_once(engine: Engine, log: MemoryLog) -> None:
    assert engine.wake_unfinished() == []
    leave_unfinished(log, ASLEEP)
    assert engine.wake_unfinished() == [ASLEEP]
    view = engine.describe([ASLEEP], timeout=5)[ASLEEP]
    assert isinstance(view, AccountView)
    assert view.capital == {"USDT": Decimal(100)}
    assert engine.wake_unfinished() == []


def test_whoever_is_in_quarantine_stays_there(engine: Engine, log: MemoryLog) -> None:
    unknown = "strategy-account/gone@A1"
    leave_unfinished(log, unknown)
    assert engine.wake_unfinished() == [unknown]

    def is_failing() -> bool:
        return "no strategy-account/gone@A1" in engine.health().parts.get(unknown, "")

    wait_until(is_failing, what="the actor that nobody knows to fail")
    assert engine.wake_unfinished() == []


def test_balances_are_the_exchanges(engine: Engine) -> None:
    assert engine.account_names() == ("A1",)
    assert engine.balances("A1") == {"USDT": Decimal("250.50")}
    engine.reload_markets("A1")


def test_markets_are_loaded_anew_and_kept_when_the_exchange_is_away(factory: GatewayFactory, tmp_path: Path) -> None:
    process = PaperProcess(tmp_path / "paper")
    gateway = factory.make("paper", account="A1", url=process.url)
    assert isinstance(gateway, ReloadableGateway)
    gateway.open()
    loaded = gateway.instruments(MarketType.SPOT)
    gateway.reload_markets()
    assert gateway.instruments(MarketType.SPOT) == loaded != ()
    process.kill()
    with pytest.raises(ExchangeUnavailable):
        gateway.reload_markets()
    assert gateway.instruments(MarketType.SPOT) == loaded


def test_a_board_that_forgot_an_accounts_markets_asks_for_them_again() -> None:
    board, listed = Board(), [market("BTC/USDT")]

    def load(_market_type: MarketType) -> tuple[Instrument, ...]:
        return tuple(listed)

    def known(account: str) -> list[str]:
        found = board.market(account, MarketType.FUTURES, Traits(), load).instruments
        assert found is not None
        return [instrument.symbol for instrument in found]

    assert (known("A1"), known("A2")) == (["BTC/USDT"], ["BTC/USDT"])
    listed.append(market("ETH/USDT"))
    board.forget_markets("A1")
    assert (known("A1"), known("A2")) == (["BTC/USDT", "ETH/USDT"], ["BTC/USDT"])
