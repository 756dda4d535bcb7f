"""Nobody changes or removes what is in the log: not the engine's role, not by accident its owner."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql

from orderwright.eventstore.connections import Database, connect
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


@pytest.fixture
def written(database: TestDatabase) -> Iterator[TestDatabase]:
    writing = PostgresWriting(database.place)
    writing.log.append("a", "{}", "{}", expected=0)
    yield database
    writing.close()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_the_owner_cannot_change_the_log_in_whatever_replication_role(
    written: TestDatabase, change: str, role: str
) -> None:
    with psycopg.connect(written.owner, autocommit=True) as owner:
        owner.execute(sql.SQL("SET session_replication_role = {}").format(role))

        with pytest.raises(psycopg.DatabaseError) as refused:
            owner.execute(change.encode())

        assert refused.value.sqlstate == "OW004"
        assert owner.execute("SELECT count(*) FROM log.event").fetchone() == (2,)


@pytest.mark.parametrize("change", CHANGES)
def test_a_partition_made_later_is_guarded_like_the_first(written: TestDatabase, change: str) -> None:
    with psycopg.connect(written.owner, autocommit=True) as owner:
        owner.execute("SELECT log.make_partition(1)")
        owner.execute(
            "INSERT INTO log.event SELECT log_id, position + 16777216, stream_id, version + 2, event_id, type, "
            "schema_version, recorded_at, causation, correlation, payload FROM log.event"
        )
        owner.execute("SET session_replication_role = replica")

        with pytest.raises(psycopg.DatabaseError) as refused:
            owner.execute(change.replace("event_00000", "event_00001").encode())

        assert refused.value.sqlstate == "OW004"


def test_every_partition_refuses_a_stream_version_twice(written: TestDatabase) -> None:
    with psycopg.connect(written.owner) as owner, pytest.raises(errors.UniqueViolation, match="stream_version_key"):
        owner.execute(
            "INSERT INTO log.event SELECT log_id, position + 10, stream_id, version, event_id, type, "
            "schema_version, recorded_at, causation, correlation, payload FROM log.event"
        )


@pytest.mark.parametrize("change", OWNERS_ONLY)
def test_the_engines_role_may_not(written: TestDatabase, change: str) -> None:
    with connect(written.place, "test") as engine, pytest.raises(errors.InsufficientPrivilege):
        engine.execute(change.encode())


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
