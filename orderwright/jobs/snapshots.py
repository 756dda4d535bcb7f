"""The job that gives a snapshot to streams that have outgrown their last one without an actor that took the next.

Such streams were written by older code, or their snapshots could not be saved, or cannot be used by this code.
"""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from orderwright.actors.envelopes import Causes
from orderwright.actors.snapshots import AccountImage, codec_of
from orderwright.engine import inbox
from orderwright.engine.inbox import Inbox, InboxEvent
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.snapshots import Restored, SnapshotCodec, SnapshotStore, Taken, restore
from orderwright.eventstore.store import LogReader, StoredEvent

_ACCOUNT: EventCodec[Event] = EventCodec(Event)
_INBOX: EventCodec[InboxEvent] = EventCodec(InboxEvent)


def take_missing_snapshots(
    reader: LogReader, store: SnapshotStore, *, longest_tail: int, stopping: threading.Event
) -> str:
    """Take a snapshot of every stream that has more than `longest_tail` events after its last usable one.

    Raises:
        StoreUnavailable: the database cannot be asked.
        UndecodableEvent: a stream cannot be read by this code.
    """
    count = 0
    for head in reader.streams():
        codec = codec_of(head.stream)
        if codec is None or head.version <= longest_tail or stopping.is_set():
            continue
        restored = restore(store, head.stream, codec)
        if head.version - (0 if restored is None else restored.version) > longest_tail:
            taken = _taken(reader, head.stream, codec, restored)
            count += store.save(taken.sealed(log_id=store.log_id))
    return f"took {count} snapshot{'' if count == 1 else 's'}"


def _taken(reader: LogReader, stream: str, codec: SnapshotCodec[Any], restored: Restored[Any] | None) -> Taken[Any]:
    begun = restored or Restored(version=0, position=0, state=None)
    tail = _Tail(reader.read_stream(stream, after_version=begun.version), begun)
    fold = _fold_inbox if stream.partition("/")[0] == "inbox" else _fold_account
    state = fold(stream, begun.state, tail)
    return Taken(stream=stream, version=tail.version, position=tail.position, state=state, codec=codec)


class _Tail:
    """Events on their way, and which was the last."""

    def __init__(self, events: Iterator[StoredEvent], begun: Restored[Any]) -> None:
        self._events = events
        self.version = begun.version
        self.position = begun.position

    def __iter__(self) -> Iterator[StoredEvent]:
        for stored in self._events:
            self.version, self.position = stored.version, stored.position
            yield stored


def _fold_account(stream: str, image: AccountImage | None, tail: Iterable[StoredEvent]) -> AccountImage:
    causes, state = Causes(stream), State()
    if image is not None:
        causes.restore(image.requests)
        state = image.state
    for stored in tail:
        event = _ACCOUNT.decode(stored)
        state = evolve(state, event)
        causes.note(stored, event)
    causes.forget_all_but(state.orders)
    return AccountImage(state=state, requests=causes.requests)


def _fold_inbox(_stream: str, image: Inbox | None, tail: Iterable[StoredEvent]) -> Inbox:
    return inbox.evolve_all(image or Inbox(), _INBOX.decode_all(tail))
