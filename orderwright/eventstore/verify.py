"""Recomputes the log's hashes and names the first batch that is not what was written."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from msgspec import Struct

from orderwright.clock import monotonic
from orderwright.eventstore.chain import GENESIS, StoredBatch, chain_hash, leaf_hash, merkle_root
from orderwright.eventstore.store import ChainBroken, LogDamaged, StoredEvent, StreamHead


class ChainSource(Protocol):
    """A log that can be verified."""

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        ...

    def read_batches(self, *, after_batch: int = 0) -> Iterator[StoredBatch]:
        """Yield the batches with a number above `after_batch`, in order."""
        ...

    def read_chained(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[tuple[int, StoredEvent]]:
        """Yield each event above `after_position`, at most `limit`, with the id of its stream, in position order."""
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
    course = _Course(log, _believed(log, after_batch), is_whole=after_batch == 0)
    try:
        course.run(progress or _tell_nobody)
    except LogDamaged as damage:
        raise ChainBroken(course.damaged(damage)) from damage
    chain = course.previous.chain if course.previous else GENESIS
    return Verified(batches=course.batches, events=course.events, seconds=monotonic() - began, chain=chain)


class _Course:
    """One way through the log; `previous` is the last batch that was found as it should be."""

    def __init__(self, log: ChainSource, believed: StoredBatch | None, *, is_whole: bool) -> None:
        self.previous = believed
        self.batches = 0
        self.events = 0
        self._log = log
        self._is_whole = is_whole
        self._versions: dict[str, int] = {}

    def run(self, progress: Callable[[int], None]) -> None:
        log = self._log
        events = log.read_chained(after_position=self.previous.last_position if self.previous else 0)
        for batch in log.read_batches(after_batch=self.previous.batch_no if self.previous else 0):
            # Its place and its link first: a count that is not the batch's could be that of the whole log.
            _check_place(batch, self.previous)
            _check_chain(log.log_id, batch, self.previous)
            content = list(islice(events, batch.event_count))
            if len(content) < batch.event_count:
                # The events had ended when an engine wrote this batch.
                events = log.read_chained(after_position=batch.first_position - 1 + len(content))
                content += islice(events, batch.event_count - len(content))
            _check_content(log.log_id, batch, content)
            _check_versions(batch, content, self._versions, whole=self._is_whole)
            self.previous, self.batches, self.events = batch, self.batches + 1, self.events + len(content)
            progress(batch.last_position)
        _check_end(log, events, self.previous)
        if self._is_whole:
            _check_heads(log, self._versions)

    def damaged(self, damage: LogDamaged) -> str:
        """Return a sentence about the first batch that cannot be read whole."""
        reached = self.previous.batch_no if self.previous else 0
        try:
            for batch in self._log.read_batches(after_batch=reached):
                reached = batch.batch_no - 1
                list(self._log.read_chained(after_position=batch.first_position - 1, limit=batch.event_count))
                reached = batch.batch_no
        except LogDamaged as found:
            return f"batch {reached + 1} cannot be read whole: {found}"
        return f"what the log knows of its streams cannot be read: {damage}"


def _tell_nobody(_position: int) -> None:
    pass


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
