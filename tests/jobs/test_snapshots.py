"""Streams that outgrew their last usable snapshot get one that an actor would begin with in the same state."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest

from orderwright.actors.snapshots import AccountImage, codec_of
from orderwright.engine.inbox import Inbox
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.snapshots import Snapshot, restore
from orderwright.jobs.snapshots import take_missing_snapshots
from orderwright.readmodels.replay import replay
from tests.readmodels.histories import GrowingLog
from tests.readmodels.trading import a_day

LONGEST = 5


class Shelf:
    """A `SnapshotStore` in memory."""

    log_id = 1

    def __init__(self) -> None:
        self.kept: dict[str, list[Snapshot]] = {}

    def save(self, snapshot: Snapshot) -> bool:
        self.kept.setdefault(snapshot.stream, []).insert(0, snapshot)
        return True

    def newest_first(self, stream: str) -> Iterator[Snapshot]:
        return iter(self.kept.get(stream, []))


@pytest.fixture
def log() -> MemoryLog:
    return a_day()


def take(log: MemoryLog, shelf: Shelf, *, longest: int = LONGEST) -> str:
    return take_missing_snapshots(log, shelf, longest_tail=longest, stopping=threading.Event())


def test_what_is_kept_is_the_state_that_the_events_lead_to(log: MemoryLog) -> None:
    shelf = Shelf()
    grown = [head for head in log.streams() if head.version > LONGEST]
    assert len(grown) > 3

    assert take(log, shelf) == f"took {len(grown)} snapshots"

    assert sorted(shelf.kept) == [head.stream for head in grown]
    for head in grown:
        codec = codec_of(head.stream)
        assert codec is not None
        restored = restore(shelf, head.stream, codec)
        assert restored is not None
        replayed = replay(head.stream, log.read_stream(head.stream))
        assert (restored.version, restored.position) == (replayed.version, replayed.position)
        state: AccountImage | Inbox = restored.state
        if isinstance(state, AccountImage):
            assert state.state == replayed.state
            assert set(state.requests) == set(replayed.state.orders)
        else:
            assert state == replayed.state


def test_a_snapshot_is_gone_on_from_once_enough_has_been_added(log: MemoryLog) -> None:
    shelf, whole = Shelf(), Shelf()
    take(log, whole)
    shown = GrowingLog(log)
    for head in range(0, log.head_position() + 1, LONGEST):
        shown.head = head
        take(shown, shelf)
    shown.commit_all()
    take(shown, shelf)

    assert take(shown, shelf) == "took 0 snapshots"
    for stream, kept in shelf.kept.items():
        versions = [snapshot.version for snapshot in reversed(kept)]
        assert all(later - earlier > LONGEST for earlier, later in pairwise([0, *versions]))
        at_once = next(iter(whole.kept[stream]))
        assert [again for again in kept if again.version == at_once.version] in ([], [at_once])


def test_a_snapshot_that_cannot_be_used_does_not_count(log: MemoryLog) -> None:
    shelf = Shelf()
    take(log, shelf)
    for kept in shelf.kept.values():
        kept[0] = Snapshot(
            stream=kept[0].stream,
            version=kept[0].version,
            position=kept[0].position,
            schema_version=kept[0].schema_version,
            state=b"{}",
            hash=kept[0].hash,
        )
    assert take(log, shelf) == f"took {len(shelf.kept)} snapshots"
