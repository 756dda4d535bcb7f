"""Whatever is done to the log behind its back, verify names the first batch that it was done to."""

from collections.abc import Iterator

import psycopg
import pytest

from orderwright.eventstore.postgres import PostgresLog
from orderwright.eventstore.store import ChainBroken
from orderwright.eventstore.verify import verify
from tests.eventstore.logs import PostgresWriting, appended
from tests.fixtures_database import TestDatabase


@pytest.fixture
def written(database: TestDatabase) -> Iterator[tuple[TestDatabase, PostgresLog]]:
    """Six batches: positions 1-2, 3-4, …, of streams a and b in turn."""
    writing = PostgresWriting(database.place)
    for n in range(3):
        for stream in ("a", "b"):
            appended(writing.log.append(stream, '{"amount": "10.5"}', '{"amount": "11"}', expected=n * 2))
    writing.writer.close()
    yield database, writing.reader
    writing.reader.close()


def tamper(database: TestDatabase, *statements: str) -> None:
    """Do what an administrator with bad intentions can do."""
    tables = ("event", "log_batch", "stream")
    with psycopg.connect(database.owner) as owner:
        for table in tables:
            owner.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER USER".encode())
        for statement in statements:
            owner.execute(statement.encode())


FORGERIES = [
    ('UPDATE log.event SET payload = \'{"amount": "10.6"}\' WHERE position = 5', "batch 3 .*not those"),
    ('UPDATE log.event SET payload = \'{"amount":"10.5"}\' WHERE position = 5', "batch 3 .*not those"),
    ("UPDATE log.event SET recorded_at = recorded_at + 1 WHERE position = 7", "batch 4 .*not those"),
    ("UPDATE log.event SET correlation = causation WHERE position = 1", "batch 1 .*not those"),
    ("UPDATE log.stream SET name = 'c' WHERE name = 'b'", "batch 2 .*not those"),
    ("DELETE FROM log.event WHERE position = 6", "batch 3 .*position 6 is missing"),
    ("DELETE FROM log.event WHERE position > 11", "batch 6 .*1 events instead of 2"),
    ("DELETE FROM log.log_batch WHERE batch_no = 3", "batch 3 is missing"),
    ("UPDATE log.log_batch SET epoch = 0 WHERE batch_no = 2", "batch 2 .*epoch"),
    ("UPDATE log.log_batch SET epoch = 9 WHERE batch_no = 6", "batch 6 .*link"),
    ("UPDATE log.log_batch SET chain = root WHERE batch_no = 4", "batch 4 .*link"),
    ("DELETE FROM log.log_batch WHERE batch_no = 6", "event 11 belongs to no batch"),
    ("UPDATE log.stream SET version = 4 WHERE name = 'a'", "stream a"),
]


@pytest.mark.parametrize(("statement", "named"), FORGERIES)
def test_a_forgery_is_named(written: tuple[TestDatabase, PostgresLog], statement: str, named: str) -> None:
    database, log = written
    assert verify(log).events == 12

    tamper(database, statement)

    with pytest.raises(ChainBroken, match=named):
        verify(log)


def test_a_cut_off_end_is_seen_by_the_streams(written: tuple[TestDatabase, PostgresLog]) -> None:
    database, log = written
    tamper(database, "DELETE FROM log.log_batch WHERE batch_no = 6", "DELETE FROM log.event WHERE position > 10")

    with pytest.raises(ChainBroken, match="stream b"):
        verify(log)


def test_what_is_written_meanwhile_is_verified_too(database: TestDatabase) -> None:
    writing = PostgresWriting(database.place)
    appended(writing.log.append("a", "{}", expected=0))

    def write_more(position: int) -> None:
        if position < 4:
            appended(writing.log.append("a", "{}", expected=position))

    assert verify(writing.reader, progress=write_more).events == 4
    writing.writer.close()
    writing.reader.close()


def test_verifying_the_tail_does_not_look_at_what_lies_before(written: tuple[TestDatabase, PostgresLog]) -> None:
    database, log = written
    tamper(database, "UPDATE log.event SET type = 'other' WHERE position = 1")

    assert verify(log, after_batch=4).events == 4
    with pytest.raises(ChainBroken, match="batch 1 "):
        verify(log)


def test_a_tail_that_hangs_on_nothing_is_an_error(written: tuple[TestDatabase, PostgresLog]) -> None:
    with pytest.raises(ChainBroken, match="batch 9 is missing"):
        verify(written[1], after_batch=9)
