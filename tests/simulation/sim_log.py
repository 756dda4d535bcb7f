"""The simulated database: what outlives every crash, and remembers at which step each event was committed."""

from collections.abc import Iterator
from typing import Any

from orderwright.actors.snapshots import codec_of
from orderwright.eventstore.batches import Batch
from orderwright.eventstore.memory import MemoryLog, MemorySnapshots
from orderwright.eventstore.snapshots import Restored, SnapshotCodec, Taken, restore
from orderwright.eventstore.store import StoredEvent
from tests.simulation.world import World


class SimLog:
    """Batches are written by whoever has the latest `epoch`; the others are refused."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.memory = MemoryLog(world)
        self.snapshots = MemorySnapshots(self.memory)
        self.begun_from_snapshots = 0
        self.committed_at: list[int] = []
        self.epoch = 0

    def claim(self) -> int:
        """Give the lease to another engine; return its epoch."""
        self.epoch += 1
        return self.epoch

    def write(self, batch: Batch) -> None:
        """Commit a batch now."""
        self.memory.write(batch)
        self.committed_at.extend([self._world.step] * len(batch.events))
        if self._world.is_traced:
            told = ", ".join(f"{event.stream} {event.type}" for event in batch.events)
            self._world.note("commit", f"batch {batch.head.batch_no} of epoch {batch.head.epoch}: {told}")

    def stream(self, name: str, *, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Return a stream's events above a version."""
        return tuple(self.memory.read_stream(name, after_version=after_version))

    def save(self, taken: Taken[Any]) -> None:
        """Keep a snapshot, which must be of what has been committed."""
        kept = self.snapshots.save(taken.sealed(log_id=self.snapshots.log_id))
        assert kept, f"(e) a snapshot of {taken.stream} holds what the log does not have"

    def restored(self, name: str, codec: SnapshotCodec[Any] | None) -> Restored[Any] | None:
        """Return the newest state of a stream that was kept."""
        found = None if codec is None else restore(self.snapshots, name, codec)
        self.begun_from_snapshots += found is not None
        return found

    def kept(self) -> Iterator[tuple[str, Restored[Any]]]:
        """Yield every snapshot that is kept, opened, with its stream."""
        for head in self.memory.streams():
            codec = codec_of(head.stream)
            if codec is None:
                continue
            for snapshot in self.snapshots.newest_first(head.stream):
                state = codec.open(snapshot, log_id=self.snapshots.log_id)
                yield head.stream, Restored(version=snapshot.version, position=snapshot.position, state=state)

    def events(self) -> list[StoredEvent]:
        """Return all events in the order of their positions."""
        return list(self.memory.read_all())

    def has_accepted(self, order_id: str) -> bool:
        """Return whether an order stands as accepted by the exchange."""
        accepted = (stored for stored in self.memory.read_all() if stored.type == "order_accepted")
        return any(order_id in stored.payload for stored in accepted)

    def unfinished(self) -> list[str]:
        """Return the names of the streams that want attention."""
        return [head.stream for head in self.memory.streams(attention_only=True)]
