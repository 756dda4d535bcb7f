"""What an operator is shown of drift, and what has to be said before a restored log trades again."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import pytest
from falcon.testing import TestClient

from orderwright.actors.drift import Drifts
from orderwright.config.schema import Config
from orderwright.engine.catalogue.commands import HaltTrading
from orderwright.engine.catalogue.events import HaltScope
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import ExchangeBooks, LogBooks
from orderwright.engine.instruments import MarketType
from orderwright.engine.positions import Position
from orderwright.eventstore.store import StoreUnavailable
from orderwright.http.app import Backstage, create_app
from orderwright.http.capacity import Capacity
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.read_models import ReadModels
from tests.engine.given import market
from tests.fixtures_database import TestDatabase
from tests.http.conftest import Tokens
from tests.http.fake_engine import FakeEngine
from tests.http.test_administration import ask
from tests.http.test_webhooks import OWNER, code

FUTURES = MarketType.FUTURES


class Books:
    """What the log has of the account A1, and what its exchange shows; the other accounts are empty."""

    def __init__(self) -> None:
        self.in_log = self.at_exchange = Decimal(2)
        self.is_away = False

    def log(self, catalogue: Catalogue) -> Mapping[str, LogBooks]:
        if self.is_away:
            raise StoreUnavailable
        position = Position(symbol="BTC/USDT", base="BTC", quote="USDT", quantity=self.in_log)
        books = LogBooks(positions=((FUTURES, position),), market_types=frozenset({FUTURES}))
        return {name: books if name == "A1" else LogBooks() for name in catalogue.accounts}

    def exchange(self, account: str) -> ExchangeBooks:
        positions = {"BTC/USDT": self.at_exchange} if account == "A1" else {}
        return ExchangeBooks(instruments=(market(),), balances={}, positions=positions, orders=())


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def client(
    engine: FakeEngine, config: Config, capacity: Capacity, books: Books, database: TestDatabase
) -> Iterator[TestClient]:
    """Yield a client of an application that can look for drift."""
    drifts = Drifts(
        catalogue=engine.catalogue,
        log=books.log,
        exchange=books.exchange,
        alarms=lambda: engine.alarms,
        clock=engine,
        looks_again_after=0,
    )
    opened = ReadModelDatabase(database.place)
    backstage = Backstage(read_models=ReadModels(opened, log_id=1), jobs=tuple, conditions=dict, drifts=drifts)
    yield TestClient(create_app(engine, config, capacity, backstage))
    opened.close()


@pytest.fixture
def restored(engine: FakeEngine, tokens: Tokens) -> FakeEngine:
    """Return an engine on a log that was restored from a backup."""
    assert tokens
    engine.desk.change(
        [HaltTrading(by="restore", why="a backup of monday", scope=HaltScope.EVERYTHING, until_examined=True)]
    )
    return engine


def test_every_account_is_shown_beside_what_its_exchange_shows(
    client: TestClient, books: Books, tokens: Tokens
) -> None:
    assert code(client.simulate_get("/api/v1/drift")) == (401, "unauthorized")
    assert code(ask(client, "GET", "/api/v1/drift", token=tokens[OWNER])) == (403, "forbidden")
    books.at_exchange = Decimal("1.5")
    first, *others = ask(client, "GET", "/api/v1/drift").json["accounts"]
    assert (first["account_name"], first["drifted"], first["settled"]) == ("A1", True, False)
    assert first["holdings"] == [
        {"market_type": "FUTURES", "name": "BTC/USDT", "in_log": "2", "at_exchange": "1.5", "verdict": "differs"}
    ]
    assert [(other["account_name"], other["settled"]) for other in others] == [("A2", True), ("B1", True)]


def test_a_restored_log_that_agrees_is_released_and_says_so(client: TestClient, restored: FakeEngine) -> None:
    (halt,) = ask(client, "GET", "/api/v1/halts").json["halts"]
    assert (halt["by"], halt["until_examined"]) == ("restore", True)
    assert ask(client, "POST", "/api/v1/resume", body={"why": "compared"}).json == {"halts": []}
    assert not restored.catalogue().halts


def test_a_restored_log_that_has_drifted_is_released_only_by_name(
    client: TestClient, restored: FakeEngine, books: Books
) -> None:
    books.at_exchange = Decimal(3)
    answer = ask(client, "POST", "/api/v1/resume", body={"why": "hopeful"})
    assert code(answer) == (409, "drift_unexamined")
    assert "A1: BTC/USDT: 2 in the log, 3 at the exchange" in answer.json["error"]
    assert "--accept-drift" in answer.json["error"]
    assert restored.catalogue().halts
    ask(client, "POST", "/api/v1/resume", body={"why": "mine", "accept_drift": True})
    assert not restored.catalogue().halts


def test_a_log_that_cannot_be_read_is_not_released(client: TestClient, restored: FakeEngine, books: Books) -> None:
    books.is_away = True
    assert code(ask(client, "GET", "/api/v1/drift")) == (503, "store_unavailable")
    assert code(ask(client, "POST", "/api/v1/resume")) == (503, "store_unavailable")
    assert restored.catalogue().halts
