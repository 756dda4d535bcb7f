"""`backup` and `restore`, as an operator uses them: on a running engine, and where everything was lost."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from orderwright.cli import exits
from orderwright.eventstore.embedded import EmbeddedPostgres
from tests.processes import Place, orderwright
from tests.upkeep.trading import Trader, engine_on, trading


@pytest.fixture
def home(open_folder: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def traded(open_folder: Path) -> Iterator[tuple[Place, Trader]]:
    """Yield an installation that has traded a little and is stopped."""
    with trading(open_folder) as (place, trader):
        with engine_on(place) as (engine, client):
            trader.placed(client, price=10_000)
            trader.placed(client, order_type="MARKET")
            assert engine.terminate() == 0
        yield place, trader


def restored(place: Place, home: Path) -> Place:
    return replace(place, data=home / "restored")


def state(place: Place) -> dict[str, Any]:
    with engine_on(place) as (_engine, client):
        return client.strategy_account("test1", "A1")


def test_what_was_lost_is_there_again_and_trades_on(traded: tuple[Place, Trader], home: Path) -> None:
    place, trader = traded
    folder, target = home / "backups" / "monday", restored(place, home)

    made = orderwright("backup", folder, *place.options, "--json").json
    verified = orderwright("restore", folder, *target.options, "--json").json

    assert made["checked"] is True
    assert verified["events"] == made["events"]
    assert sorted(path.name for path in folder.iterdir()) == ["backup.json", "head.anchor", "log.dump", "paper.sqlite3"]
    assert folder.stat().st_mode & 0o077 == 0
    before, after = state(place), state(target)
    assert "restored from a backup" in after.pop("halted")
    assert after == {name: value for name, value in before.items() if name != "halted"}
    with engine_on(target) as (_engine, client):
        assert orderwright("lift", "--why", "all is as it was", *target.options).code == exits.OK
        trader.placed(client, price=10_001)
    assert orderwright("verify", *target.options, "--since", folder / "head.anchor").code == exits.OK


def test_a_running_engine_is_backed_up_and_goes_on(traded: tuple[Place, Trader], home: Path) -> None:
    place, trader = traded
    with engine_on(place) as (_engine, client):
        trader.placed(client, price=10_001)
        told = orderwright("backup", home / "backup", *place.options)
        assert (told.code, "restored in a temporary place and verified" in told.out) == (exits.OK, True)
        trader.placed(client, price=10_002)
        before = client.strategy_account("test1", "A1")

    assert orderwright("restore", home / "backup", *restored(place, home).options).code == exits.OK
    after = state(restored(place, home))
    assert len(after["orders"]) == len(before["orders"]) - 1


def test_a_backup_is_never_written_over(traded: tuple[Place, Trader], home: Path) -> None:
    place, _ = traded
    (home / "backup").mkdir()

    refused = orderwright("backup", home / "backup", *place.options)

    assert (refused.code, list((home / "backup").iterdir())) == (exits.FAILED, [])
    assert "never written over" in refused.err
    assert "Traceback" not in refused.err


def test_an_installation_is_never_restored_over(traded: tuple[Place, Trader], home: Path) -> None:
    place, _ = traded
    assert orderwright("backup", home / "backup", *place.options, "--no-check").code == exits.OK
    before = state(place)

    refused = orderwright("restore", home / "backup", *place.options)

    assert refused.code == exits.REFUSED
    assert "already" in refused.err
    (place.data / "paper.sqlite3").rename(home / "books")
    assert orderwright("restore", home / "backup", *place.options).code == exits.REFUSED
    (home / "books").rename(place.data / "paper.sqlite3")
    assert state(place) == before


def test_a_log_that_is_broken_makes_no_backup_that_looks_good(traded: tuple[Place, Trader], home: Path) -> None:
    place, _ = traded
    with EmbeddedPostgres(place.data) as server, psycopg.connect(server.owner_conninfo) as owner:
        owner.execute("ALTER TABLE log.event DISABLE TRIGGER USER")
        owner.execute("UPDATE log.event SET payload = '7' WHERE position = 5")

    broken = orderwright("backup", home / "backup", *place.options)

    assert broken.code == exits.LOG_BROKEN
    assert list(home.iterdir()) == []
    assert orderwright("backup", home / "unchecked", *place.options, "--no-check").code == exits.OK
    refused = orderwright("restore", home / "unchecked", *restored(place, home).options)
    assert refused.code == exits.LOG_BROKEN
    assert list((home / "restored").iterdir()) == []


def test_mistakes_are_told_in_a_sentence(home: Path) -> None:
    nothing = orderwright("backup", home / "backup", "--data", home / "nowhere")
    assert (nothing.code, "not set up" in nothing.err) == (exits.NOT_SET_UP, True)
    no_backup = orderwright("restore", home, "--data", home / "restored")
    assert (no_backup.code, "is no backup" in no_backup.err) == (exits.FAILED, True)
    assert "Traceback" not in nothing.err + no_backup.err
