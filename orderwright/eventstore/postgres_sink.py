"""The writing side of a log in PostgreSQL: the lease, and one round trip per batch on a session of its own."""

import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import psycopg
from psycopg import errors
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from orderwright.clock import Clock, monotonic, since_boot
from orderwright.eventstore import packed
from orderwright.eventstore.batches import Batch, KnownStream, Tail
from orderwright.eventstore.chain import GENESIS
from orderwright.eventstore.connections import Connection, Database, connect, first_line
from orderwright.eventstore.partitions import AHEAD
from orderwright.eventstore.sink import AlreadyWritten, BatchRefused, ConnectionLost, StreamsMoved, WritesFail
from orderwright.eventstore.store import EventStoreError, Fenced, LeaseHeld, StoreUnavailable
from orderwright.moments import to_iso

_log = logging.getLogger(__name__)

LEASE_TTL = 10.0
"""Seconds after which a lease that was not renewed may be taken, by the database's clock."""

_PATIENCE = 1.0
_PAUSE = 0.05
_STANDBY_PAUSE = 0.25
_MARGIN = 0.1
_OVER = "OW001"
_MOVED = "OW005"
# Connection exceptions, and shutdowns of the server or of the session.
_SESSION_ENDS = ("08", "57P")
# No resources left, trouble of the machine, a read-only server, no privilege.
_WRITES_FAIL = ("53", "58", "25006", "42501")
_PURPOSE = "writer"
_BINARY = (Format.BINARY,) * len(packed.TYPES)

_APPEND = f"SELECT log.append_batch({', '.join(f'${number}' for number in range(1, len(packed.TYPES) + 1))})".encode()
_APPEND_NAME = b"append_batch"
_ENSURE = "SELECT log.ensure_partitions(%b::integer)"
_HOLDER = (
    "SELECT epoch, owner, extract(epoch FROM clock_timestamp() - renewed_at)::float8 "
    "FROM log.writer_lease WHERE log_id = %s"
)
_TAIL = (
    "SELECT batch_no, first_position + event_count - 1, chain FROM log.log_batch "
    "WHERE log_id = %s ORDER BY batch_no DESC LIMIT 1"
)
_LAST_STREAM = "SELECT coalesce(max(stream_id), 0) FROM log.stream WHERE log_id = %s"
_STREAMS = "SELECT name, stream_id, version FROM log.stream WHERE log_id = %s AND name = ANY (%s)"
_ROOT = "SELECT root FROM log.log_batch WHERE log_id = %s AND batch_no = %s"


class _PartitionMissing(BatchRefused):
    pass


class PostgresSink:
    """Holds the lease of one log. `revive` is called before each attempt to connect again; `ttl` in seconds."""

    def __init__(
        self,
        database: Database,
        *,
        log_id: int = 1,
        revive: Callable[[], None] | None = None,
        ttl: float = LEASE_TTL,
    ) -> None:
        self._database = database
        self._log_id = log_id
        self._revive = revive
        self._ttl = ttl
        self._connection: Connection | None = None
        self._prepared: Connection | None = None
        self._epoch = 0
        self._held_until = 0.0

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        return self._log_id

    @property
    def epoch(self) -> int:
        """Return the epoch of the lease."""
        return self._epoch

    @property
    def holds_lease(self) -> bool:
        """Return whether nobody else can have been given the lease yet, by this machine's clock."""
        return since_boot() < self._held_until

    def take_lease(self, clock: Clock, *, wait_on: Callable[[str], bool] | None = None) -> None:
        """Become the log's writer; a holder that has not renewed within the TTL is deposed.

        Args:
            clock: tells since when we are the writer.
            wait_on: makes this a standby, which waits for the lease as long as it takes. It is called several times a
                second with a sentence about what is waited for, and returns False to give up.

        Raises:
            LeaseHeld: another engine writes this log.
            StoreUnavailable: the database cannot be asked, or only through a pooler in transaction mode.
        """
        owner = f"{socket.gethostname()}, process {os.getpid()}, since {to_iso(clock.now())}"
        while True:
            try:
                self._try_to_take(owner, wait_on)
            except StoreUnavailable as error:
                if wait_on is None or not wait_on(str(error)):
                    raise
                time.sleep(_STANDBY_PAUSE)
                self._try_to_revive()
            else:
                return

    def _try_to_take(self, owner: str, wait_on: Callable[[str], bool] | None) -> None:
        connection = self._connection = self._open()
        try:
            with _translated(connection):
                self._epoch = self._acquire(connection, owner, wait_on)
        except EventStoreError as error:
            connection.close()
            if isinstance(error, LeaseHeld):
                raise
            message = f"the lease of log {self._log_id} cannot be taken: {error}"
            raise StoreUnavailable(message) from error

    def _try_to_revive(self) -> None:
        if self._revive is not None:
            # What stands in its way is what the next attempt to connect will say.
            with contextlib.suppress(EventStoreError):
                self._revive()

    def declare_ttl(self) -> None:
        """Let the database know how long this lease lasts without being renewed, whatever others have configured."""
        arguments = [self._log_id, self._epoch, self._ttl]
        if not self._query("SELECT log.set_lease_ttl(%s::integer, %s, %s::float8)", arguments)[0][0]:
            raise Fenced(self._deposed())

    def read_tail(self) -> Tail:
        """Return where the log ends."""
        rows = self._query(_TAIL, [self._log_id])
        batch_no, position, chain = rows[0] if rows else (0, 0, GENESIS)
        last = self._query(_LAST_STREAM, [self._log_id])[0][0]
        return Tail(batch_no=batch_no, position=position, chain=bytes(chain), last_stream_id=last)

    def read_streams(self, names: Sequence[str]) -> Mapping[str, KnownStream]:
        """Return those of the named streams that exist."""
        rows = self._query(_STREAMS, [self._log_id, list(names)])
        return {name: KnownStream(stream_id, version) for name, stream_id, version in rows}

    def read_root(self, batch_no: int) -> bytes | None:
        """Return the root of the batch with this number, or None if there is none."""
        rows = self._query(_ROOT, [self._log_id, batch_no])
        return bytes(rows[0][0]) if rows else None

    def write(self, batch: Batch) -> None:
        """Write the batch in one round trip."""
        arguments = packed.append_arguments(self._log_id, batch)
        try:
            self._append(arguments)
        except _PartitionMissing as error:
            # They are made ahead, unless nobody came to do it.
            _log.warning("a partition of the log is missing and is made now: %s", error)
            self._query(_ENSURE, [AHEAD])
            self._append(arguments)

    def rehearse(self, batch: Batch) -> None:
        """Write the batch, and take it back."""
        self._command(b"BEGIN")
        try:
            self._append(packed.append_arguments(self._log_id, batch))
        finally:
            self._command(b"ROLLBACK")

    def renew(self) -> None:
        """Renew the lease."""
        asked = since_boot()
        if not self._query("SELECT log.renew_lease(%s::integer, %s)", [self._log_id, self._epoch])[0][0]:
            raise Fenced(self._deposed())
        self._holds_since(asked)

    def reconnect(self) -> None:
        """End what is left of the old session and hold the log again."""
        self._disconnect()
        if self._revive is not None:
            try:
                self._revive()
            except EventStoreError as error:
                raise StoreUnavailable(str(error)) from error
        self._connection = connect(self._database, _PURPOSE)
        asked = since_boot()
        try:
            ((found,),) = self._query("SELECT log.resume_lease(%s::integer, %s)", [self._log_id, self._epoch])
            with _translated(self._connection):
                self._insist_on_durability(self._connection)
        except (ConnectionLost, BatchRefused) as error:
            raise StoreUnavailable(str(error)) from error
        if found == "fenced":
            raise Fenced(self._deposed())
        if found != "resumed":
            message = f"the old session of log {self._log_id} has not ended yet"
            raise StoreUnavailable(message)
        self._holds_since(asked)

    def close(self) -> None:
        """Give the lease back and disconnect."""
        self._held_until = 0.0
        with contextlib.suppress(EventStoreError):
            self._query("SELECT log.release_lease(%s::integer, %s)", [self._log_id, self._epoch])
        self._disconnect()

    def _open(self) -> Connection:
        connection = connect(self._database, _PURPOSE)
        try:
            with _translated(connection):
                self._refuse_shared_sessions(connection)
                self._insist_on_durability(connection)
        except EventStoreError as error:
            connection.close()
            raise StoreUnavailable(str(error)) from error
        return connection

    def _refuse_shared_sessions(self, connection: Connection) -> None:
        if connection.execute("SELECT pg_backend_pid()").fetchone() == (connection.info.backend_pid,):
            return
        # A pooler is in between. In transaction mode the next client gets the session that we have just used.
        mark = secrets.token_hex(8)
        connection.execute("SELECT set_config('orderwright.session', %s, false)", [mark])
        with connect(self._database, _PURPOSE) as other:
            seen = other.execute("SELECT current_setting('orderwright.session', true)").fetchone()
        if seen == (mark,):
            message = (
                "database.url leads through a connection pooler in transaction mode, where the log's writer cannot "
                "hold a lock: give the address of the server itself, or set the pooler to session mode"
            )
            raise StoreUnavailable(message)

    def _insist_on_durability(self, connection: Connection) -> None:
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )

    def _acquire(self, connection: Connection, owner: str, wait_on: Callable[[str], bool] | None) -> int:
        # A killed engine's session ends within moments.
        until = monotonic() + _PATIENCE
        while True:
            asked = since_boot()
            row = connection.execute("SELECT log.take_lease(%s::integer, %s)", [self._log_id, owner]).fetchone()
            if row and isinstance(row[0], int):
                self._holds_since(asked)
                return row[0]
            holder = connection.execute(_HOLDER, [self._log_id]).fetchone()
            epoch, held_by, age = holder or (0, "somebody", 0.0)
            told = f"log {self._log_id} is written by another engine: {held_by}; lease renewed {age:.0f} s ago"
            if monotonic() > until if wait_on is None else not wait_on(told):
                raise LeaseHeld(told)
            if not isinstance(age, float) or age < self._ttl or not self._depose(connection, epoch):
                time.sleep(_PAUSE if wait_on is None else _STANDBY_PAUSE)

    def _holds_since(self, asked: float) -> None:
        # By the database's clock it began later than it was asked for; the margin is for what is just being sent.
        self._held_until = asked + self._ttl * (1 - _MARGIN)

    def _depose(self, connection: Connection, epoch: object) -> bool:
        arguments = [self._log_id, epoch, self._ttl]
        return connection.execute("SELECT log.depose(%s::integer, %s, %s)", arguments).fetchone() == (True,)

    def _deposed(self) -> str:
        return f"the lease of log {self._log_id} was lost: epoch {self._epoch} is over"

    def _append(self, arguments: Sequence[bytes]) -> None:
        connection = self._connected()
        with _translated(connection), connection.lock:
            # One call, during which other threads run, where a cursor comes back to Python several times.
            if self._prepared is not connection:
                _insist(connection, connection.pgconn.prepare(_APPEND_NAME, _APPEND, packed.TYPES))
                self._prepared = connection
            _insist(connection, connection.pgconn.exec_prepared(_APPEND_NAME, arguments, _BINARY))

    def _command(self, command: bytes) -> None:
        # Past psycopg, which forgets every prepared statement of the session after a ROLLBACK of its own.
        connection = self._connected()
        with _translated(connection), connection.lock:
            _insist(connection, connection.pgconn.exec_(command))

    def _query(self, query: str, arguments: Sequence[object]) -> Sequence[tuple]:  # type: ignore[type-arg]
        connection = self._connected()
        with _translated(connection):
            return connection.execute(query, arguments, prepare=True, binary=True).fetchall()

    def _connected(self) -> Connection:
        if self._connection is None:
            message = "not connected"
            raise ConnectionLost(message)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._prepared = None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()


def _insist(connection: Connection, result: PGresult) -> None:
    if result.status in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
        return
    error = errors.error_from_result(result, connection.info.encoding)
    if error.sqlstate is None:
        # Not the server's word but the driver's: what became of the batch, nobody knows.
        raise ConnectionLost(first_line(error)) from error
    raise error


@contextlib.contextmanager
def _translated(connection: Connection) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        if connection.closed or (error.sqlstate or "").startswith(_SESSION_ENDS):
            raise ConnectionLost(first_line(error)) from error
        if error.sqlstate == _OVER:
            message = f"the lease was lost: {first_line(error)}"
            raise Fenced(message) from error
        if error.sqlstate == _MOVED:
            raise StreamsMoved(first_line(error)) from error
        if isinstance(error, errors.CheckViolation) and error.diag.constraint_name is None:
            raise _PartitionMissing(first_line(error)) from error
        if isinstance(error, errors.UniqueViolation) and error.diag.constraint_name == "log_batch_pkey":
            raise AlreadyWritten(first_line(error)) from error
        refused = WritesFail if (error.sqlstate or "").startswith(_WRITES_FAIL) else BatchRefused
        raise refused(first_line(error)) from error
