"""A snapshot comes back as it was, or not at all: with anything wrong, the one before or the events are used."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec
import psycopg
import pytest
from msgspec import Struct
from msgspec.structs import replace

from orderwright.clock import SystemClock
from orderwright.eventstore.memory import MemoryLog, MemorySnapshots
from orderwright.eventstore.postgres_snapshots import PostgresSnapshots
from orderwright.eventstore.snapshots import (
    Restored,
    Snapshot,
    SnapshotCodec,
    SnapshotStore,
    json_codec,
    restore,
    shape_of,
)
from tests.eventstore.logs import OpenedLog, PostgresWriting, appended
from tests.fixtures_database import TestDatabase

STREAM = "strategy-account/test1@A1"


class Purse(Struct, frozen=True, kw_only=True):
    """A state."""

    coins: dict[str, Decimal]
    owner: str = "김"


class Renamed(Struct, frozen=True, kw_only=True):
    """The same state with a field renamed by somebody who forgot about snapshots."""

    amounts: dict[str, Decimal] = {}
    owner: str = "김"


CODEC = json_codec(Purse, schema_version=3)
PURSE = Purse(coins={"BTC": Decimal("0.000000000000000001"), "KRW": Decimal("-123456789012345678.5")})


class Kept:
    """A log with six events of one stream among others', and its snapshots."""

    def __init__(self, log: OpenedLog, snapshots: SnapshotStore) -> None:
        self.log = log
        self.snapshots = snapshots
        self.positions: dict[int, int] = {}
        for version in range(6):
            log.append("other", expected=version)
            self.positions[version + 1] = appended(log.append(STREAM, expected=version)).position

    def sealed(self, version: int, state: Purse = PURSE, codec: SnapshotCodec[Purse] = CODEC) -> Snapshot:
        position = self.positions.get(version, 0)
        return codec.seal(state, log_id=1, stream=STREAM, version=version, position=position)

    def save(self, version: int, state: Purse = PURSE) -> bool:
        return self.snapshots.save(self.sealed(version, state))

    def restored(self, codec: SnapshotCodec[Purse] = CODEC) -> Restored[Purse] | None:
        return restore(self.snapshots, STREAM, codec)


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    if request.param == "memory":
        memory = MemoryLog(SystemClock())
        yield Kept(OpenedLog(memory, memory), MemorySnapshots(memory))
        return
    database: TestDatabase = request.getfixturevalue("database")
    writing = PostgresWriting(database.place)
    snapshots = PostgresSnapshots(database.place, epoch=writing.sink.epoch)
    yield Kept(writing.log, snapshots)
    snapshots.close()
    writing.close()


def test_a_snapshot_comes_back_as_it_was(kept: Kept) -> None:
    assert kept.restored() is None
    assert kept.save(4)

    assert kept.restored() == Restored(version=4, position=8, state=PURSE)
    assert restore(kept.snapshots, "other", CODEC) is None
    assert restore(kept.snapshots, "never heard of", CODEC) is None


def test_what_came_after_it_is_read_from_its_version_and_position(kept: Kept) -> None:
    found = kept.log.reader.read_stream(STREAM, after_version=4, after_position=kept.positions[4])

    assert [(event.version, event.position) for event in found] == [(5, 10), (6, 12)]
    assert list(kept.log.reader.read_stream(STREAM, after_position=kept.positions[6])) == []


def test_the_newest_is_taken_and_two_are_kept(kept: Kept) -> None:
    for version in (1, 5, 3, 6):
        assert kept.save(version, Purse(coins={"BTC": Decimal(version)}))

    assert [snapshot.version for snapshot in kept.snapshots.newest_first(STREAM)] == [6, 5]
    found = kept.restored()
    assert found is not None
    assert found.state.coins == {"BTC": Decimal(6)}


def test_a_snapshot_saved_twice_is_the_later_one(kept: Kept) -> None:
    kept.save(2, Purse(coins={}))
    kept.save(2)

    assert kept.restored() == Restored(version=2, position=4, state=PURSE)


def test_a_snapshot_of_what_the_log_does_not_have_is_not_kept(kept: Kept) -> None:
    assert not kept.save(7)
    assert not kept.snapshots.save(replace(kept.sealed(4), position=7))
    assert not kept.snapshots.save(replace(kept.sealed(4), stream="never heard of"))
    assert kept.restored() is None


FLAWS: dict[str, Callable[[Snapshot], Snapshot]] = {
    "its state was changed": lambda good: replace(good, state=good.state.replace(b"KRW", b"USD")),
    "its hash was changed": lambda good: replace(good, hash=bytes(32)),
    "its hash was cut": lambda good: replace(good, hash=good.hash[:-1]),
    "it is empty": lambda good: replace(good, state=b""),
    "its schema version was changed": lambda good: replace(good, schema_version=2),
    "it was sealed for another version": lambda good: replace(good, hash=sealed_as(version=4).hash),
    "it was sealed for another stream": lambda good: replace(good, hash=sealed_as(stream="other").hash),
    "it was sealed for another log": lambda good: replace(good, hash=sealed_as(log_id=2).hash),
    "its schema is older": lambda good: of_codec(json_codec(Purse, schema_version=2), good),
    "its schema is newer": lambda good: of_codec(json_codec(Purse, schema_version=4), good),
    "its type had another shape": lambda good: of_codec(json_codec(Renamed, schema_version=3), good, Renamed()),
}


def sealed_as(*, log_id: int = 1, stream: str = STREAM, version: int = 5) -> Snapshot:
    return CODEC.seal(PURSE, log_id=log_id, stream=stream, version=version, position=10)


def of_codec(codec: SnapshotCodec[object], good: Snapshot, state: object = PURSE) -> Snapshot:
    return codec.seal(state, log_id=1, stream=good.stream, version=good.version, position=good.position)


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_snapshot_that_cannot_be_used_gives_way_to_the_one_before(kept: Kept, flaw: str) -> None:
    kept.save(2)
    assert kept.snapshots.save(FLAWS[flaw](kept.sealed(5)))

    assert kept.restored() == Restored(version=2, position=4, state=PURSE)


@pytest.mark.parametrize("flaw", FLAWS)
def test_without_one_before_there_is_none(kept: Kept, flaw: str) -> None:
    kept.snapshots.save(FLAWS[flaw](kept.sealed(5)))

    assert kept.restored() is None


def test_a_state_that_no_longer_decodes_is_passed_over(kept: Kept) -> None:
    def fail(_: bytes) -> Purse:
        message = "no purse"
        raise msgspec.ValidationError(message)

    kept.save(5)
    broken = SnapshotCodec(encode=msgspec.json.encode, decode=fail, schema_version=3, shape=shape_of(Purse))

    assert kept.restored(broken) is None


def test_text_that_json_cannot_carry_is_cleaned_like_an_events() -> None:
    unclean = Purse(coins={}, owner="a\x00b\udc00c")

    snapshot = CODEC.seal(unclean, log_id=1, stream=STREAM, version=1, position=1)

    assert CODEC.open(snapshot, log_id=1) == Purse(coins={}, owner="a\ufffdb\ufffdc")


def test_a_snapshot_beyond_the_streams_version_is_passed_over(database: TestDatabase) -> None:
    writing = PostgresWriting(database.place)
    snapshots = PostgresSnapshots(database.place, epoch=writing.sink.epoch)
    kept = Kept(writing.log, snapshots)
    kept.save(2)
    kept.save(6)
    with psycopg.connect(database.owner) as owner:
        owner.execute("UPDATE log.stream SET version = 5 WHERE name = %s", [STREAM])

    assert kept.restored() == Restored(version=2, position=4, state=PURSE)
    snapshots.close()
    writing.close()


def test_an_engine_whose_epoch_is_over_keeps_no_snapshots(database: TestDatabase) -> None:
    writing = PostgresWriting(database.place)
    snapshots = PostgresSnapshots(database.place, epoch=writing.sink.epoch)
    kept = Kept(writing.log, snapshots)
    with psycopg.connect(database.owner) as owner:
        owner.execute("UPDATE log.writer_lease SET epoch = epoch + 1")

    assert not kept.save(2)
    snapshots.close()
    writing.close()
