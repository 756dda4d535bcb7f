"""A running engine leaves snapshots, and the next one begins from them as if it had replayed everything."""

from pathlib import Path

import pytest

from orderwright.eventstore.connections import connect
from orderwright.eventstore.verify import verify
from tests.processes import EngineProcess, Place
from tests.upkeep.trading import QUIET, engine_on, trading

STREAMS = {"inbox/test1", "strategy-account/test1@A1"}


def kept(place: Place) -> dict[str, int]:
    """Return the version of each stream's newest snapshot."""
    query = "SELECT t.name, max(s.version) FROM log.snapshot s JOIN log.stream t USING (log_id, stream_id) GROUP BY 1"
    with place.open_log() as log, connect(log.database, "test") as connection:
        rows = connection.execute(query).fetchall()
        return {str(name): int(str(version)) for name, version in rows}


def heads(place: Place) -> dict[str, int]:
    with place.open_log() as log:
        verify(log.reader)
        return {head.stream: head.version for head in log.reader.streams() if head.stream in STREAMS}


@pytest.mark.parametrize("ending", [EngineProcess.terminate, EngineProcess.kill])
def test_the_next_engine_begins_where_the_last_one_was(open_folder: Path, ending: object) -> None:
    assert callable(ending)
    with trading(open_folder, QUIET + "[store]\nsnapshot_every = 10\n") as (place, trader):
        with engine_on(place) as (engine, client):
            for price in range(10_000, 10_012):
                trader.placed(client, price=price)
            trader.placed(client, order_type="MARKET", side="buy")
            before = client.strategy_account("test1", "A1")
            ending(engine)

        assert kept(place).keys() == STREAMS
        if ending is EngineProcess.terminate:
            assert kept(place) == heads(place)
        with engine_on(place) as (_engine, client):
            after = client.strategy_account("test1", "A1")
            assert after == before
            assert trader.order(client, id="again", price=10_001).json()["duplicate"] is False
            assert trader.order(client, id="again", price=10_001).json()["duplicate"] is True
