"""Snapshots in PostgreSQL: read by anybody, written by whoever holds the lease, through one function."""

from collections.abc import Iterator

import psycopg

from orderwright.eventstore.connections import Database, first_line
from orderwright.eventstore.queries import Queries
from orderwright.eventstore.snapshots import Snapshot
from orderwright.eventstore.store import StoreUnavailable

_CONNECTIONS = 4

_SAVE = "SELECT log.save_snapshot(%b::integer, %b, %b::text, %b, %b, %b::integer, %b, %b)"
_NEWEST = (
    "SELECT s.version, s.position, s.schema_version, s.state, s.hash "
    "FROM log.stream t JOIN log.snapshot s ON s.log_id = t.log_id AND s.stream_id = t.stream_id "
    "WHERE t.log_id = %b::integer AND t.name = %b AND s.version <= t.version AND s.version < %b "
    "ORDER BY s.version DESC LIMIT 1"
)
_ABOVE_ALL = 2**63 - 1


class PostgresSnapshots:
    """A `SnapshotStore`; `epoch` is that of the lease under which it writes, 0 for one that only reads."""

    def __init__(self, database: Database, *, log_id: int = 1, epoch: int = 0) -> None:
        self._log_id = log_id
        self._epoch = epoch
        self._queries = Queries(database, "snapshots", connections=_CONNECTIONS)

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        return self._log_id

    def save(self, snapshot: Snapshot) -> bool:
        """Keep a snapshot of what is durable; return False if the log has no such event, or the epoch is over."""
        arguments = [
            self._log_id,
            self._epoch,
            snapshot.stream,
            snapshot.version,
            snapshot.position,
            snapshot.schema_version,
            snapshot.state,
            snapshot.hash,
        ]
        try:
            ((is_kept,),) = self._queries.ask(_SAVE, arguments)
        except psycopg.Error as error:
            message = f"a snapshot of {snapshot.stream} was refused: {first_line(error)}"
            raise StoreUnavailable(message) from error
        return bool(is_kept)

    def newest_first(self, stream: str) -> Iterator[Snapshot]:
        """Yield the stream's snapshots by falling version, none beyond the stream's own."""
        below = _ABOVE_ALL
        while rows := self._queries.ask(_NEWEST, [self._log_id, stream, below]):
            ((below, position, schema_version, state, digest),) = rows
            yield Snapshot(
                stream=stream,
                version=below,
                position=position,
                schema_version=schema_version,
                state=state,
                hash=digest,
            )

    def close(self) -> None:
        """Close the connections."""
        self._queries.close()
