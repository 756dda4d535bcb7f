"""The log's hashes, computed by a reading of their own from the form that docs/explanation/log.md describes."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice

from orderwright.eventstore.chain import StoredBatch
from orderwright.eventstore.store import StoredEvent

LOG_ID = 1


def chain_faults(batches: Iterable[StoredBatch], events: Iterable[StoredEvent]) -> Iterator[str]:
    """Yield what is wrong with the chain over these events, which begin at position 1."""
    rest = iter(events)
    streams: dict[str, int] = {}
    previous, position, epoch = bytes(32), 0, 0
    for number, batch in enumerate(batches, 1):
        if batch.batch_no != number or batch.first_position != position + 1:
            yield f"batch {batch.batch_no} begins at {batch.first_position}, and {number} should at {position + 1}"
        if batch.epoch < epoch:
            yield f"batch {batch.batch_no} is of epoch {batch.epoch}, after {epoch}"
        leaves = [
            _leaf(event, streams.setdefault(event.stream, len(streams) + 1))
            for event in islice(rest, batch.event_count)
        ]
        if not leaves or _root(leaves) != batch.root:
            yield f"batch {batch.batch_no} has other events than it was written with"
        numbers = (LOG_ID, batch.batch_no, batch.first_position, batch.event_count, batch.epoch)
        previous = sha256(previous + b"".join(map(_number, numbers)) + batch.root).digest()
        if previous != batch.chain:
            yield f"batch {batch.batch_no} does not follow from the one before"
        position, epoch = position + batch.event_count, batch.epoch
    if next(rest, None) is not None:
        yield f"events after {position} belong to no batch"


def _leaf(event: StoredEvent, stream_id: int) -> bytes:
    numbers = (LOG_ID, event.position, stream_id, event.version, event.schema_version, event.recorded_at)
    ids = (event.event_id, event.causation, event.correlation)
    texts = [text.encode() for text in (event.stream, event.type, event.payload)]
    parts = (*map(_number, numbers), *(each.bytes for each in ids), *(_length(text) + text for text in texts))
    return sha256(b"\x00" + b"".join(parts)).digest()


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    # RFC 6962 splits at the largest power of two below the number of leaves.
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def _length(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big")
