"""The arguments of `log.append_batch` in PostgreSQL's binary form, packed here since that takes a quarter of the time.

An array is its number of dimensions, a flag for NULLs, its elements' type, its length and its first index, four bytes
each, and then each element after its length (https://www.postgresql.org/docs/current/protocol-overview.html says that
binary forms are those of the types' send and receive functions; array_recv in utils/adt/arrayfuncs.c is this one's).
"""

import struct
from collections.abc import Iterable, Sequence
from uuid import UUID

from orderwright.eventstore.batches import Batch

_BYTEA, _BIGINT, _INTEGER, _TEXT, _UUID = 17, 20, 23, 25, 2950
_ARRAY_OF = {_BIGINT: 1016, _TEXT: 1009, _UUID: 2951}

_INT4 = struct.Struct(">i").pack
_INT8 = struct.Struct(">q").pack
_ARRAY = struct.Struct(">iiIii").pack
_BIGINT_ELEMENT = struct.Struct(">iq").pack
_UUID_LENGTH = _INT4(16)

_HEAD_TYPES = (_INTEGER, _BIGINT, _BIGINT, _BIGINT, _BYTEA, _BYTEA, _BIGINT)
_CHANGE_TYPES = (_BIGINT, _TEXT, _BIGINT, _BIGINT, _BIGINT)
_EVENT_TYPES = (_BIGINT, _BIGINT, _UUID, _TEXT, _BIGINT, _UUID, _UUID, _TEXT)

TYPES = (*_HEAD_TYPES, *(_ARRAY_OF[element] for element in (*_CHANGE_TYPES, *_EVENT_TYPES)))
"""The arguments' types, as PostgreSQL numbers them."""


def append_arguments(log_id: int, batch: Batch) -> list[bytes]:
    """Return the arguments that write the batch, in binary."""
    head, changes, events = batch.head, batch.changes, batch.events
    return [
        _INT4(log_id),
        _INT8(head.epoch),
        _INT8(head.batch_no),
        _INT8(head.first_position),
        head.root,
        head.chain,
        _INT8(batch.recorded_at),
        _bigints([change.stream_id for change in changes]),
        _texts([change.name for change in changes]),
        _bigints([change.expected for change in changes]),
        _bigints([change.version for change in changes]),
        _bigints([-1 if change.attention is None else int(change.attention) for change in changes]),
        _bigints(batch.stream_ids),
        _bigints([event.version for event in events]),
        _uuids([event.event_id for event in events]),
        _texts([event.type for event in events]),
        _bigints([event.schema_version for event in events]),
        _uuids([event.causation for event in events]),
        _uuids([event.correlation for event in events]),
        _texts([event.payload for event in events]),
    ]


def _bigints(values: Sequence[int]) -> bytes:
    return _array(_BIGINT, len(values), [_BIGINT_ELEMENT(8, value) for value in values])


def _uuids(values: Sequence[UUID]) -> bytes:
    return _array(_UUID, len(values), [_UUID_LENGTH + value.bytes for value in values])


def _texts(values: Sequence[str]) -> bytes:
    encoded = [value.encode() for value in values]
    return _array(_TEXT, len(values), [part for text in encoded for part in (_INT4(len(text)), text)])


def _array(element: int, length: int, parts: Iterable[bytes]) -> bytes:
    return b"".join((_ARRAY(1, 0, element, length, 1), *parts))
