"""The port to the log: what is appended, how it ends, how it is read; and every error of the subtree."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from orderwright.errors import OrderwrightError
from orderwright.moments import Micros

ANY_VERSION = -1
"""As an expected version: append whatever the stream's version is (only for streams with one writing actor)."""


class EventStoreError(OrderwrightError):
    """Base of the event store's errors."""


class StoreUnavailable(EventStoreError):
    """The database cannot be asked right now."""


class LogDamaged(StoreUnavailable):
    """Something of the log cannot be read, and never will be: its disk has lost it, or somebody has changed it."""


class LeaseHeld(EventStoreError):
    """Another engine writes this log; the message says who and since when."""


class Fenced(EventStoreError):
    """This writer has lost the lease and will never write again."""


class QueueFull(EventStoreError):
    """More is waiting to be written than is good; nothing was taken."""


class Stale(EventStoreError):
    """The appender may rest on something that was never written; nothing was taken."""


class ChainBroken(EventStoreError):
    """The log is not what was written; the message names the first bad batch."""


class NewEvent(Struct, frozen=True, kw_only=True):
    """An event to be written; `payload` is JSON text, exactly as it will be stored and hashed."""

    event_id: UUID
    type: str
    schema_version: int
    payload: str
    causation: UUID
    correlation: UUID


class Append(Struct, frozen=True, kw_only=True):
    """Events for one stream, all or nothing.

    `expected_version` is the stream's version before (0 = new), or `ANY_VERSION`. `attention` marks the stream as
    having unfinished business, for start-up to find without replaying; None leaves the mark as it is.
    """

    stream: str
    expected_version: int
    events: tuple[NewEvent, ...]
    attention: bool | None = None


class Appended(Struct, frozen=True, kw_only=True):
    """The events are durable; `version` is the stream's version after them, `position` the last one's."""

    version: int
    position: int


class Conflict(Struct, frozen=True, kw_only=True):
    """The stream's version was another; nothing was written."""

    expected_version: int
    actual_version: int


class AppendFailed(Struct, frozen=True, kw_only=True):
    """Nothing was written, and nothing will be: the writer was fenced, closed, or the database refused."""

    reason: str


AppendOutcome = Appended | Conflict | AppendFailed


class StoredText(Struct, frozen=True, kw_only=True):
    """An event as it is folded: where it stands in the log and what it says, without the ids."""

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    recorded_at: Micros
    payload: str


class StoredEvent(StoredText, frozen=True, kw_only=True):
    """An event as it stands in the log."""

    event_id: UUID
    causation: UUID
    correlation: UUID


class StreamHead(Struct, frozen=True, kw_only=True):
    """A stream's name, version, and whether it has unfinished business."""

    stream: str
    version: int
    attention: bool


class LogReader(Protocol):
    """Reads the log. Thread-safe; every method may block on the database and raises `StoreUnavailable`."""

    def read_stream(self, stream: str, *, after_version: int = 0, after_position: int = 0) -> Iterator[StoredEvent]:
        """Yield the stream's events in order, those above both `after_version` and `after_position`."""
        ...

    def read_texts(self, stream: str) -> Iterator[StoredText]:
        """Yield the stream's events in order as they are folded, for whoever needs no ids."""
        ...

    def read_all(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[StoredEvent]:
        """Yield events in position order, those above `after_position`, at most `limit`."""
        ...

    def read_correlation(self, correlation: UUID) -> Iterator[StoredEvent]:
        """Yield all events with that correlation id in position order: a signal's whole life."""
        ...

    def streams(self, *, attention_only: bool = False, prefix: str = "") -> Sequence[StreamHead]:
        """Return the heads of the streams whose names begin with `prefix`, by name."""
        ...

    def head_position(self) -> int:
        """Return the position of the last event; 0 in an empty log."""
        ...


class LogWriter(Protocol):
    """Appends to the log, first in, first out; thread-safe."""

    @property
    def generation(self) -> int:
        """How often an append has failed other than by a conflict, which also failed all that was queued behind it."""
        ...

    @property
    def trouble(self) -> str:
        """What keeps the writer from writing at the moment, as a sentence; empty when all is well."""
        ...

    @property
    def holds_lease(self) -> bool:
        """Whether the log is surely still this writer's: if not, nothing may be done in its name."""
        ...

    def append(self, append: Append, done: Callable[[AppendOutcome], None], *, generation: int | None = None) -> None:
        """Queue the append; `done` is called exactly once, from the writer's thread, and must not block.

        Appends are committed in the order in which this was called, across all streams. A `generation` other
        than the writer's is refused at once: whoever was about to act on the append must not hand it on.

        Raises:
            QueueFull: too much is waiting; `done` will not be called.
            Stale: the generation is another; `done` will not be called.
            Fenced: this writer has lost the lease or was closed; `done` will not be called.
        """
        ...

    def wait_settled(self, timeout: float) -> bool:
        """Wait until every append queued so far has ended, at most `timeout` seconds; return whether they all have."""
        ...

    def close(self) -> None:
        """Write what is queued, then stop and give the lease back."""
        ...
