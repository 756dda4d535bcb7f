"""The log in memory, and snapshots of it, for the simulation and for tests: what is asked is done when it returns."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from uuid import UUID

from orderwright.clock import Clock
from orderwright.eventstore.batches import Batch, KnownStream, Place, Tail, plan_batch
from orderwright.eventstore.chain import StoredBatch
from orderwright.eventstore.snapshots import Snapshot
from orderwright.eventstore.store import Append, AppendOutcome, Fenced, Stale, StoredEvent, StoredText, StreamHead

_EPOCH = 1
_KEPT = 2


class MemoryLog:
    """A log that ends with the process; every append is a batch of its own."""

    def __init__(self, clock: Clock, *, log_id: int = 1) -> None:
        self._clock = clock
        self._log_id = log_id
        self._lock = threading.Lock()
        self._tail = Tail()
        self._events: list[StoredEvent] = []
        self._batches: list[StoredBatch] = []
        self._streams: dict[str, KnownStream] = {}
        self._by_stream: dict[str, list[StoredEvent]] = {}
        self._by_correlation: dict[UUID, list[StoredEvent]] = {}
        self._attention: set[str] = set()
        self._closed = False

    @property
    def log_id(self) -> int:
        """Return the number of this log."""
        return self._log_id

    @property
    def generation(self) -> int:
        """Return 0: no append ever fails but by a conflict."""
        return 0

    @property
    def trouble(self) -> str:
        """Return the empty text: nothing keeps memory from being written."""
        return ""

    @property
    def holds_lease(self) -> bool:
        """Return whether the log has not been closed: nobody else can write it."""
        return not self._closed

    def append(self, append: Append, done: Callable[[AppendOutcome], None], *, generation: int | None = None) -> None:
        """Write, then call `done` before returning.

        Raises:
            Stale: `generation` is not the writer's.
            Fenced: the log was closed.
            ValueError: there are no events.
        """
        if generation not in (None, self.generation):
            message = f"an append to {append.stream} may rest on one that failed"
            raise Stale(message)
        done(self._write(append))

    def wait_settled(self, timeout: float) -> bool:  # noqa: ARG002 -- an append ends before it returns
        """Return True: nothing is ever queued."""
        return True

    def close(self) -> None:
        """Take no more appends; reading goes on."""
        self._closed = True

    def read_stream(self, stream: str, *, after_version: int = 0, after_position: int = 0) -> Iterator[StoredEvent]:
        """Yield the stream's events in order, those above both `after_version` and `after_position`."""
        found = self._by_stream.get(stream, [])[after_version:]
        return (event for event in found if event.position > after_position)

    def read_texts(self, stream: str) -> Iterator[StoredText]:
        """Yield the stream's events in order as they are folded."""
        return self.read_stream(stream)

    def read_all(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[StoredEvent]:
        """Yield events in position order, those above `after_position`, at most `limit`."""
        end = None if limit is None else after_position + limit
        return iter(self._events[after_position:end])

    def read_correlation(self, correlation: UUID) -> Iterator[StoredEvent]:
        """Yield all events with that correlation id in position order."""
        return iter(self._by_correlation.get(correlation, [])[:])

    def streams(self, *, attention_only: bool = False, prefix: str = "") -> Sequence[StreamHead]:
        """Return the heads of the streams whose names begin with `prefix`, by name."""
        with self._lock:
            return [
                StreamHead(stream=name, version=known.version, attention=name in self._attention)
                for name, known in sorted(self._streams.items())
                if name.startswith(prefix) and (name in self._attention or not attention_only)
            ]

    def head_position(self) -> int:
        """Return the position of the last event; 0 in an empty log."""
        return self._tail.position

    def last_batch(self) -> StoredBatch | None:
        """Return the last batch; None of an empty log."""
        return self._batches[-1] if self._batches else None

    def read_batches(self, *, after_batch: int = 0) -> Iterator[StoredBatch]:
        """Yield the batches with a number above `after_batch`, in order."""
        return iter(self._batches[after_batch:])

    def read_chained(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[tuple[int, StoredEvent]]:
        """Yield each event above `after_position`, at most `limit`, with the id of its stream, in position order."""
        chained = ((self._streams[event.stream].stream_id, event) for event in self._events[after_position:])
        return islice(chained, limit)

    def batch_at(self, position: int) -> StoredBatch | None:
        """Return the batch that holds the position, or None."""
        found = bisect_right(self._batches, position, key=lambda batch: batch.first_position) - 1
        return self._batches[found] if found >= 0 and position <= self._batches[found].last_position else None

    @property
    def tail(self) -> Tail:
        """Where the log ends."""
        return self._tail

    def known(self, names: Sequence[str]) -> Mapping[str, KnownStream]:
        """Return those of the named streams that exist."""
        return {name: self._streams[name] for name in names if name in self._streams}

    def write(self, batch: Batch) -> None:
        """Take in a batch that goes on where the log ends."""
        last_stream_id = max(self._tail.last_stream_id, *batch.stream_ids)
        self._tail = Tail(
            batch_no=batch.head.batch_no,
            position=batch.head.last_position,
            chain=batch.head.chain,
            last_stream_id=last_stream_id,
        )
        self._batches.append(batch.head)
        self._events.extend(batch.events)
        for event in batch.events:
            self._by_stream.setdefault(event.stream, []).append(event)
            self._by_correlation.setdefault(event.correlation, []).append(event)
        for change in batch.changes:
            self._streams[change.name] = KnownStream(change.stream_id, change.version)
            if change.attention is not None:
                (self._attention.add if change.attention else self._attention.discard)(change.name)

    def _write(self, append: Append) -> AppendOutcome:
        if not append.events:
            message = f"an append to {append.stream} without events"
            raise ValueError(message)
        with self._lock:
            if self._closed:
                message = "the log was closed"
                raise Fenced(message)
            place = Place(log_id=self._log_id, epoch=_EPOCH, tail=self._tail, now=self._clock.now())
            plan = plan_batch([append], self._streams, place)
            if plan.batch is not None:
                self.write(plan.batch)
            return plan.outcomes[0]


class MemorySnapshots:
    """A `SnapshotStore` over a log in memory."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._kept: dict[str, dict[int, Snapshot]] = {}

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        return self._log.log_id

    def save(self, snapshot: Snapshot) -> bool:
        """Keep a snapshot of what is durable, and the newest before it; return False if the log has no such event."""
        event = next(self._log.read_stream(snapshot.stream, after_version=snapshot.version - 1), None)
        if event is None or event.position != snapshot.position:
            return False
        kept = {**self._kept.get(snapshot.stream, {}), snapshot.version: snapshot}
        self._kept[snapshot.stream] = {version: kept[version] for version in sorted(kept)[-_KEPT:]}
        return True

    def newest_first(self, stream: str) -> Iterator[Snapshot]:
        """Yield the stream's snapshots by falling version."""
        kept = self._kept.get(stream, {})
        return (kept[version] for version in sorted(kept, reverse=True))
