"""What the writer needs of a database: to hold the lease, to write a batch, and to tell what became of one."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from orderwright.eventstore.batches import Batch, KnownStream, Tail
from orderwright.eventstore.store import EventStoreError


class ConnectionLost(EventStoreError):
    """The connection broke: what was sent may or may not have been done."""


class AlreadyWritten(EventStoreError):
    """The log has a batch with this number."""


class StreamsMoved(EventStoreError):
    """Some stream of the batch is not at the version that the batch expects; nothing was written."""


class BatchRefused(EventStoreError):
    """The database refused, and wrote nothing."""


class WritesFail(BatchRefused):
    """The database refused for a reason of its own (no room, no permission), and would refuse other batches too."""


class Sink(Protocol):
    """The writing side of a log whose lease is held; used by one thread.

    Every method but `reconnect` and `close` raises `ConnectionLost`, `Fenced` or `BatchRefused`.
    """

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        ...

    @property
    def epoch(self) -> int:
        """Return the epoch of the lease."""
        ...

    @property
    def holds_lease(self) -> bool:
        """Return whether nobody else can have been given the lease yet, by this machine's clock; from any thread."""
        ...

    def read_tail(self) -> Tail:
        """Return where the log ends."""
        ...

    def read_streams(self, names: Sequence[str]) -> Mapping[str, KnownStream]:
        """Return those of the named streams that exist."""
        ...

    def read_root(self, batch_no: int) -> bytes | None:
        """Return the root of the batch with this number, or None if there is none."""
        ...

    def write(self, batch: Batch) -> None:
        """Write the batch in one round trip.

        Raises:
            AlreadyWritten: there is a batch with this number.
            StreamsMoved: the streams have to be read again.
        """
        ...

    def rehearse(self, batch: Batch) -> None:
        """Write the batch, and take it back.

        Raises:
            AlreadyWritten: there is a batch with this number.
            StreamsMoved: the streams have to be read again.
        """
        ...

    def renew(self) -> None:
        """Renew the lease."""
        ...

    def reconnect(self) -> None:
        """End what is left of the old session, so that nothing more of it can be committed, and hold the log again.

        Raises:
            StoreUnavailable: not now.
            Fenced: the lease is somebody else's.
        """
        ...

    def close(self) -> None:
        """Give the lease back, if it is still ours, and disconnect; never raises."""
        ...
