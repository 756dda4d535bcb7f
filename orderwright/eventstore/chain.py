"""What the log's hashes are made of; everything here is a pure function.

Integers are 8 bytes, big-endian, signed. A text is the length of its UTF-8 form in 4 bytes, big-endian, then that form.

leaf   sha256(0x00 | log_id | position | stream_id | version | schema_version | recorded_at | event_id | causation
       | correlation | stream name | type | payload): ids are the 16 bytes of the UUID, the last three are texts,
       recorded_at is in microseconds since 1970 and payload is the JSON text as stored
root   Merkle root of a batch's leaves as in RFC 6962: a node is sha256(0x01 | left | right), an odd one out moves up
chain  sha256(chain of the batch before | log_id | batch_no | first position | count | epoch | root);
       before the first batch it is 32 zero bytes
"""

import hashlib
import struct
from collections.abc import Sequence

from msgspec import Struct

from orderwright.eventstore.store import StoredEvent

GENESIS = bytes(32)

_FIXED = struct.Struct(">cqqqqqq16s16s16sI").pack
_LENGTH = struct.Struct(">I").pack
_BATCH = struct.Struct(">qqqqq").pack


class StoredBatch(Struct, frozen=True, kw_only=True):
    """A batch as the log keeps it: its place, its writer's epoch, and its two hashes."""

    batch_no: int
    epoch: int
    first_position: int
    event_count: int
    root: bytes
    chain: bytes

    @property
    def last_position(self) -> int:
        """Return the position of the batch's last event."""
        return self.first_position + self.event_count - 1


def leaf_hash(event: StoredEvent, *, log_id: int, stream_id: int) -> bytes:
    """Return the hash of one event and of where it stands."""
    stream, kind, payload = event.stream.encode(), event.type.encode(), event.payload.encode()
    fixed = _FIXED(
        b"\x00",
        log_id,
        event.position,
        stream_id,
        event.version,
        event.schema_version,
        event.recorded_at,
        event.event_id.bytes,
        event.causation.bytes,
        event.correlation.bytes,
        len(stream),
    )
    leaf = b"".join((fixed, stream, _LENGTH(len(kind)), kind, _LENGTH(len(payload)), payload))
    return hashlib.sha256(leaf).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the leaf hashes, at least one, in position order."""
    level = list(leaves)
    sha256 = hashlib.sha256
    while len(level) > 1:
        paired = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0]


def chain_hash(previous: bytes, batch: StoredBatch, *, log_id: int) -> bytes:
    """Return the chain after `batch`, given the chain of the batch before it (its own `chain` is not looked at)."""
    numbers = _BATCH(log_id, batch.batch_no, batch.first_position, batch.event_count, batch.epoch)
    return hashlib.sha256(previous + numbers + batch.root).digest()
