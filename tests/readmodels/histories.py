"""Logs to fold: what engines left behind in simulations with crashes and faults, shown to readers bit by bit."""

from collections.abc import Iterator, Sequence
from functools import cache

from msgspec.structs import replace

from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import Append, NewEvent, StoredEvent, StreamHead
from tests.simulation.plans import random_plan
from tests.simulation.scenario import all_scenarios
from tests.simulation.simulation import Run

SCENARIOS = sorted(all_scenarios())


@cache
def history(scenario: str, seed: int) -> MemoryLog:
    """Return the log that a simulated engine left behind; the same arguments give the same log."""
    run = Run(all_scenarios()[scenario], random_plan(all_scenarios()[scenario], seed))
    run.run()
    return run.log.memory


class GrowingLog(MemoryLog):
    """A log of which readers see the events up to `head`, as if the others were not committed yet."""

    def __init__(self, whole: MemoryLog) -> None:
        self._whole = whole
        self.head = 0

    def read_all(self, *, after_position: int = 0, limit: int | None = None) -> Iterator[StoredEvent]:
        shown = [event for event in self._whole.read_all(after_position=after_position) if event.position <= self.head]
        return iter(shown[:limit])

    def read_stream(self, stream: str, *, after_version: int = 0, after_position: int = 0) -> Iterator[StoredEvent]:
        events = self._whole.read_stream(stream, after_version=after_version, after_position=after_position)
        return (event for event in events if event.position <= self.head)

    def streams(self, *, attention_only: bool = False, prefix: str = "") -> Sequence[StreamHead]:
        heads = self._whole.streams(attention_only=attention_only, prefix=prefix)
        versions = {head.stream: sum(1 for _ in self.read_stream(head.stream)) for head in heads}
        return [replace(head, version=versions[head.stream]) for head in heads if versions[head.stream]]

    def head_position(self) -> int:
        return self.head

    def commit(self, events: int) -> None:
        """Let so many more be seen, at most all."""
        self.head = min(self.head + events, self._whole.head_position())

    def commit_all(self) -> None:
        self.head = self._whole.head_position()


def appends_of(log: MemoryLog) -> Iterator[Append]:
    """Yield what would write the same events, in the same order, to another log."""
    for event in log.read_all():
        new = NewEvent(
            event_id=event.event_id,
            type=event.type,
            schema_version=event.schema_version,
            payload=event.payload,
            causation=event.causation,
            correlation=event.correlation,
        )
        yield Append(stream=event.stream, expected_version=event.version - 1, events=(new,))
