"""Reads a log in PostgreSQL, in short transactions of one page each, from any thread."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from orderwright.eventstore.chain import StoredBatch
from orderwright.eventstore.connections import Database
from orderwright.eventstore.queries import Queries
from orderwright.eventstore.store import StoredEvent, StoredText, StreamHead

_PAGE = 2_000
_BATCH_PAGE = 1_000
_NAMES = 100_000
_CONNECTIONS = 8

_COLUMNS = (
    "SELECT position, stream_id, version, event_id, type, schema_version, recorded_at, causation, correlation, payload "
    "FROM log.event WHERE log_id = %b::integer"
)
_STREAM_ID = "SELECT stream_id FROM log.stream WHERE log_id = %b::integer AND name = %b"
_TEXTS = (
    "SELECT version, position, type, schema_version, recorded_at, payload FROM log.event "
    "WHERE log_id = %b::integer AND stream_id = %b AND version > %b AND position > %b ORDER BY version LIMIT %b"
)
# The position leaves out partitions, which would each be looked into otherwise.
_BY_STREAM = f"{_COLUMNS} AND stream_id = %b AND version > %b AND position > %b ORDER BY version LIMIT %b"
_BY_POSITION = f"{_COLUMNS} AND position > %b ORDER BY position LIMIT %b"
# No limit: the planner would then rather walk the whole log in position order.
_BY_CORRELATION = f"{_COLUMNS} AND correlation = %b ORDER BY position"
_NAMES_OF = "SELECT stream_id, name FROM log.stream WHERE log_id = %b::integer AND stream_id = ANY (%b::bigint[])"
_HEADS = "SELECT name, version, attention FROM log.stream WHERE log_id = %b::integer AND starts_with(name, %b)"
_HEAD = (
    "SELECT first_position + event_count - 1 FROM log.log_batch WHERE log_id = %b::integer "
    "ORDER BY batch_no DESC LIMIT 1"
)
_BATCH_OF = (
    "SELECT batch_no, epoch, first_position, event_count, root, chain FROM log.log_batch WHERE log_id = %b::integer"
)
_BATCHES = f"{_BATCH_OF} AND batch_no > %b ORDER BY batch_no LIMIT %b"
_LAST_BATCH = f"{_BATCH_OF} ORDER BY batch_no DESC LIMIT 1"


class PostgresLog:
    """A `LogReader` with a few connections of its own, made when they are needed."""

    def __init__(self, database: Database, *, log_id: int = 1) -> None:
        self._log_id = log_id
        self._names: dict[int, str] = {}
        self._queries = Queries(database, "reader", connections=_CONNECTIONS)

    @property
    def log_id(self) -> int:
        """Return the number of this log."""
        return self._log_id

    def close(self) -> None:
        """Close the connections."""
        self._queries.close()

    def read_stream(self, stream: str, *, after_version: int = 0, after_position: int = 0) -> Iterator[StoredEvent]:
        """Yield the stream's events in order, those above both `after_version` and `after_position`."""
        found = self._queries.ask(_STREAM_ID, [self._log_id, stream])
        while found:
            rows = self._queries.ask(_BY_STREAM, [self._log_id, found[0][0], after_version, after_position, _PAGE])
            for row in rows:
                yield _event(row, stream)
            if len(rows) < _PAGE:
                return
            after_position, after_version = rows[-1][0], rows[-1][2]

    def read_texts(self, stream: str) -> Iterator[StoredText]:
        """Yield the stream's events in order as they are folded."""
        found = self._queries.ask(_STREAM_ID, [self._log_id, stream])
        rows: list[tuple[Any, ...]] = [(0, 0)]
        while found and rows:
            rows = self._queries.ask(_TEXTS, [self._log_id, found[0][0], *rows[-1][:2], _PAGE])
            for version, position, kind, schema_version, recorded_at, payload in rows:
                yield StoredText(
                    position=position,
                    stream=stream,
                    version=version,
                    type=kind,
                    schema_version=schema_version,
                    recorded_at=recorded_at,
                    payload=payload,
                )
            if len(rows) < _PAGE:
                return

    def read_all(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[StoredEvent]:
        """Yield events in position order, those above `after_position`, at most `limit`."""
        for _, event in self._read_positions(after_position, limit):
            yield event

    def read_correlation(self, correlation: UUID) -> Iterator[StoredEvent]:
        """Yield all events with that correlation id in position order."""
        rows = self._queries.ask(_BY_CORRELATION, [self._log_id, correlation])
        names = self._names_of(rows)
        return (_event(row, names[row[1]]) for row in rows)

    def streams(self, *, attention_only: bool = False, prefix: str = "") -> Sequence[StreamHead]:
        """Return the heads of the streams whose names begin with `prefix`, by name."""
        narrowed = f"{_HEADS} AND attention" if attention_only else _HEADS
        rows = self._queries.ask(f"{narrowed} ORDER BY name", [self._log_id, prefix])
        return [StreamHead(stream=name, version=version, attention=mark) for name, version, mark in rows]

    def head_position(self) -> int:
        """Return the position of the last event; 0 in an empty log."""
        rows = self._queries.ask(_HEAD, [self._log_id])
        return int(rows[0][0]) if rows else 0

    def last_batch(self) -> StoredBatch | None:
        """Return the last batch; None of an empty log."""
        rows = self._queries.ask(_LAST_BATCH, [self._log_id])
        return _batch(rows[0]) if rows else None

    def read_batches(self, *, after_batch: int = 0) -> Iterator[StoredBatch]:
        """Yield the batches with a number above `after_batch`, in order."""
        while rows := self._queries.ask(_BATCHES, [self._log_id, after_batch, _BATCH_PAGE]):
            yield from map(_batch, rows)
            after_batch = rows[-1][0]

    def read_chained(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[tuple[int, StoredEvent]]:
        """Yield each event above `after_position`, at most `limit`, with the id of its stream, in position order."""
        # Names never change, except by a forger: what is verified is what is there now.
        self._names = {}
        return self._read_positions(after_position, limit)

    def _read_positions(self, after: int, limit: int | None) -> Iterator[tuple[int, StoredEvent]]:
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            rows = self._queries.ask(_BY_POSITION, [self._log_id, after, size])
            names = self._names_of(rows)
            for row in rows:
                # Whose stream is not there was not written so: `verify` has to see it all the same.
                yield row[1], _event(row, names.get(row[1], ""))
            if len(rows) < size:
                return
            after, left = rows[-1][0], None if left is None else left - size

    def _names_of(self, rows: Sequence[tuple[Any, ...]]) -> dict[int, str]:
        wanted = {row[1] for row in rows}
        names = self._names
        unknown = [stream_id for stream_id in wanted if stream_id not in names]
        if unknown:
            found: list[tuple[Any, ...]] = self._queries.ask(_NAMES_OF, [self._log_id, unknown])
            names = ({} if len(names) > _NAMES else dict(names)) | dict(found)
            missing = [stream_id for stream_id in wanted if stream_id not in names]
            if missing:
                names |= dict(self._queries.ask(_NAMES_OF, [self._log_id, missing]))
            self._names = names
        return names


def _batch(row: tuple[Any, ...]) -> StoredBatch:
    batch_no, epoch, first, count, root, chain = row
    return StoredBatch(batch_no=batch_no, epoch=epoch, first_position=first, event_count=count, root=root, chain=chain)


def _event(row: tuple[Any, ...], stream: str) -> StoredEvent:
    position, _, version, event_id, kind, schema_version, recorded_at, causation, correlation, payload = row
    return StoredEvent(
        position=position,
        stream=stream,
        version=version,
        event_id=event_id,
        type=kind,
        schema_version=schema_version,
        recorded_at=recorded_at,
        causation=causation,
        correlation=correlation,
        payload=payload,
    )
