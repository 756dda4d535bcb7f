"""The projector follows a log in PostgreSQL while it is written, through lost connections, and tells how it is."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from orderwright.eventstore.postgres import PostgresLog
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.projections import Projections
from orderwright.readmodels.projector import Projector
from orderwright.readmodels.trades import Trades
from tests.eventstore.logs import PostgresWriting, appending
from tests.fixtures_database import TestDatabase
from tests.processes import wait_until
from tests.readmodels.histories import appends_of, history
from tests.readmodels.rows import rows_of
from tests.readmodels.test_projections import Failing, cursors, fold

LOG_ID = 1
SCENARIO, SEED = "two_strategies", 3


@pytest.fixture
def writing(database: TestDatabase) -> Iterator[PostgresWriting]:
    opened = PostgresWriting(database.place)
    yield opened
    opened.close()


@contextmanager
def following(projections: Projections) -> Iterator[Projector]:
    projector = Projector(projections)
    projector.start()
    try:
        yield projector
    finally:
        projector.close()


def is_at(database: TestDatabase, position: int, *names: str) -> bool:
    return cursors(database, LOG_ID) == dict.fromkeys(names or ("books", "trades", "signals"), position)


def test_what_is_committed_is_in_the_rows_soon(
    database: TestDatabase, read_models: ReadModelDatabase, writing: PostgresWriting
) -> None:
    log = history(SCENARIO, SEED)
    projections = Projections(reader=writing.reader, database=read_models, log_id=LOG_ID)
    with following(projections) as projector:
        for append in appends_of(log):
            writing.log.append_all([append])
        head = writing.reader.head_position()
        wait_until(lambda: is_at(database, head), what="the rows")
        assert projector.conditions() == {"read models": "ok"}

    expected = LOG_ID + 1
    fold(read_models, log, expected)
    rows, others = rows_of(database.app, LOG_ID), rows_of(database.app, expected)
    # This log was written at another time than the one it is a copy of.
    for row in (*rows["signals"], *others["signals"]):
        del row["stored_at"]
    assert rows == others


def test_every_reader_sees_every_position_once_and_in_order_while_commits_go_on(
    database: TestDatabase, writing: PostgresWriting
) -> None:
    events, streams = 600, 6
    seen: dict[int, list[int]] = {1: [], 7: [], 100: [], 1_000: []}

    def read(page: int) -> None:
        log = PostgresLog(database.place)
        positions = seen[page]
        while len(positions) < events:
            after = positions[-1] if positions else 0
            positions.extend(event.position for event in log.read_all(after_position=after, limit=page))
        log.close()

    def write(stream: int) -> None:
        for version in range(events // streams):
            writing.log.append_all([appending(f"stream {stream}", expected=version)])

    threads = [threading.Thread(target=read, args=(page,)) for page in seen]
    threads += [threading.Thread(target=write, args=(stream,)) for stream in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert list(seen.values()) == [list(range(1, events + 1))] * len(seen)


def test_lost_connections_lose_nothing(
    database: TestDatabase, read_models: ReadModelDatabase, writing: PostgresWriting
) -> None:
    log = history(SCENARIO, SEED)
    projections = Projections(reader=writing.reader, database=read_models, log_id=LOG_ID, page=3)
    with following(projections), psycopg.connect(database.owner, autocommit=True) as killer:
        for append in appends_of(log):
            writing.log.append_all([append])
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name LIKE '%read%'"
            )
        head = writing.reader.head_position()
        wait_until(lambda: is_at(database, head), what="the rows")

    expected = LOG_ID + 1
    fold(read_models, writing.reader, expected)
    assert rows_of(database.app, LOG_ID) == rows_of(database.app, expected)


def test_a_database_that_is_away_is_told_of_and_waited_for(
    database: TestDatabase, read_models: ReadModelDatabase, writing: PostgresWriting
) -> None:
    projections = Projections(reader=writing.reader, database=read_models, log_id=LOG_ID)
    with following(projections) as projector:
        wait_until(lambda: is_at(database, 0), what="the first look")
        with shut(database):
            told = {"read models": "the database cannot be asked"}
            wait_until(lambda: projector.conditions() == told, what="the trouble to be told")
        writing.log.append_all(list(appends_of(history(SCENARIO, SEED))))
        head = writing.reader.head_position()
        wait_until(lambda: is_at(database, head), within=40, what="the rows")
        assert projector.conditions() == {"read models": "ok"}


def test_a_broken_projection_is_told_of_and_the_others_follow_on(
    database: TestDatabase, read_models: ReadModelDatabase, writing: PostgresWriting
) -> None:
    projections = Projections(
        reader=writing.reader, database=read_models, log_id=LOG_ID, projections=[Failing(5), Trades()]
    )
    with following(projections) as projector:
        writing.log.append_all(list(appends_of(history(SCENARIO, SEED))))
        head = writing.reader.head_position()
        wait_until(lambda: cursors(database, LOG_ID) == {"books": 4, "trades": head}, what="the rows")
        conditions = projector.conditions()
    assert conditions["read models"] == "some have stopped"
    assert conditions["read-model/books"].startswith("stopped before event 5 ")


def test_a_projector_goes_on_where_the_last_one_ended(
    database: TestDatabase, read_models: ReadModelDatabase, writing: PostgresWriting
) -> None:
    appends = list(appends_of(history(SCENARIO, SEED)))
    half = len(appends) // 2
    for part in (appends[:half], appends[half:]):
        writing.log.append_all(part)
        head = writing.reader.head_position()
        with following(Projections(reader=writing.reader, database=read_models, log_id=LOG_ID)):
            wait_until(lambda head=head: is_at(database, head), what="the rows")  # type: ignore[misc]

    expected = LOG_ID + 1
    fold(read_models, writing.reader, expected)
    assert rows_of(database.app, LOG_ID) == rows_of(database.app, expected)


@contextmanager
def shut(database: TestDatabase) -> Iterator[None]:
    """Let nobody into the database, and everybody out but whoever writes the log."""
    name = sql.Identifier(database.name)
    maintenance = psycopg.conninfo.make_conninfo(database.owner, dbname="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name LIKE %s",
            [database.name, "%read%"],
        )
        yield
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
