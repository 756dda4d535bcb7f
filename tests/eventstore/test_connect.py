"""A log is opened where it is: by one engine for writing, by anybody for reading."""

import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LogMissing, LogPlace, WritableLog, open_log, open_log_for_writing
from orderwright.eventstore.connections import Database, connect
from orderwright.eventstore.postgres_sink import PostgresSink
from orderwright.eventstore.postmaster import find_postmaster
from orderwright.eventstore.store import Appended, AppendFailed, LeaseHeld, StoreUnavailable
from orderwright.eventstore.verify import verify
from orderwright.migrations.migrate import DatabaseOlder
from tests.eventstore.logs import OpenedLog, appended
from tests.eventstore.pooler import shared_session
from tests.fixtures_database import TestDatabase

pytestmark = pytest.mark.processes

ENGINE = """
import sys, time
from pathlib import Path
from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LogPlace, open_log_for_writing
from tests.eventstore.logs import OpenedLog
place = LogPlace(directory=Path(sys.argv[1]))
log = open_log_for_writing(place, clock=SystemClock(), on_fenced=print)
OpenedLog(log.reader, log.writer).append("a", "{}", expected=0)
print("written", flush=True)
time.sleep(600)
"""


@pytest.fixture
def place(open_folder: Path, made_data: Path) -> Iterator[LogPlace]:
    own = Path(tempfile.mkdtemp(dir=open_folder))
    own.chmod(0o711)
    subprocess.run(["cp", "-a", made_data, own / "data"], check=True)
    yield LogPlace(directory=own / "data")
    assert find_postmaster(own / "data" / "postgres" / "cluster") is None
    shutil.rmtree(own)


def writable(place: LogPlace) -> WritableLog:
    return open_log_for_writing(place, clock=SystemClock(), on_fenced=print)


def append(log: WritableLog, stream: str, *, expected: int) -> Appended:
    return appended(OpenedLog(log.reader, log.writer).append(stream, expected=expected))


def test_the_first_opening_makes_the_log_and_the_next_finds_it(place: LogPlace) -> None:
    with writable(place) as log:
        assert append(log, "a", expected=0).position == 1
    with writable(place) as log:
        assert append(log, "a", expected=1).position == 2
        assert verify(log.reader).events == 2


def test_reading_works_beside_the_engine_and_without_it_and_takes_no_lease(place: LogPlace) -> None:
    with writable(place) as log:
        append(log, "a", expected=0)
        with open_log(place) as other:
            assert other.reader.head_position() == 1
        append(log, "a", expected=1)
    with open_log(place) as alone:
        assert [event.version for event in alone.reader.read_stream("a")] == [1, 2]


def test_a_second_engine_is_refused_and_harms_nothing(place: LogPlace) -> None:
    with writable(place) as log:
        with pytest.raises(LeaseHeld, match="process"):
            writable(place)
        append(log, "a", expected=0)


def test_reading_where_there_is_no_log_makes_none(tmp_path: Path) -> None:
    with pytest.raises(LogMissing, match="orderwright setup"):
        open_log(LogPlace(directory=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_reading_where_nothing_was_set_up_says_so(place: LogPlace) -> None:
    with pytest.raises(DatabaseOlder, match="empty"):
        open_log(place)


def test_a_killed_engine_is_followed_at_once_by_the_next(place: LogPlace) -> None:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, str(place.directory)], stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    with engine.stdout:
        assert engine.stdout.readline() == "written\n"
    engine.send_signal(signal.SIGKILL)
    engine.wait()

    with writable(place) as log:
        assert append(log, "a", expected=1).position == 2


def test_the_writer_brings_back_a_server_that_died(place: LogPlace) -> None:
    with writable(place) as log:
        append(log, "a", expected=0)
        running = find_postmaster(place.directory / "postgres" / "cluster")
        assert running is not None
        subprocess.run(["kill", "-QUIT", str(running.pid)], check=True)

        assert append(log, "a", expected=1).position == 2
        assert verify(log.reader).events == 2
        assert log.writer.is_healthy


def test_a_url_is_used_with_fewer_rights_than_it_gives(external: LogPlace) -> None:
    with writable(external) as log:
        append(log, "a", expected=0)
        with connect(log.database, "test") as engine:
            assert engine.execute("SELECT current_user").fetchone() == ("orderwright_app",)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                engine.execute("DELETE FROM log.event")
        with open_log(external) as other:
            assert other.reader.head_position() == 1


def test_a_session_killed_at_a_url_is_replaced(external: LogPlace) -> None:
    with writable(external) as log, psycopg.connect(str(external.url), autocommit=True) as owner:
        append(log, "a", expected=0)
        owner.execute("SELECT pg_terminate_backend(backend_pid) FROM log.writer_lease")
        append(log, "a", expected=1)
        assert verify(log.reader).events == 2


def test_a_second_engine_at_a_url_is_refused_until_the_lease_is_old(external: LogPlace) -> None:
    with writable(external) as log, psycopg.connect(str(external.url), autocommit=True) as owner:
        append(log, "a", expected=0)
        with pytest.raises(LeaseHeld):
            writable(external)
        owner.execute("UPDATE log.writer_lease SET renewed_at = renewed_at - interval '11 s'")
        with writable(external) as second:
            append(second, "a", expected=1)
            outcome = OpenedLog(log.reader, log.writer).append("a", expected=2)
            assert isinstance(outcome, AppendFailed)


def test_a_broken_url_is_refused_without_quoting_its_password() -> None:
    broken = LogPlace(directory=Path("/nowhere"), url="postgres//user:topsecret@host/db")

    with pytest.raises(StoreUnavailable) as refused:
        open_log(broken)
    assert "topsecret" not in "".join(traceback.format_exception(refused.value))


def test_a_pooler_in_transaction_mode_is_refused_with_the_cure(database: TestDatabase, tmp_path: Path) -> None:
    with shared_session(tmp_path, database.app) as conninfo, pytest.raises(StoreUnavailable, match="session mode"):
        PostgresSink(Database(conninfo=conninfo)).take_lease(SystemClock())


def test_reading_an_empty_database_says_that_it_is_empty(external: LogPlace) -> None:
    with pytest.raises((DatabaseOlder, StoreUnavailable)):
        open_log(external)


def test_a_database_that_is_not_there_is_unavailable() -> None:
    nowhere = LogPlace(directory=Path("/nowhere"), url="host=127.0.0.1 port=1 dbname=none")

    with pytest.raises(StoreUnavailable):
        open_log(nowhere)
    with pytest.raises(StoreUnavailable):
        writable(nowhere)
