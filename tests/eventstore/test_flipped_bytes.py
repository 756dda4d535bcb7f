"""One bit changed anywhere in a long log: verify names the batch, whether an administrator did it or the disk."""

import re
import shutil
import subprocess
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.types.string import TextLoader

from bench.declared import declared_links
from bench.installation import install
from bench.long_log import LongLog
from orderwright.eventstore.connections import Database
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postgres import PostgresLog
from orderwright.eventstore.server_user import server_user
from orderwright.eventstore.store import ChainBroken
from orderwright.eventstore.verify import Verified, verify
from orderwright.moments import SECOND, Micros
from tests.eventstore.flipping import COLUMNS, Row, flipped_byte, flipped_column
from tests.proofs import tell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]

PAGE = 8_192
STRATEGIES = 20
EACH_COLUMN = [(table, column) for table, columns in COLUMNS.items() for column in columns]
_HEAP = (
    "SELECT relid::regclass::text, pg_relation_filepath(relid) FROM pg_partition_tree('log.event') "
    "WHERE isleaf ORDER BY pg_relation_size(relid) DESC LIMIT 1"
)
_FIRST_IN_BLOCK = (
    "SELECT min(position) FROM log.event WHERE tableoid = %s::regclass AND ctid >= %s::tid AND ctid < %s::tid"
)


@contextmanager
def long_log(folder: Path, events: int) -> Iterator["Copied"]:
    """Make a log of so many events, and copy it; the copy is what is tampered with."""
    links = declared_links(STRATEGIES, 2)
    install(folder / "made", links)
    moments = (Micros(1_700_000_000 * SECOND + number * SECOND) for number in count())
    with LongLog(folder / "made") as log:
        while log.position < events:
            log.extend([link.strategy for link in links[::2]] * 100, moments)
        log.settle()
    subprocess.run(["cp", "-a", folder / "made", folder / "copy"], check=True)
    shutil.rmtree(folder / "made")
    try:
        yield Copied(folder / "copy")
    finally:
        shutil.rmtree(folder / "copy")


class Copied:
    """A copy of a log's data directory that no engine runs on."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.cluster = data / "postgres" / "cluster"
        with self.running() as (log, owner):
            self.batches = [batch.first_position for batch in log.read_batches()]
            self.events = log.head_position()
            self.streams = dict(
                owner.execute("SELECT stream_id, min(position) FROM log.event GROUP BY stream_id").fetchall()
            )

    @contextmanager
    def running(self) -> Iterator[tuple[PostgresLog, psycopg.Connection]]:
        """Open it, with an administrator's connection to whom triggers mean nothing."""
        with EmbeddedPostgres(self.data) as server, psycopg.connect(server.owner_conninfo, autocommit=True) as owner:
            owner.adapters.register_loader("json", TextLoader)
            for table in COLUMNS:
                owner.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER USER".encode())
            log = PostgresLog(Database(conninfo=server.app_conninfo))
            try:
                yield log, owner
            finally:
                log.close()

    def batch_at(self, position: int) -> int:
        """Return the number of the batch that a position is in."""
        return bisect_right(self.batches, position)

    def heap(self) -> tuple[str, Path]:
        """Return the name and the first file of the partition that holds the events."""
        with self.running() as (_log, owner):
            row = owner.execute(_HEAP.encode()).fetchone()
        assert row is not None
        return str(row[0]), self.cluster / str(row[1])

    def ask(self, query: LiteralString, *arguments: object) -> Any:
        """Return the one value that a query yields."""
        with self.running() as (_log, owner):
            row = owner.execute(query, arguments).fetchone()
        return None if row is None else row[0]

    def checksums(self, *, on: bool) -> None:
        with EmbeddedPostgres(self.data) as server:
            program = server.binaries / "pg_checksums"
        done = server_user(self.cluster).run([program, "--enable" if on else "--disable", "-D", self.cluster])
        assert done.returncode == 0, done


def found_by(log: PostgresLog) -> str:
    """Return what verify says of the log; empty when it finds nothing."""
    try:
        verify(log)
    except ChainBroken as broken:
        return str(broken)
    return ""


def expected(copied: Copied, row: Row, column: str) -> str:
    """Return what verify has to say of a flipped bit in a row."""
    match row.table, column:
        case "event", _:
            return rf"batch {copied.batch_at(row.key)} "
        case "log_batch", _:
            return rf"batch {row.key} "
        case "stream", "version":
            return "stream "
    return rf"batch {copied.batch_at(copied.streams[row.key])} "


def flip_columns(copied: Copied, random: Random, times: int) -> int:
    """Flip a bit of every column, in a random row each time."""
    with copied.running() as (log, owner):
        verified = verify(log)
        tell(f"{verified.events:,} events in {verified.batches:,} batches {speed(verified)}")
        for table, column in EACH_COLUMN * times:
            # The last batch's own record is told by the events that then belong to none.
            keys = {
                "event": range(1, copied.events + 1),
                "log_batch": range(1, len(copied.batches)),
                "stream": sorted(copied.streams),
            }[table]
            row = Row(table=table, key=random.choice(keys))
            with flipped_column(owner, row, column, random):
                said = found_by(log)
            assert re.match(expected(copied, row, column), said), f"{column} of {row}: {said or 'not found'}"
        assert verify(log).chain == verified.chain
    return len(EACH_COLUMN) * times


def flip_payloads_on_disk(copied: Copied, random: Random, times: int) -> int:
    """Flip a bit of a payload in the table's file, under a server that keeps no checksums."""
    _name, file = copied.heap()
    if times:
        copied.checksums(on=False)
    for _ in range(times):
        position = random.randint(1, copied.events)
        payload = copied.ask("SELECT payload::text FROM log.event WHERE position = %s", position)
        begins = file.read_bytes().find(payload.encode())
        assert begins >= 0, "the payload is in another file"
        with flipped_byte(file, begins + random.randrange(len(payload)), random), copied.running() as (log, _owner):
            said = found_by(log)
        assert re.match(rf"batch {copied.batch_at(position)} ", said), f"payload at {position}: {said or 'not found'}"
    if times:
        copied.checksums(on=True)
    return times


def flip_anything_on_disk(copied: Copied, random: Random, times: int) -> int:
    """Flip a bit anywhere in the table's file, under the server as the engine runs it."""
    name, file = copied.heap()
    for _ in range(times):
        where = copied.ask("SELECT ctid::text FROM log.event WHERE position = %s", random.randint(1, copied.events))
        block = int(where.strip("(").partition(",")[0])
        first = copied.ask(_FIRST_IN_BLOCK, name, f"({block},0)", f"({block + 1},0)")
        at = block * PAGE + random.randrange(PAGE)
        with flipped_byte(file, at, random), copied.running() as (log, _owner):
            said = found_by(log)
        named = rf"batch {copied.batch_at(first)} cannot be read whole"
        assert re.match(named, said), f"byte {at}: {said or 'not found'}"
    return times


def speed(verified: Verified) -> str:
    return f"verified in {verified.seconds:.1f} s, {verified.events_per_second:,.0f} events a second"


def flip_all(folder: Path, events: int, times: Sequence[int]) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"\nseed {seed}")
    random = Random(seed)  # noqa: S311 - a run must be repeatable
    ways: Sequence[Callable[[Copied, Random, int], int]] = (flip_columns, flip_payloads_on_disk, flip_anything_on_disk)
    with long_log(folder, events) as copied:
        flips = [way(copied, random, number) for way, number in zip(ways, times, strict=True)]
    tell(f"{flips[0]} flipped columns, {flips[1]} flipped payloads and {flips[2]} flipped bytes on disk: each named")


@pytest.fixture
def folder(open_folder: Path, request: pytest.FixtureRequest) -> Path:
    made = open_folder / str(request.node.name)
    made.mkdir(mode=0o711)
    return made


@pytest.mark.ci_slice
def test_a_bit_flipped_in_any_column_of_ten_thousand_events_is_named(folder: Path) -> None:
    flip_all(folder, 10_000, (1, 0, 0))


def test_a_bit_flipped_anywhere_in_a_million_events_is_named(folder: Path) -> None:
    flip_all(folder, 1_000_000, (1, 3, 3))
