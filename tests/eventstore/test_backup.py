"""A backup is restored to the log that it was made of, or not at all."""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import make_conninfo

from orderwright.clock import SystemClock
from orderwright.eventstore.anchors import read_anchor, signing_key
from orderwright.eventstore.backup import DUMP, HEAD, NOTE, BackupNote, BackupUnusable, back_up, read_note
from orderwright.eventstore.client_programs import ProgramFailed, environment
from orderwright.eventstore.connect import LogPlace, open_log, open_log_for_writing
from orderwright.eventstore.connections import connect
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postmaster import find_postmaster
from orderwright.eventstore.restore import RestoreRefused, restore_backup
from orderwright.eventstore.snapshots import restore as restored_state
from orderwright.eventstore.store import ChainBroken, StoreUnavailable
from orderwright.eventstore.verify import verify
from tests.eventstore.logs import OpenedLog, appended, appending
from tests.eventstore.test_snapshots import CODEC, PURSE

pytestmark = pytest.mark.processes


def quiet(_doing: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""


@pytest.fixture
def home(open_folder: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(home: Path, made_data: Path) -> LogPlace:
    subprocess.run(["cp", "-a", made_data, home / "data"], check=True)
    return LogPlace(directory=home / "data")


@contextmanager
def filled(place: LogPlace) -> Iterator[OpenedLog]:
    """Put events, a snapshot and a read model into a log, and keep it open."""
    with open_log_for_writing(place, clock=SystemClock(), on_fenced=print) as log:
        opened = OpenedLog(log.reader, log.writer)
        opened.append_all([appending(f"s{n % 7}", '{"김": "1.50"}', "{}", expected=n // 7 * 2) for n in range(70)])
        last = appended(opened.append("s0", expected=20))
        sealed = CODEC.seal(PURSE, log_id=1, stream="s0", version=last.version, position=last.position)
        assert log.snapshots.save(sealed)
        with connect(log.database, "test") as engine:
            engine.execute("CREATE TABLE app.kept (a int PRIMARY KEY, b text)")
            engine.execute("INSERT INTO app.kept VALUES (1, 'one')")
        yield opened


def backed_up(place: LogPlace, home: Path) -> Path:
    folder = home / "backup"
    folder.mkdir()
    back_up(place, folder, key=signing_key(home), clock=SystemClock(), report=quiet)
    return folder


@pytest.fixture
def backup(place: LogPlace, home: Path) -> Path:
    with filled(place):
        pass
    return backed_up(place, home)


def check_restored(place: LogPlace) -> None:
    """Check that a restored log has everything, is guarded as before, and goes on."""
    with open_log_for_writing(place, clock=SystemClock(), on_fenced=print) as log:
        assert verify(log.reader).events == 141
        found = restored_state(log.snapshots, "s0", CODEC)
        assert found is not None
        assert found.state == PURSE
        assert appended(OpenedLog(log.reader, log.writer).append("s0", expected=21)).position == 142
        with connect(log.database, "test") as engine:
            assert engine.execute("SELECT * FROM app.kept").fetchall() == [(1, "one")]
            engine.execute("UPDATE app.kept SET b = 'two'")
            engine.execute("CREATE TABLE app.another (a int)")
            for refused in ("DELETE FROM log.event", "TRUNCATE log.event_00000", "CREATE TABLE log.mine (a int)"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    engine.execute(refused.encode())


def test_a_restored_log_is_the_one_that_was_backed_up_and_goes_on(place: LogPlace, home: Path, backup: Path) -> None:
    note = read_note(backup)
    assert (note.events, note.log_id, note.migrations[0]) == (141, 1, "0001_event_log.sql")
    target = replace(place, directory=home / "restored")

    verified = restore_backup(backup, target, report=quiet)

    assert verified.events == 141
    assert sorted(path.name for path in target.directory.iterdir()) == ["postgres"]
    assert find_postmaster(target.directory / "postgres" / "cluster") is None
    check_restored(target)


def test_the_owner_cannot_change_a_restored_log_either(place: LogPlace, home: Path, backup: Path) -> None:
    target = replace(place, directory=home / "restored")
    restore_backup(backup, target, report=quiet)

    with EmbeddedPostgres(target.directory) as server, psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
        owner.execute("SET session_replication_role = replica")
        for change in ("UPDATE log.event SET payload = '1'", "DELETE FROM log.log_batch", "TRUNCATE log.event_00000"):
            with pytest.raises(psycopg.DatabaseError, match="append-only"):
                owner.execute(change.encode())


def test_progress_is_told(place: LogPlace, home: Path, backup: Path) -> None:
    told: list[tuple[str, int, int | None]] = []

    restore_backup(backup, replace(place, directory=home / "restored"), report=lambda *said: told.append(said))

    steps = dict.fromkeys(doing for doing, _done, _total in told)
    assert list(steps) == ["hashing the dump", "restoring", "verifying"]
    for step in steps:
        figures = [done for doing, done, _total in told if doing == step]
        assert figures == sorted(figures)
    assert told[-1][1:] == (141, 141)


def test_a_backup_is_of_one_moment_while_the_engine_goes_on(place: LogPlace, home: Path) -> None:
    with filled(place) as log:
        stopping = threading.Event()
        written = [21]

        def write_on() -> None:
            while not stopping.is_set():
                written.append(appended(log.append("s0", expected=written[-1])).version)

        writer = threading.Thread(target=write_on)
        writer.start()
        folder = backed_up(place, home)
        stopping.set()
        writer.join()
        assert verify(log.reader).events == 141 + written[-1] - 21

    verified = restore_backup(folder, replace(place, directory=home / "restored"), report=quiet)

    assert 141 <= verified.events <= 141 + written[-1] - 21
    assert verified.events == read_note(folder).events == read_anchor(folder / HEAD).position


def test_nothing_is_restored_over_an_installation(place: LogPlace, backup: Path) -> None:
    with pytest.raises(RestoreRefused, match="already"):
        restore_backup(backup, place, report=quiet)

    with open_log(place) as log:
        assert verify(log.reader).events == 141


def damaged(backup: Path) -> None:
    content = bytearray((backup / DUMP).read_bytes())
    content[len(content) // 2] ^= 1
    (backup / DUMP).write_bytes(bytes(content))


def of_a_newer_version(backup: Path) -> None:
    rewritten(backup, replace(read_note(backup), migrations=("0001_event_log.sql", "9999_from_the_future.sql")))


def of_another_format(backup: Path) -> None:
    rewritten(backup, replace(read_note(backup), format="orderwright backup 2"))


def rewritten(backup: Path, note: BackupNote) -> None:
    (backup / NOTE).write_bytes(msgspec.json.encode(note))


FLAWS: dict[str, tuple[Callable[[Path], object], str]] = {
    "its dump is damaged": (damaged, "missing or damaged"),
    "its dump is missing": (lambda backup: (backup / DUMP).unlink(), "missing or damaged"),
    "its note is missing": (lambda backup: (backup / NOTE).unlink(), "no backup of Orderwright"),
    "its note is none": (lambda backup: (backup / NOTE).write_text("{}"), "no backup of Orderwright"),
    "it is of a newer version": (of_a_newer_version, "9999_from_the_future.*newer version"),
    "it is of another format": (of_another_format, "another kind"),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_backup_that_cannot_be_used_is_refused_before_anything_is_made(
    place: LogPlace, home: Path, backup: Path, flaw: str
) -> None:
    spoil, said = FLAWS[flaw]
    spoil(backup)

    with pytest.raises(BackupUnusable, match=said):
        restore_backup(backup, replace(place, directory=home / "restored"), report=quiet)
    assert not (home / "restored").exists()


def test_a_log_that_was_tampered_with_before_its_backup_is_not_restored(place: LogPlace, home: Path) -> None:
    with filled(place):
        pass
    with EmbeddedPostgres(place.directory) as server, psycopg.connect(server.owner_conninfo) as owner:
        owner.execute("ALTER TABLE log.event DISABLE TRIGGER USER")
        owner.execute("UPDATE log.event SET payload = '7' WHERE position = 5")
    folder = backed_up(place, home)

    with pytest.raises(ChainBroken, match="not those that were written"):
        restore_backup(folder, replace(place, directory=home / "restored"), report=quiet)
    assert list((home / "restored").iterdir()) == []


def test_a_backup_whose_anchor_is_of_another_head_is_not_restored(place: LogPlace, home: Path, backup: Path) -> None:
    with filled_more(place):
        pass
    later = home / "later"
    later.mkdir()
    back_up(place, later, key=signing_key(home), clock=SystemClock(), report=quiet)
    shutil.copy(backup / HEAD, later / HEAD)

    with pytest.raises(ChainBroken, match="does not end with batch"):
        restore_backup(later, replace(place, directory=home / "restored"), report=quiet)
    assert list((home / "restored").iterdir()) == []


@contextmanager
def filled_more(place: LogPlace) -> Iterator[None]:
    with open_log_for_writing(place, clock=SystemClock(), on_fenced=print) as log:
        appended(OpenedLog(log.reader, log.writer).append("s0", expected=21))
        yield


def test_what_a_killed_restore_has_left_is_no_hindrance(place: LogPlace, home: Path, backup: Path) -> None:
    target = replace(place, directory=home / "restored")
    (target.directory / "restoring" / "postgres" / "cluster").mkdir(parents=True)
    (target.directory / "restoring" / "postgres" / "cluster" / "PG_VERSION").write_text("9.6")

    assert restore_backup(backup, target, report=quiet).events == 141
    assert sorted(path.name for path in target.directory.iterdir()) == ["postgres"]


def test_an_empty_log_can_be_backed_up_and_restored(place: LogPlace, home: Path) -> None:
    with open_log_for_writing(place, clock=SystemClock(), on_fenced=print):
        pass

    target = replace(place, directory=home / "restored")

    assert restore_backup(backed_up(place, home), target, report=quiet).events == 0


def test_where_there_is_no_log_there_is_no_backup(place: LogPlace, home: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be backed up"):
        backed_up(place, home)


@contextmanager
def another_database(external: LogPlace) -> Iterator[LogPlace]:
    assert external.url is not None
    with psycopg.connect(make_conninfo(external.url, dbname="postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
        try:
            yield replace(external, url=make_conninfo(external.url, dbname="restored"))
        finally:
            connection.execute("DROP DATABASE restored WITH (FORCE)")


def test_a_log_at_a_url_is_backed_up_and_restored(external: LogPlace, home: Path) -> None:
    with filled(external):
        pass
    folder = backed_up(external, home)

    with another_database(external) as target:
        assert restore_backup(folder, target, report=quiet).events == 141
        check_restored(target)
        with pytest.raises(RestoreRefused, match="schema 'log' already"):
            restore_backup(folder, target, report=quiet)
        with open_log(target) as log:
            assert verify(log.reader).events == 142


def test_a_log_moves_from_the_embedded_server_to_one_at_a_url_and_back(
    external: LogPlace, place: LogPlace, home: Path, backup: Path
) -> None:
    assert restore_backup(backup, external, report=quiet).events == 141
    (home / "back").mkdir()
    back_up(external, home / "back", key=signing_key(home), clock=SystemClock(), report=quiet)

    target = replace(place, directory=home / "restored")

    assert restore_backup(home / "back", target, report=quiet).events == 141
    check_restored(target)


def test_no_password_is_shown_to_whoever_lists_processes() -> None:
    said = environment("postgresql://user:topsecret@host:5433/db?sslmode=require")

    assert {name: said[name] for name in ("PGUSER", "PGPASSWORD", "PGHOST", "PGPORT", "PGDATABASE", "PGSSLMODE")} == {
        "PGUSER": "user",
        "PGPASSWORD": "topsecret",
        "PGHOST": "host",
        "PGPORT": "5433",
        "PGDATABASE": "db",
        "PGSSLMODE": "require",
    }


def test_a_dump_that_fails_says_why(place: LogPlace, home: Path) -> None:
    with filled(place):
        folder = home / "backup"
        folder.mkdir()
        (folder / DUMP).mkdir()
        with pytest.raises(ProgramFailed, match=r"(?s)pg_dump failed .*log\.dump"):
            back_up(place, folder, key=signing_key(home), clock=SystemClock(), report=quiet)
