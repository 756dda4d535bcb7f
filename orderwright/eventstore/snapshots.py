"""Snapshots: a stream's state at one of its versions, so that opening the stream need not replay it from its beginning.

A snapshot is a convenience and never the truth: one that cannot be used is passed over, and the events are replayed.
Its hash is sha256 over log id, version, position, schema version, the shape of the state's type, stream and state, with
integers and texts written as in the chain.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct

from orderwright.eventstore.codec import to_json

StateT = TypeVar("StateT")

_FIXED = struct.Struct(">qqqq32s").pack
_LENGTH = struct.Struct(">I").pack


class Snapshot(Struct, frozen=True, kw_only=True):
    """A sealed state; `position` is that of the stream's `version`-th event, the last one folded into it."""

    stream: str
    version: int
    position: int
    schema_version: int
    state: bytes
    hash: bytes


class SnapshotStore(Protocol):
    """Keeps the newest snapshots of each stream. Thread-safe; every method may block on the database.

    Every method raises `StoreUnavailable`.
    """

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        ...

    def save(self, snapshot: Snapshot) -> bool:
        """Keep a snapshot of what is durable; return False if the log has no such event, or is another's to write."""
        ...

    def newest_first(self, stream: str) -> Iterator[Snapshot]:
        """Yield the stream's snapshots by falling version, none beyond the stream's own."""
        ...


class SnapshotCodec(Generic[StateT]):
    """Seals states of one type and opens them again.

    `schema_version` grows with every change of what a state means, for instance of how events are folded into it;
    `shape` is a fingerprint of its type (see `shape_of`), which nobody can forget to change.
    """

    def __init__(
        self,
        *,
        encode: Callable[[StateT], bytes],
        decode: Callable[[bytes], StateT],
        schema_version: int,
        shape: bytes,
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._schema_version = schema_version
        self._shape = shape

    def seal(self, state: StateT, *, log_id: int, stream: str, version: int, position: int) -> Snapshot:
        """Return the snapshot of a state that is the fold of the stream's first `version` events."""
        unsealed = Snapshot(
            stream=stream,
            version=version,
            position=position,
            schema_version=self._schema_version,
            state=self._encode(state),
            hash=b"",
        )
        return msgspec.structs.replace(unsealed, hash=self._hash(unsealed, log_id))

    def open(self, snapshot: Snapshot, *, log_id: int) -> StateT | None:
        """Return the state, or None if it was written by other code, damaged, or cannot be decoded."""
        if snapshot.schema_version != self._schema_version or snapshot.hash != self._hash(snapshot, log_id):
            return None
        try:
            return self._decode(snapshot.state)
        except (msgspec.MsgspecError, ValueError):
            return None

    def _hash(self, snapshot: Snapshot, log_id: int) -> bytes:
        fixed = _FIXED(log_id, snapshot.version, snapshot.position, snapshot.schema_version, self._shape)
        stream = snapshot.stream.encode()
        return hashlib.sha256(b"".join((fixed, _LENGTH(len(stream)), stream, snapshot.state))).digest()


class Taken(Struct, Generic[StateT], frozen=True, kw_only=True):
    """A state to be sealed and saved when there is time: the fold of the stream's first `version` events."""

    stream: str
    version: int
    position: int
    state: StateT
    codec: SnapshotCodec[StateT]

    def sealed(self, *, log_id: int) -> Snapshot:
        """Return the snapshot."""
        return self.codec.seal(
            self.state, log_id=log_id, stream=self.stream, version=self.version, position=self.position
        )


class Restored(Struct, Generic[StateT], frozen=True, kw_only=True):
    """A state to begin with instead of the first `version` events."""

    version: int
    position: int
    state: StateT


def restore(store: SnapshotStore, stream: str, codec: SnapshotCodec[StateT]) -> Restored[StateT] | None:
    """Return the newest state of the stream that can be used, if there is one.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    for snapshot in store.newest_first(stream):
        state = codec.open(snapshot, log_id=store.log_id)
        if state is not None:
            return Restored(version=snapshot.version, position=snapshot.position, state=state)
    return None


def json_codec(state_type: type[StateT], *, schema_version: int) -> SnapshotCodec[StateT]:
    """Return the codec that keeps states of a type that msgspec can encode as JSON text."""
    return SnapshotCodec(
        encode=to_json,
        decode=msgspec.json.Decoder(state_type).decode,
        schema_version=schema_version,
        shape=shape_of(state_type),
    )


def shape_of(state_type: type) -> bytes:
    """Return a fingerprint of a type's fields, and of theirs, whatever their docstrings say."""
    schema = msgspec.json.schema(state_type)
    return hashlib.sha256(msgspec.json.encode(_undescribed(schema), order="deterministic")).digest()


def _undescribed(value: Any) -> Any:  # noqa: ANN401 - a JSON schema
    match value:
        case dict():
            return {
                key: _undescribed(item)
                for key, item in value.items()
                if key != "description" or not isinstance(item, str)
            }
        case list():
            return [_undescribed(item) for item in value]
    return value
