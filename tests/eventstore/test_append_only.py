"""Nobody changes or removes what is in the log: not the engine's role, not by accident its owner."""

from collections.abc import Iterator, Sequence

import psycopg
import pytest
from psycopg import errors, sql

from orderwright.eventstore.connections import Connection, Database, connect
from tests.eventstore.logs import PostgresWriting
from tests.fixtures_database import TestDatabase

CHANGES = [
    "UPDATE log.event SET payload = '{}'",
    "DELETE FROM log.event",
    "TRUNCATE log.event",
    "TRUNCATE log.event_00000",
    "UPDATE log.event_00000 SET position = position",
    "DELETE FROM log.event_00000",
    "UPDATE log.log_batch SET epoch = 0",
    "DELETE FROM log.log_batch",
    "TRUNCATE log.log_batch",
    "UPDATE log.stream SET name = 'other'",
    "DELETE FROM log.stream",
    "TRUNCATE log.stream",
]

OWNERS_ONLY = [
    *CHANGES,
    "INSERT INTO log.event SELECT * FROM log.event",
    "INSERT INTO log.log_batch SELECT * FROM log.log_batch",
    "UPDATE log.stream SET version = 0",
    "UPDATE log.writer_lease SET epoch = 7",
    "DELETE FROM log.snapshot",
    "SELECT log.make_partition(1)",
    "SELECT log.end_session(1, 1)",
    "SELECT log.lock_log(1)",
    "ALTER TABLE log.event DISABLE TRIGGER ALL",
    "CREATE TABLE log.mine (a int)",
    "CREATE TABLE public.mine (a int)",
    "SET session_replication_role = replica",
]

COPY_OF_ALL = (
    "INSERT INTO log.event SELECT log_id, position + {position}, stream_id, version + {version}, event_id, type, "
    "schema_version, recorded_at, causation, correlation, payload FROM log.event"
)

APPEND_ONLY = "OW004"
NO_PRIVILEGE = "42501"


@pytest.fixture
def written(database: TestDatabase) -> Iterator[TestDatabase]:
    writing = PostgresWriting(database.place)
    writing.log.append("a", "{}", "{}", expected=0)
    yield database
    writing.close()


def refuse_all(connection: Connection, changes: Sequence[str], sqlstate: str) -> None:
    for change in changes:
        with pytest.raises(psycopg.DatabaseError) as refused:
            connection.execute(change.encode())
        assert (refused.value.sqlstate, change) == (sqlstate, change)


@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_owner_cannot_change_the_log_in_whatever_replication_role(written: TestDatabase, role: str) -> None:
    with psycopg.connect(written.owner, autocommit=True) as owner:
        owner.execute(sql.SQL("SET session_replication_role = {}").format(role))

        refuse_all(owner, CHANGES, APPEND_ONLY)

        assert owner.execute("SELECT count(*) FROM log.event").fetchone() == (2,)


def test_a_partition_made_later_is_guarded_like_the_first(written: TestDatabase) -> None:
    with psycopg.connect(written.owner, autocommit=True) as owner:
        owner.execute("SELECT log.make_partition(1)")
        owner.execute(COPY_OF_ALL.format(position=2**24, version=2).encode())
        owner.execute("SET session_replication_role = replica")

        refuse_all(owner, [change.replace("event_00000", "event_00001") for change in CHANGES], APPEND_ONLY)


def test_every_partition_refuses_a_stream_version_twice(written: TestDatabase) -> None:
    with psycopg.connect(written.owner) as owner, pytest.raises(errors.UniqueViolation, match="stream_version_key"):
        owner.execute(COPY_OF_ALL.format(position=10, version=0).encode())


def test_the_engines_role_may_do_nothing_of_what_only_the_owner_may(written: TestDatabase) -> None:
    with connect(written.place, "test") as engine:
        refuse_all(engine, OWNERS_ONLY, NO_PRIVILEGE)


def test_the_engines_role_may_read_the_log_and_own_tables_in_its_schema(written: TestDatabase) -> None:
    with connect(written.place, "test") as engine:
        assert engine.execute("SELECT count(*) FROM log.event").fetchone() == (2,)
        engine.execute("CREATE TABLE app.model (a int)")
        engine.execute("INSERT INTO app.model VALUES (1)")
        engine.execute("DROP TABLE app.model")


def test_the_engines_role_is_no_superuser(written: TestDatabase) -> None:
    with connect(written.place, "test") as engine:
        row = engine.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles "
            "WHERE rolname = current_user"
        ).fetchone()
    assert row == (False,) * 5


def test_an_external_owner_works_as_the_engines_role(written: TestDatabase) -> None:
    place = Database(conninfo=written.owner, role="orderwright_app")
    with connect(place, "test") as engine, pytest.raises(errors.InsufficientPrivilege):
        engine.execute("DELETE FROM log.event")
