"""What a projection is: a pure reading of the log into rows, one page of events at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, get_args

import msgspec
from msgspec import Struct

from orderwright.engine.inbox import InboxEvent
from orderwright.engine.strategy_account.events import Event as AccountEvent
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import StoredEvent

_CODECS: Final[dict[str, EventCodec[Any]]] = {
    "strategy-account": EventCodec(AccountEvent),
    "inbox": EventCodec(InboxEvent),
}


class Page:
    """Events in log order, decoded once however many projections look at them."""

    def __init__(self, log_id: int, events: Sequence[StoredEvent], *, decoded: dict[int, Struct] | None = None) -> None:
        self.log_id = log_id
        self.events = events
        self._decoded: dict[int, Struct] = {} if decoded is None else decoded

    @property
    def last_position(self) -> int:
        """The position up to which this reaches."""
        return self.events[-1].position

    def singly(self) -> "Iterator[Page]":
        """Yield the events as pages of one."""
        return (Page(self.log_id, [stored], decoded=self._decoded) for stored in self.events)

    def of(self, types: frozenset[str]) -> Iterator[tuple[StoredEvent, Any]]:
        """Yield the events of these types, stored and decoded; those of other types are not even decoded.

        Raises:
            UndecodableEvent: one of them is none that this code knows.
        """
        for stored in self.events:
            if stored.type in types:
                codec = _CODECS.get(stored.stream.partition("/")[0])
                if codec is not None:
                    yield stored, self._event(stored, codec)

    def _event(self, stored: StoredEvent, codec: EventCodec[Any]) -> Struct:
        event = self._decoded.get(stored.position)
        if event is None:
            event = self._decoded[stored.position] = codec.decode(stored)
        return event


class Projection(Protocol):
    """Rows folded from the log. What `apply` has done once, it does not do again when it is given the same events.

    `shape` changes with the code that makes the rows: rows of another shape are dropped and built anew.
    """

    name: str
    shape: str

    def apply(self, connection: Connection, page: Page) -> None:
        """Bring the rows up to the end of the page; the caller commits."""
        ...

    def clear(self, connection: Connection, log_id: int) -> None:
        """Delete every row of that log."""
        ...


def shape_of(version: int, *kinds: type[Struct]) -> str:
    """Return a mark that changes with `version`, which a change of meaning raises, and with the fields of `kinds`."""
    fields = [(kind.__name__, field.name, str(field.type)) for kind in kinds for field in msgspec.structs.fields(kind)]
    return f"{version}-{hashlib.sha256(repr(fields).encode()).hexdigest()[:16]}"


def tag(kind: type[Struct]) -> str:
    """Return the type under which events of this kind stand in the log."""
    return str(kind.__struct_config__.tag)


def tags_with(union: object, *fields: str) -> frozenset[str]:
    """Return the types of those events in the union that have one of these fields."""
    return frozenset(tag(kind) for kind in get_args(union) if set(fields) & set(kind.__struct_fields__))


def owner_of(stream: str) -> tuple[str, str]:
    """Return the strategy and the account of a strategy account's stream."""
    strategy, _, account = stream.partition("/")[2].partition("@")
    return strategy, account
