"""Opens a log wherever it is kept: in the data directory's own PostgreSQL, or at a database URL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict

from orderwright.clock import Clock
from orderwright.eventstore.connections import Database, connect, first_line
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.partitions import ensure_partitions
from orderwright.eventstore.postgres import PostgresLog
from orderwright.eventstore.postgres_sink import LEASE_TTL, PostgresSink
from orderwright.eventstore.postgres_snapshots import PostgresSnapshots
from orderwright.eventstore.store import EventStoreError, StoreUnavailable
from orderwright.eventstore.verify import verify
from orderwright.eventstore.writer import GroupCommitWriter, WriterLimits
from orderwright.migrations.migrate import APP_ROLE, DatabaseOlder, check, migrate

_TAIL_BATCHES = 20


class LogMissing(EventStoreError):
    """There is no log at the place that was named."""


class LogPlace(Struct, frozen=True, kw_only=True):
    """Where a log is: in `directory` (the engine's data directory), or at `url` if that is given."""

    directory: Path
    url: str | None = None
    log_id: int = 1


class OpenLog:
    """A log that can be read; leaving the context lets go of it."""

    def __init__(self, reader: PostgresLog, database: Database, held: ExitStack) -> None:
        self.reader = reader
        self.database = database
        self._held = held

    def close(self) -> None:
        """Let go of everything that was opened; a server of our own stops when nobody uses it any more."""
        self._held.close()

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        self.close()


class WritableLog(OpenLog):
    """A log whose lease is ours; `writer` is closed, and the lease given back, before anything else is let go."""

    def __init__(
        self,
        reader: PostgresLog,
        database: Database,
        held: ExitStack,
        *,
        writer: GroupCommitWriter,
        snapshots: PostgresSnapshots,
    ) -> None:
        super().__init__(reader, database, held)
        self.writer = writer
        self.snapshots = snapshots


def open_log(place: LogPlace) -> OpenLog:
    """Open a log for reading only: whether an engine runs or not, and without changing the schema.

    Raises:
        LogMissing: nothing was ever set up there.
        MigrationError: the schema is older or newer than this code.
        EventStoreError: the database cannot be started or reached.
    """
    with ExitStack() as held:
        if place.url is None and not EmbeddedPostgres(place.directory).exists():
            message = f"there is no log in {place.directory}; `orderwright setup --data {place.directory}` makes one"
            raise LogMissing(message)
        _, database, _ = reach(place, held)
        with connect(database, "check") as connection, _reported():
            check(connection)
        reader = PostgresLog(database, log_id=place.log_id)
        held.callback(reader.close)
        return OpenLog(reader, database, held.pop_all())


class LeaseTerms(Struct, frozen=True, kw_only=True):
    """How the lease is taken: `ttl` in seconds is how long it lasts without being renewed.

    With `wait_on` it is waited for as long as it takes: see `PostgresSink.take_lease`.
    """

    ttl: float = LEASE_TTL
    wait_on: Callable[[str], bool] | None = None


def open_log_for_writing(
    place: LogPlace,
    *,
    clock: Clock,
    on_fenced: Callable[[str], None],
    limits: WriterLimits | None = None,
    lease: LeaseTerms | None = None,
) -> WritableLog:
    """Take the log's lease, bring the schema up to date, and open the log for reading and writing.

    Args:
        place: where the log is; a log in a directory is made if there is none.
        clock: tells when events are recorded.
        on_fenced: called once, from the writer's thread, with the reason, when the lease is lost or the database is
            gone for good; the engine has to stop then.
        limits: the writer's, if they are to differ; a lease is to be renewed several times within its TTL.
        lease: how the lease is taken, if it is to differ.

    Raises:
        LeaseHeld: another engine writes this log.
        ChainBroken: the log's last batches are not what was written.
        MigrationError: the schema is newer than this code, or the engine's role is missing.
        EventStoreError: the database cannot be started or reached.
    """
    with ExitStack() as held:
        owner, database, revive = reach(place, held)
        with _reported():
            _make_tables(owner, database)
            terms = lease or LeaseTerms()
            sink = PostgresSink(database, log_id=place.log_id, revive=revive, ttl=terms.ttl)
            sink.take_lease(clock, wait_on=terms.wait_on)
            undo = held.enter_context(ExitStack())
            undo.callback(sink.close)
            # Only with the lease: an engine of an older version might be at work otherwise.
            migrate(owner)
            sink.declare_ttl()
            ensure_partitions(database)
        reader = PostgresLog(database, log_id=place.log_id)
        held.callback(reader.close)
        verify(reader, after_batch=max(0, sink.read_tail().batch_no - _TAIL_BATCHES))
        snapshots = PostgresSnapshots(database, log_id=place.log_id, epoch=sink.epoch)
        held.callback(snapshots.close)
        writer = GroupCommitWriter(sink, clock=clock, on_fenced=on_fenced, limits=limits)
        writer.start()
        undo.pop_all()
        held.callback(writer.close)
        return WritableLog(reader, database, held.pop_all(), writer=writer, snapshots=snapshots)


def reach(place: LogPlace, held: ExitStack) -> tuple[str, Database, Callable[[], None] | None]:
    """Return how the owner connects, how the engine does, and what brings the server back (None: not ours to do).

    A server of our own is started, and let go of with `held`.

    Raises:
        EventStoreError: it cannot be started, or the URL is none.
    """
    if place.url is not None:
        _check_url(place.url)
        return place.url, Database(conninfo=place.url, role=APP_ROLE), None
    server = held.enter_context(EmbeddedPostgres(place.directory))
    return server.owner_conninfo, Database(conninfo=server.app_conninfo), server.revive


def _check_url(url: str) -> None:
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # What libpq says of it would quote it, password and all.
        message = "database.url is no connection string; an example: postgresql://user@host:5432/database"
        raise StoreUnavailable(message) from None


def _make_tables(owner: str, database: Database) -> None:
    try:
        with connect(database, "check") as connection:
            check(connection)
    except DatabaseOlder as older:
        if older.is_empty:
            migrate(owner)
    except StoreUnavailable:
        # The role may be what is missing; if it is something else, this will say so.
        migrate(owner)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        message = f"the log's database refused: {first_line(error)}"
        raise StoreUnavailable(message) from error
