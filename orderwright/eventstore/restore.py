"""Restoring a backup to where there is nothing yet, and making sure that the log is the one that was backed up."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import psycopg
from msgspec.structs import replace

from orderwright.eventstore.anchors import check_anchor, read_anchor
from orderwright.eventstore.backup import DUMP, HEAD, BackupNote, BackupUnusable, Report, read_note, sha256_of
from orderwright.eventstore.client_programs import running
from orderwright.eventstore.connect import LogPlace, open_log, reach
from orderwright.eventstore.connections import first_line
from orderwright.eventstore.server_user import let_through, server_user
from orderwright.eventstore.store import ChainBroken, EventStoreError, StoreUnavailable
from orderwright.eventstore.verify import Verified, verify
from orderwright.migrations.migrate import APP_ROLE, migrate, migrations_held_off, shipped_migrations

_HEADER_LINES = 60
_CHUNK = 1 << 16

# PostgreSQL before 17 does not know it, and what it says is the default.
_TOO_NEW = b"SET transaction_timeout"

_LOG = f"CREATE SCHEMA log;\nGRANT USAGE ON SCHEMA log TO {APP_ROLE};\n"
_APP = f"CREATE SCHEMA app AUTHORIZATION {APP_ROLE};\nSET ROLE {APP_ROLE};\n"


class RestoreRefused(EventStoreError):
    """There is something at the place that a backup was to be restored to; nothing was changed."""


Finish = Callable[[LogPlace, BackupNote], None]
"""What is done with a log that was restored and verified, before anybody can use it: where it is, and its backup."""


def restore_backup(folder: Path, place: LogPlace, *, report: Report, finish: Finish | None = None) -> Verified:
    """Make the log that is in a backup's folder anew at a place where there is none, and verify all of it.

    In a data directory the log appears when it has been verified and `finish` is done with it, or not at all. At a URL
    all of it appears at once, before that.

    Raises:
        BackupUnusable: the folder holds no backup, a damaged one, or one of a newer version.
        RestoreRefused: there is a log at that place already, or somebody else is restoring one.
        ChainBroken: the log in the backup is not what was written.
        EventStoreError: the database cannot be made or reached.
    """
    note = _usable(folder, report)
    if place.url is not None:
        found = _restore_at(place, folder, note, report)
        if finish is not None:
            finish(place, note)
        return found
    directory = place.directory
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone_in(directory):
        if (directory / "postgres").exists():
            message = f"there is an installation in {directory} already; restore into another folder, or move it away"
            raise RestoreRefused(message)
        let_through(directory, server_user(directory / "postgres" / "cluster"))
        with _emptied(directory / "restoring") as beside:
            found = _restore_at(replace(place, directory=beside), folder, note, report)
            if finish is not None:
                finish(replace(place, directory=beside), note)
            (beside / "postgres").rename(directory / "postgres")
    return found


def _restore_at(place: LogPlace, folder: Path, note: BackupNote, report: Report) -> Verified:
    with ExitStack() as held:
        owner, _, _ = reach(place, held)
        try:
            with migrations_held_off(owner) as connection:
                _refuse_what_is_there(connection)
                _load(folder / DUMP, owner, note, report)
                connection.execute("ANALYZE log.event, log.log_batch, log.stream")
            migrate(owner)
        except psycopg.Error as error:
            message = f"the backup cannot be restored: {first_line(error)}"
            raise StoreUnavailable(message) from error
        return _verified(folder, place, note, report)


def _usable(folder: Path, report: Report) -> BackupNote:
    note = read_note(folder)
    unknown = set(note.migrations) - {migration.name for migration in shipped_migrations()}
    if unknown:
        message = (
            f"{folder} was made by {note.made_by}, whose database has {min(unknown)}, which this version does not "
            "know: restore it with a newer version"
        )
        raise BackupUnusable(message)
    dump = folder / DUMP
    if not dump.is_file() or sha256_of(dump, report) != note.dump_sha256:
        message = f"{dump} is missing or damaged: it is not the file that {folder} was made with"
        raise BackupUnusable(message)
    return note


def _refuse_what_is_there(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname IN ('log', 'app') ORDER BY 1").fetchall()
    if rows:
        message = f"the database has a schema {str(rows[-1][0])!r} already; restore into an empty database"
        raise RestoreRefused(message)


def _load(dump: Path, owner: str, note: BackupNote, report: Report) -> None:
    # All or nothing: psql puts the whole of it into one transaction.
    options = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-"]
    rows = 0
    with running("psql", options, conninfo=owner, takes=True) as target:
        into = _pipe(target.stdin)
        for schema, prelude in (("log", _LOG), ("app", _APP)):
            into.write(prelude.encode())
            select: list[str | Path] = ["--no-owner", f"--schema={schema}", "--file=-", dump]
            with running("pg_restore", select, gives=True) as source:
                for chunk in _script(_pipe(source.stdout)):
                    into.write(chunk)
                    rows += chunk.count(b"\n")
                    report("restoring", min(rows, note.events), note.events)
        into.write(b"RESET ROLE;\n")


def _script(source: IO[bytes]) -> Iterator[bytes]:
    for _ in range(_HEADER_LINES):
        line = source.readline()
        if not line.startswith(_TOO_NEW):
            yield line
    while chunk := source.read(_CHUNK):
        yield chunk


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        message = "the program was started without a pipe"
        raise StoreUnavailable(message)
    return stream


def _verified(folder: Path, place: LogPlace, note: BackupNote, report: Report) -> Verified:
    head = read_anchor(folder / HEAD)
    with open_log(place) as log:
        check_anchor(log.reader, head)
        found = verify(log.reader, progress=lambda position: report("verifying", position, note.events))
    if found.chain.hex() != head.chain:
        message = f"the restored log does not end with batch {head.batch_no}, as the one that was backed up"
        raise ChainBroken(message)
    return found


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        message = f"somebody else is restoring a backup into {directory}"
        raise RestoreRefused(message) from error
    finally:
        os.close(descriptor)


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    # What a killed restore has left; its server ends by itself when its folder is gone.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
