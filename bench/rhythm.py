"""Leaves the snapshots beside a log that its actors would have left: of each stream at every so many events."""

from collections.abc import Iterable
from itertools import islice

from bench.long_log import LongLog
from orderwright.actors.envelopes import Causes
from orderwright.actors.snapshots import ACCOUNT_CODEC, INBOX_CODEC, AccountImage
from orderwright.engine import inbox
from orderwright.engine.inbox import Inbox, InboxEvent
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.postgres_snapshots import PostgresSnapshots
from orderwright.eventstore.snapshots import Taken
from orderwright.eventstore.store import StoredEvent

_ACCOUNT: EventCodec[Event] = EventCodec(Event)
_INBOX: EventCodec[InboxEvent] = EventCodec(InboxEvent)


def leave_snapshots(log: LongLog, *, every: int) -> int:
    """Keep the last snapshot that each stream would have by now; return how many events come after them in all."""
    snapshots = PostgresSnapshots(log.database, epoch=log.epoch)
    tail = 0
    for head in log.reader.streams():
        version = head.version - head.version % every
        tail += head.version - version
        if version and "/" in head.stream:
            events = list(islice(log.reader.read_stream(head.stream), version))
            snapshots.save(_taken(head.stream, events).sealed(log_id=log.reader.log_id))
    snapshots.close()
    return tail


def _taken(stream: str, events: list[StoredEvent]) -> Taken[Inbox] | Taken[AccountImage]:
    version, position = events[-1].version, events[-1].position
    if stream.startswith("inbox/"):
        state = inbox.evolve_all(Inbox(), _INBOX.decode_all(events))
        return Taken(stream=stream, version=version, position=position, state=state, codec=INBOX_CODEC)
    image = _image(stream, events)
    return Taken(stream=stream, version=version, position=position, state=image, codec=ACCOUNT_CODEC)


def _image(stream: str, events: Iterable[StoredEvent]) -> AccountImage:
    causes, state = Causes(stream), State()
    for stored in events:
        event = _ACCOUNT.decode(stored)
        state = evolve(state, event)
        causes.note(stored, event)
    causes.forget_all_but(state.orders)
    return AccountImage(state=state, requests=causes.requests)
