"""Backups: a log's whole database in one consistent dump, with the signed head of the log as it was then.

FOLDER/log.dump      what pg_dump made of the schemas log and app, in its custom format
FOLDER/head.anchor   the signed head of the log in that dump
FOLDER/backup.json   which programs made it, how much is in it, and the dump's SHA-256
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import psycopg
from msgspec import Struct

from orderwright import __version__
from orderwright.clock import Clock
from orderwright.eventstore.anchors import Anchor, SigningKey, write_anchor
from orderwright.eventstore.chain import GENESIS
from orderwright.eventstore.client_programs import running, wait
from orderwright.eventstore.connect import LogPlace, reach
from orderwright.eventstore.connections import first_line
from orderwright.eventstore.store import EventStoreError, StoreUnavailable
from orderwright.moments import to_iso

DUMP = "log.dump"
HEAD = "head.anchor"
NOTE = "backup.json"
FORMAT = "orderwright backup 1"

Report = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is, and how far it has to go if that is known."""

_TELL_EVERY = 0.2
_CHUNK = 1 << 20
_HEAD = (
    "SELECT batch_no, first_position + event_count - 1, chain FROM log.log_batch "
    "WHERE log_id = %s ORDER BY batch_no DESC LIMIT 1"
)
_EVENTS = "SELECT coalesce(sum(event_count), 0)::bigint FROM log.log_batch"


class BackupUnusable(EventStoreError):
    """A folder holds no backup that this program could use; the message says why."""


class BackupNote(Struct, frozen=True, kw_only=True):
    """What is in a backup: `migrations` are those that its database had, `events` those of all its logs."""

    format: str
    made_at: str
    made_by: str
    server: str
    migrations: tuple[str, ...]
    log_id: int
    events: int
    dump_bytes: int
    dump_sha256: str


def back_up(place: LogPlace, folder: Path, *, key: SigningKey, clock: Clock, report: Report) -> BackupNote:
    """Write a backup of the log's database into an existing, empty folder; an engine may be at work meanwhile.

    Raises:
        EventStoreError: there is no log, or it cannot be dumped.
        OSError: the folder cannot be written.
    """
    with ExitStack() as held:
        owner, _, _ = reach(place, held)
        try:
            connection = held.enter_context(psycopg.connect(owner))
            note = _dump(connection, owner, folder, place=place, key=key, clock=clock, report=report)
        except psycopg.Error as error:
            message = f"the log's database cannot be backed up: {first_line(error)}"
            raise StoreUnavailable(message) from error
    (folder / NOTE).write_bytes(msgspec.json.format(msgspec.json.encode(note)) + b"\n")
    return note


def read_note(folder: Path) -> BackupNote:
    """Return what a backup says of itself.

    Raises:
        BackupUnusable: it is no backup, or one of another kind.
    """
    try:
        note = msgspec.json.decode((folder / NOTE).read_bytes(), type=BackupNote)
    except (OSError, msgspec.MsgspecError) as error:
        message = f"{folder} is no backup of Orderwright: {error}"
        raise BackupUnusable(message) from error
    if note.format != FORMAT:
        message = f"{folder} is a backup of another kind: {note.format}"
        raise BackupUnusable(message)
    return note


def sha256_of(file: Path, report: Report) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    digest, done, total = hashlib.sha256(), 0, file.stat().st_size
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            report("hashing the dump", done, total)
    return digest.hexdigest()


def _dump(
    connection: "psycopg.Connection[tuple[object, ...]]",
    owner: str,
    folder: Path,
    *,
    place: LogPlace,
    key: SigningKey,
    clock: Clock,
    report: Report,
) -> BackupNote:
    # The dump, its head and its counts are of one moment: this transaction's.
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    ((snapshot,),) = connection.execute("SELECT pg_export_snapshot()").fetchall()
    rows = connection.execute(_HEAD, [place.log_id]).fetchall()
    batch_no, position, chain = rows[0] if rows else (0, 0, GENESIS)
    ((events,),) = connection.execute(_EVENTS).fetchall()
    migrations = connection.execute("SELECT name FROM log.migration ORDER BY number").fetchall()
    now = to_iso(clock.now())
    head = Anchor(
        log_id=place.log_id,
        batch_no=_integer(batch_no),
        position=_integer(position),
        chain=_bytes(chain).hex(),
        made_at=now,
    )
    dump = folder / DUMP
    _run_dump(owner, dump, snapshot=str(snapshot), report=report)
    write_anchor(folder / HEAD, key.sign(head))
    return BackupNote(
        format=FORMAT,
        made_at=now,
        made_by=f"orderwright {__version__}",
        server=str(connection.info.parameter_status("server_version")),
        migrations=tuple(str(name) for (name,) in migrations),
        log_id=place.log_id,
        events=_integer(events),
        dump_bytes=dump.stat().st_size,
        dump_sha256=sha256_of(dump, report),
    )


def _run_dump(owner: str, target: Path, *, snapshot: str, report: Report) -> None:
    options: Sequence[str | Path] = [
        "--format=custom",
        "--compress=gzip:3",
        "--schema=log",
        "--schema=app",
        f"--snapshot={snapshot}",
        f"--file={target}",
        "--no-password",
    ]

    def tell() -> None:
        report("dumping", target.stat().st_size if target.exists() else 0, None)

    with running("pg_dump", options, conninfo=owner) as program:
        wait(program, every=_TELL_EVERY, tell=tell)
    tell()


def _integer(value: object) -> int:
    return int(str(value))


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else b""
