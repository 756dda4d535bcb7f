"""What the writer packs for PostgreSQL is what PostgreSQL reads."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg.pq import ExecStatus

from orderwright.eventstore.connections import connect
from orderwright.eventstore.postgres_sink import _insist, _translated
from orderwright.eventstore.sink import ConnectionLost
from orderwright.eventstore.store import ANY_VERSION, Append, Appended, AppendFailed, NewEvent
from orderwright.eventstore.verify import verify
from tests.eventstore.logs import PostgresWriting, appending
from tests.fixtures_database import TestDatabase

FARTHEST = 2**127 + 12_345


def extreme(number: int, payload: str) -> NewEvent:
    ids = [UUID(int=FARTHEST + 3 * number + part) for part in range(3)]
    return NewEvent(
        event_id=ids[0], type="경보", schema_version=2**31 - 1, payload=payload, causation=ids[1], correlation=ids[2]
    )


@pytest.fixture
def writing(database: TestDatabase) -> Iterator[PostgresWriting]:
    writing = PostgresWriting(database.place)
    yield writing
    writing.close()


@pytest.mark.parametrize("width", [1, 2, 399])
def test_batches_of_any_width_read_back_as_they_were(writing: PostgresWriting, width: int) -> None:
    events = tuple(extreme(number, f'"{"김😀" * number}"') for number in range(width))
    append = Append(stream="전략/ü", expected_version=ANY_VERSION, events=events, attention=False)

    assert writing.log.append_all([append]) == [Appended(version=width, position=width)]

    stored = list(writing.reader.read_stream("전략/ü"))
    fields = ("event_id", "type", "schema_version", "payload", "causation", "correlation")
    assert [[getattr(event, name) for name in fields] for event in stored] == [
        [getattr(event, name) for name in fields] for event in events
    ]
    assert verify(writing.reader).events == width


def test_text_that_postgresql_cannot_hold_is_refused_and_the_writer_goes_on(writing: PostgresWriting) -> None:
    (outcome,) = writing.log.append_all([appending("a", '"\x00"', expected=0)])
    assert isinstance(outcome, AppendFailed)
    assert "0x00" in outcome.reason
    assert writing.log.append("a", expected=0) == Appended(version=1, position=1)


def test_the_text_does_not_depend_on_the_encoding_that_clients_are_told_to_use(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "EUC_KR")
    writing = PostgresWriting(database.place)
    assert writing.log.append("전략", '"매수"', expected=0) == Appended(version=1, position=1)
    assert [event.payload for event in writing.reader.read_stream("전략")] == ['"매수"']
    assert verify(writing.reader).events == 1
    writing.close()


def test_an_error_that_is_not_the_servers_word_leaves_the_outcome_unknown(database: TestDatabase) -> None:
    with connect(database.place, "test") as connection:
        broken = connection.pgconn.make_empty_result(ExecStatus.FATAL_ERROR)
        with pytest.raises(ConnectionLost), _translated(connection):
            _insist(connection, broken)


@pytest.mark.parametrize("code", ["57P01", "57P02", "08006"])
def test_the_end_of_a_session_leaves_the_outcome_unknown(database: TestDatabase, code: str) -> None:
    with connect(database.place, "test") as connection, pytest.raises(ConnectionLost), _translated(connection):
        raise psycopg.errors.lookup(code)
