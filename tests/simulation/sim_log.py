"""The simulated log: the product's log in memory, which also remembers at which step each event was committed."""

from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import Append, Appended, AppendOutcome, StoredEvent
from tests.simulation.world import World


class SimLog:
    """What outlives a crash. Appends are committed one by one, when the scheduler says so."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.memory = MemoryLog(world)
        self.committed_at: list[int] = []

    def write(self, append: Append) -> AppendOutcome:
        """Commit an append now."""
        outcomes: list[AppendOutcome] = []
        self.memory.append(append, outcomes.append)
        if isinstance(outcomes[0], Appended):
            self.committed_at.extend([self._world.step] * len(append.events))
        return outcomes[0]

    def stream(self, name: str) -> tuple[StoredEvent, ...]:
        """Return a stream's events."""
        return tuple(self.memory.read_stream(name))

    def events(self) -> list[StoredEvent]:
        """Return all events in the order of their positions."""
        return list(self.memory.read_all())

    def unfinished(self) -> list[str]:
        """Return the names of the streams that want attention."""
        return [head.stream for head in self.memory.streams(attention_only=True)]
