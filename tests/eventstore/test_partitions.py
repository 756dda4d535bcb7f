"""The log goes on over the borders of its partitions, which are made before it gets there, guarded like the first."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LogPlace, WritableLog, open_log_for_writing
from orderwright.eventstore.connections import Database
from orderwright.eventstore.partitions import ensure_partitions
from orderwright.eventstore.postgres_snapshots import PostgresSnapshots
from orderwright.eventstore.snapshots import restore
from orderwright.eventstore.store import ANY_VERSION, Appended, StoreUnavailable
from orderwright.eventstore.verify import verify
from orderwright.migrations.migrate import migrate
from tests.eventstore.logs import OpenedLog, PostgresWriting, appended, appending
from tests.eventstore.test_snapshots import CODEC, PURSE
from tests.fixtures_database import TestDatabase

WIDTH = 50


def narrow(owner: str) -> None:
    """Make the partitions of an empty log so small that a test fills several of them."""
    with psycopg.connect(owner) as connection:
        connection.execute("DROP TABLE log.event_00000")
        connection.execute(
            "CREATE OR REPLACE FUNCTION log.partition_width() RETURNS bigint LANGUAGE sql IMMUTABLE "
            f"AS 'SELECT {WIDTH}::bigint'".encode()
        )
        connection.execute("SELECT log.make_partition(0)")


def partitions(owner: str) -> list[str]:
    query = "SELECT relid::regclass::text FROM pg_partition_tree('log.event') WHERE isleaf ORDER BY 1"
    with psycopg.connect(owner) as connection:
        return [str(row[0]).removeprefix("log.") for row in connection.execute(query).fetchall()]


@pytest.fixture
def small(database: TestDatabase) -> TestDatabase:
    narrow(database.owner)
    return database


@pytest.fixture
def writing(small: TestDatabase) -> Iterator[PostgresWriting]:
    opened = PostgresWriting(small.place)
    yield opened
    opened.close()


def fill(log: OpenedLog, events: int) -> None:
    """Append as many events, in batches that do not end where partitions do, and are no longer than one of them."""
    for first in range(0, events, 35):
        size = min(35, events - first) // 7
        outcomes = log.append_all([appending(f"s{n % 3}", *["{}"] * 7, expected=ANY_VERSION) for n in range(size)])
        assert all(isinstance(outcome, Appended) for outcome in outcomes)


def test_partitions_are_made_ahead_once(small: TestDatabase) -> None:
    assert ensure_partitions(small.place, ahead=3) == 3
    assert ensure_partitions(small.place, ahead=3) == 0
    assert ensure_partitions(small.place, ahead=1) == 0
    assert partitions(small.owner) == ["event_00000", "event_00001", "event_00002", "event_00003"]


def test_two_who_make_them_at_once_make_each_once(small: TestDatabase) -> None:
    made: list[int] = []
    makers = [threading.Thread(target=lambda: made.append(ensure_partitions(small.place, ahead=4))) for _ in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert sorted(made) == [0, 0, 0, 4]


def test_a_log_that_crosses_borders_is_one_log(small: TestDatabase, writing: PostgresWriting) -> None:
    ensure_partitions(small.place)
    for _ in range(5):
        fill(writing.log, 70)
        ensure_partitions(small.place)

    assert writing.reader.head_position() == 350
    assert partitions(small.owner) == [f"event_{n:05}" for n in range(10)]
    assert [event.position for event in writing.reader.read_all(after_position=45)] == list(range(46, 351))
    for stream in ("s0", "s1", "s2"):
        versions = [event.version for event in writing.reader.read_stream(stream)]
        assert versions == list(range(1, len(versions) + 1))
    assert verify(writing.reader).events == 350


def test_a_stream_is_read_on_from_a_snapshot_beyond_a_border(small: TestDatabase, writing: PostgresWriting) -> None:
    ensure_partitions(small.place, ahead=5)
    fill(writing.log, 120 - 120 % 7)
    last = appended(writing.log.append("s0", expected=ANY_VERSION))
    snapshots = PostgresSnapshots(small.place, epoch=writing.sink.epoch)
    assert snapshots.save(CODEC.seal(PURSE, log_id=1, stream="s0", version=last.version, position=last.position))
    fill(writing.log, 70)

    found = restore(snapshots, "s0", CODEC)

    assert found is not None
    tail = list(writing.reader.read_stream("s0", after_version=found.version, after_position=found.position))
    assert tail[0].version == last.version + 1
    assert tail[0].position > WIDTH * 2
    snapshots.close()


def test_the_writer_makes_a_partition_that_nobody_made(small: TestDatabase, writing: PostgresWriting) -> None:
    assert partitions(small.owner) == ["event_00000"]

    fill(writing.log, 7 * 20)

    assert writing.reader.head_position() == 140
    assert verify(writing.reader).events == 140
    assert writing.writer.is_healthy
    assert len(partitions(small.owner)) >= 3


def test_a_reader_who_takes_long_holds_up_neither_partitions_nor_appends(
    small: TestDatabase, writing: PostgresWriting
) -> None:
    fill(writing.log, 7)
    with psycopg.connect(small.owner) as dump:
        dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        assert dump.execute("SELECT count(*) FROM log.event").fetchone() == (7,)
        dump.execute("LOCK TABLE log.event, log.log_batch, log.stream IN ACCESS SHARE MODE")

        assert ensure_partitions(small.place, ahead=2) == 2
        fill(writing.log, 70)

        assert dump.execute("SELECT count(*) FROM log.event").fetchone() == (7,)
    assert verify(writing.reader).events == 77


def test_a_lock_that_is_held_is_waited_for_a_while_and_then_told_of(small: TestDatabase) -> None:
    with psycopg.connect(small.owner) as owner:
        owner.execute("ALTER FUNCTION log.ensure_partitions SET lock_timeout = '50ms'")
        owner.commit()
        owner.execute("LOCK TABLE log.event IN SHARE MODE")
        with pytest.raises(StoreUnavailable, match=r"next partitions cannot be made.*lock timeout"):
            ensure_partitions(small.place)


def test_partitions_made_at_start_and_later_are_alike(external: LogPlace) -> None:
    assert external.url is not None
    with _writable(external) as log:
        assert partitions(external.url) == ["event_00000", "event_00001", "event_00002"]
        assert ensure_partitions(log.database, ahead=4) == 2
    with psycopg.connect(external.url) as connection:
        shapes = {name: (_indexes(connection, name), _triggers(connection, name)) for name in partitions(external.url)}
    assert len(shapes) == 5
    assert len({str(shape) for shape in shapes.values()}) == 1
    assert shapes["event_00004"][1] == [("refuse_change", "A"), ("refuse_truncate", "A")]


def test_a_log_crosses_borders_at_a_url(external: LogPlace) -> None:
    assert external.url is not None
    migrate(external.url)
    narrow(external.url)
    with _writable(external) as log:
        fill(OpenedLog(log.reader, log.writer), 7 * 30)
        ensure_partitions(Database(conninfo=external.url, role="orderwright_app"))
        fill(OpenedLog(log.reader, log.writer), 7 * 30)
        assert verify(log.reader).events == 420


def _writable(place: LogPlace) -> WritableLog:
    return open_log_for_writing(place, clock=SystemClock(), on_fenced=print)


def _indexes(connection: "psycopg.Connection[tuple[object, ...]]", partition: str) -> list[str]:
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'log' AND tablename = %s"
    rows = connection.execute(query, [partition]).fetchall()
    return sorted(str(row[0]).replace(partition, "event_N").partition(" USING ")[2] for row in rows)


def _triggers(connection: "psycopg.Connection[tuple[object, ...]]", partition: str) -> list[tuple[str, str]]:
    query = "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = %s::regclass ORDER BY 1"
    return [(str(name), str(mode)) for name, mode in connection.execute(query, [f"log.{partition}"]).fetchall()]
