"""What the log has of each exchange account, as the read models tell it."""

from collections.abc import Iterator

import pytest

from orderwright.engine.catalogue.events import Account, Link, Strategy
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.eventstore.store import StoreUnavailable
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.holdings import wait_for
from orderwright.readmodels.projections import Projections
from orderwright.readmodels.read_models import ReadModels
from orderwright.readmodels.replay import replay
from tests.fixtures_database import TestDatabase
from tests.readmodels.trading import a_day

LOG_ID = 1
DAY = a_day()
STREAMS = [head.stream for head in DAY.streams(prefix="strategy-account/")]
PAIRS = [tuple(stream.partition("/")[2].split("@")) for stream in STREAMS]


@pytest.fixture
def read_models(database: TestDatabase) -> Iterator[ReadModels]:
    opened = ReadModelDatabase(database.place)
    Projections(reader=DAY, database=opened, log_id=LOG_ID).advance()
    yield ReadModels(opened, log_id=LOG_ID)
    opened.close()


def catalogue() -> Catalogue:
    """Return a catalogue that has what traded on that day."""
    known = Catalogue()
    accounts, strategies, by_account = known.accounts, known.strategies, known.links_by_account
    for number, (strategy, account) in enumerate(PAIRS, 1):
        accounts = accounts.insert(account, Account(name=account, owner="alice", exchange="paper"))
        strategies = strategies.insert(
            strategy, Strategy(group_name=strategy, owner="alice", market_type=MarketType.FUTURES)
        )
        link = Link(strategy=strategy, account=account, number=number)
        by_account = by_account.insert(account, (*by_account.get(account, ()), link))
    return Catalogue(accounts=accounts, strategies=strategies, links_by_account=by_account)


def test_positions_and_open_orders_are_those_of_the_log(read_models: ReadModels) -> None:
    found = read_models.holdings(catalogue(), head=DAY.head_position())
    assert set(found) == {account for _strategy, account in PAIRS}
    for account, books in found.items():
        states = [
            replay(stream, DAY.read_stream(stream)).state
            for stream, pair in zip(STREAMS, PAIRS, strict=True)
            if pair[1] == account
        ]
        held = [position for state in states for position in state.positions.values() if position.quantity]
        assert [position for _type, position in books.positions] == held
        assert {order.order_id for _type, order in books.orders} == {
            order_id for state in states for order_id in state.orders
        }
        assert books.market_types == {MarketType.FUTURES}


def test_what_is_behind_the_log_is_not_taken_for_it() -> None:
    positions = iter([1, 2, 3])
    wait_for(lambda: next(positions), 3)
    with pytest.raises(StoreUnavailable, match="at 3 of 4"):
        wait_for(lambda: 3, 4, patience=0)
