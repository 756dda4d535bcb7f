"""Recomputes the log's hashes and names the first batch that is not what was written."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from msgspec import Struct

from orderwright.clock import monotonic
from orderwright.eventstore.chain import GENESIS, StoredBatch, chain_hash, leaf_hash, merkle_root
from orderwright.eventstore.store import ChainBroken, StoredEvent, StreamHead


class ChainSource(Protocol):
    """A log that can be verified."""

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        ...

    def read_batches(self, *, after_batch: int = 0) -> Iterator[StoredBatch]:
        """Yield the batches with a number above `after_batch`, in order."""
        ...

    def read_chained(self, *, after_position: int = 0) -> Iterator[tuple[int, StoredEvent]]:
        """Yield each event above `after_position` with the id of its stream, in position order."""
        ...

    def read_stream(self, stream: str, *, after_version: int = 0) -> Iterator[StoredEvent]:
        """Yield the stream's events."""
        ...

    def streams(self, *, attention_only: bool = False, prefix: str = "") -> Sequence[StreamHead]:
        """Return the heads of the streams."""
        ...


class Verified(Struct, frozen=True, kw_only=True):
    """A log that is what was written: how much was read, in how many seconds, and the chain at its end."""

    batches: int
    events: int
    seconds: float
    chain: bytes

    @property
    def events_per_second(self) -> float:
        """Return the speed."""
        return self.events / self.seconds if self.seconds else 0.0


def verify(log: ChainSource, *, after_batch: int = 0, progress: Callable[[int], None] | None = None) -> Verified:
    """Read the log and recompute every hash.

    Args:
        log: what to verify.
        after_batch: believe the chain up to this batch, and verify what comes after it (0 = everything).
        progress: called after each batch with the last position verified.

    Raises:
        ChainBroken: names the first bad batch and what is wrong with it.
        StoreUnavailable: the database cannot be asked.
    """
    began = monotonic()
    previous = _believed(log, after_batch)
    events = log.read_chained(after_position=previous.last_position if previous else 0)
    versions: dict[str, int] = {}
    batches = counted = 0
    for batch in log.read_batches(after_batch=after_batch):
        content = list(islice(events, batch.event_count))
        if len(content) < batch.event_count:
            # The events had ended when an engine wrote this batch.
            events = log.read_chained(after_position=batch.first_position - 1 + len(content))
            content += islice(events, batch.event_count - len(content))
        _check_place(batch, previous)
        _check_content(log.log_id, batch, content)
        _check_chain(log.log_id, batch, previous)
        _check_versions(batch, content, versions, whole=after_batch == 0)
        previous, batches, counted = batch, batches + 1, counted + len(content)
        if progress:
            progress(batch.last_position)
    _check_end(log, events, previous)
    if after_batch == 0:
        _check_heads(log, versions)
    chain = previous.chain if previous else GENESIS
    return Verified(batches=batches, events=counted, seconds=monotonic() - began, chain=chain)


def _believed(log: ChainSource, batch_no: int) -> StoredBatch | None:
    if batch_no == 0:
        return None
    found = next(log.read_batches(after_batch=batch_no - 1), None)
    if found is None or found.batch_no != batch_no:
        message = f"batch {batch_no} is missing"
        raise ChainBroken(message)
    return found


def _check_place(batch: StoredBatch, previous: StoredBatch | None) -> None:
    number = previous.batch_no + 1 if previous else 1
    first = previous.last_position + 1 if previous else 1
    if batch.batch_no != number:
        message = f"batch {number} is missing: batch {batch.batch_no} comes next"
        raise ChainBroken(message)
    if batch.first_position != first:
        _broken(batch, f"it begins at position {batch.first_position}, not {first}")
    if previous and batch.epoch < previous.epoch:
        _broken(batch, f"its epoch {batch.epoch} is below {previous.epoch}, that of the batch before")


def _check_content(log_id: int, batch: StoredBatch, content: Sequence[tuple[int, StoredEvent]]) -> None:
    if len(content) != batch.event_count:
        _broken(batch, f"it has {len(content)} events instead of {batch.event_count}")
    for position, (_, event) in enumerate(content, start=batch.first_position):
        if event.position != position:
            _broken(batch, f"the event at position {position} is missing")
    leaves = [leaf_hash(event, log_id=log_id, stream_id=stream_id) for stream_id, event in content]
    if merkle_root(leaves) != batch.root:
        _broken(batch, "its events are not those that were written")


def _check_chain(log_id: int, batch: StoredBatch, previous: StoredBatch | None) -> None:
    before = previous.chain if previous else GENESIS
    if chain_hash(before, batch, log_id=log_id) != batch.chain:
        _broken(batch, "its link to the batch before is broken")


def _check_versions(
    batch: StoredBatch, content: Sequence[tuple[int, StoredEvent]], versions: dict[str, int], *, whole: bool
) -> None:
    for _, event in content:
        before = versions.get(event.stream, 0 if whole else event.version - 1)
        if event.version != before + 1:
            _broken(batch, f"stream {event.stream} goes from version {before} to {event.version}")
        versions[event.stream] = event.version


def _check_end(log: ChainSource, events: Iterator[tuple[int, StoredEvent]], previous: StoredBatch | None) -> None:
    extra = next(events, None)
    # An engine may be writing: what is newer than the last batch read has a batch by now.
    if extra and next(log.read_batches(after_batch=previous.batch_no if previous else 0), None) is None:
        message = f"event {extra[1].position} belongs to no batch"
        raise ChainBroken(message)


def _check_heads(log: ChainSource, versions: dict[str, int]) -> None:
    for head in log.streams():
        seen = versions.get(head.stream, 0)
        ahead = head.version > seen and next(log.read_stream(head.stream, after_version=seen), None)
        if head.version < seen or ahead is None:
            message = f"stream {head.stream} is said to be at version {head.version}, its events end at {seen}"
            raise ChainBroken(message)


def _broken(batch: StoredBatch, why: str) -> None:
    message = f"batch {batch.batch_no} (positions {batch.first_position} to {batch.last_position}): {why}"
    raise ChainBroken(message)
