"""The simulated log: the product's log in memory, which also remembers at which step each event was committed."""

from typing import Any

from orderwright.eventstore.memory import MemoryLog, MemorySnapshots
from orderwright.eventstore.snapshots import Restored, SnapshotCodec, Taken, restore
from orderwright.eventstore.store import Append, Appended, AppendOutcome, StoredEvent
from tests.simulation.world import World


class SimLog:
    """What outlives a crash. Appends are committed one by one, when the scheduler says so."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.memory = MemoryLog(world)
        self._snapshots = MemorySnapshots(self.memory)
        self.begun_from_snapshots = 0
        self.committed_at: list[int] = []

    def write(self, append: Append) -> AppendOutcome:
        """Commit an append now."""
        outcomes: list[AppendOutcome] = []
        self.memory.append(append, outcomes.append)
        if isinstance(outcomes[0], Appended):
            self.committed_at.extend([self._world.step] * len(append.events))
        return outcomes[0]

    def stream(self, name: str, *, after_version: int = 0) -> tuple[StoredEvent, ...]:
        """Return a stream's events above a version."""
        return tuple(self.memory.read_stream(name, after_version=after_version))

    def save(self, taken: Taken[Any]) -> None:
        """Keep a snapshot, which must be of what has been committed."""
        assert self._snapshots.save(taken.sealed(log_id=self._snapshots.log_id))

    def restored(self, name: str, codec: SnapshotCodec[Any] | None) -> Restored[Any] | None:
        """Return the newest state of a stream that was kept."""
        found = None if codec is None else restore(self._snapshots, name, codec)
        self.begun_from_snapshots += found is not None
        return found

    def events(self) -> list[StoredEvent]:
        """Return all events in the order of their positions."""
        return list(self.memory.read_all())

    def unfinished(self) -> list[str]:
        """Return the names of the streams that want attention."""
        return [head.stream for head in self.memory.streams(attention_only=True)]
