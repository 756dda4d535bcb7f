"""What actors keep snapshots of, in what form, and when."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from rpds import HashTrieMap

from orderwright.actors.env import Env
from orderwright.engine.ids import OrderId
from orderwright.engine.inbox import Inbox, Marks, Seen, Unfinished
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.codec import to_json
from orderwright.eventstore.snapshots import SnapshotCodec, Taken, json_codec, shape_of

EVERY = 250
"""Events between two snapshots of a stream, unless configured otherwise."""

_ACCOUNT_SCHEMA = 1
_INBOX_SCHEMA = 1


class AccountImage(Struct, frozen=True, kw_only=True):
    """What a strategy account folds from its events: its state, and what later events name as their causes."""

    state: State
    requests: dict[OrderId, tuple[UUID, UUID]]


class _MarksImage(Struct, frozen=True, kw_only=True):
    seen: dict[str, Seen]
    order: tuple[str, ...]
    first: int


class _InboxImage(Struct, frozen=True, kw_only=True):
    last_sequence: int
    unfinished: dict[int, Unfinished]
    ids: _MarksImage
    bodies: _MarksImage


def _encode_inbox(inbox: Inbox) -> bytes:
    image = _InboxImage(
        last_sequence=inbox.last_sequence,
        unfinished=dict(inbox.unfinished.items()),
        ids=_image_of(inbox.ids),
        bodies=_image_of(inbox.bodies),
    )
    return to_json(image)


def _image_of(marks: Marks) -> _MarksImage:
    order = tuple(marks.order[place] for place in range(marks.first, marks.end))
    return _MarksImage(seen=dict(marks.seen.items()), order=order, first=marks.first)


_DECODE_INBOX = msgspec.json.Decoder(_InboxImage).decode


def _decode_inbox(encoded: bytes) -> Inbox:
    image = _DECODE_INBOX(encoded)
    return Inbox(
        last_sequence=image.last_sequence,
        unfinished=HashTrieMap(image.unfinished),
        ids=_marks_of(image.ids),
        bodies=_marks_of(image.bodies),
    )


def _marks_of(image: _MarksImage) -> Marks:
    order = HashTrieMap(enumerate(image.order, image.first))
    return Marks(seen=HashTrieMap(image.seen), order=order, first=image.first, end=image.first + len(image.order))


ACCOUNT_CODEC: SnapshotCodec[AccountImage] = json_codec(AccountImage, schema_version=_ACCOUNT_SCHEMA)
INBOX_CODEC: SnapshotCodec[Inbox] = SnapshotCodec(
    encode=_encode_inbox, decode=_decode_inbox, schema_version=_INBOX_SCHEMA, shape=shape_of(_InboxImage)
)

_CODECS: Mapping[str, SnapshotCodec[Any]] = {"strategy-account": ACCOUNT_CODEC, "inbox": INBOX_CODEC}


def codec_of(stream: str) -> SnapshotCodec[Any] | None:
    """Return how snapshots of a stream are sealed; None for streams that have none."""
    return _CODECS.get(stream.partition("/")[0])


class Rhythm:
    """When an actor's stream gets a snapshot: every so many events, and once more when the actor is to stop.

    `every` is in events. A snapshot is taken no sooner than as many events after the last as it has entries, so that
    taking them costs each event about the same, however much there is to remember.
    """

    def __init__(self, env: Env, stream: str, every: int) -> None:
        self._env = env
        self._stream = stream
        self._every = every
        self._last = 0

    def begin_after(self, version: int) -> None:
        """Note the version of the snapshot that the actor was restored from."""
        self._last = version

    def is_due(self, version: int, *, entries: int = 0) -> bool:
        """Whether a snapshot of that version, with so many entries, is to be taken."""
        return version - self._last >= max(self._every, entries)

    def take(self, state: AccountImage | Inbox, *, version: int, position: int) -> None:
        """Have the fold of the stream's first `version` events saved, unless that was done before."""
        codec = codec_of(self._stream)
        if version > self._last and codec is not None:
            self._last = version
            self._env.save(Taken(stream=self._stream, version=version, position=position, state=state, codec=codec))
