"""Migrations are applied once, in order, by one at a time, and are history."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from orderwright.eventstore.embedded import OWNER_ROLE, EmbeddedPostgres
from orderwright.migrations.migrate import (
    DatabaseNewer,
    DatabaseOlder,
    Migration,
    MigrationChanged,
    RoleMissing,
    WrongEncoding,
    check,
    migrate,
    shipped_migrations,
)
from tests.fixtures_database import TestDatabase

FIRST = Migration(number=1, name="0001_first.sql", text="CREATE TABLE log.one (a int); CREATE TABLE log.two (a int);")
SECOND = Migration(number=2, name="0002_second.sql", text="INSERT INTO log.one VALUES (1)")
BROKEN = Migration(number=2, name="0002_broken.sql", text="INSERT INTO log.one VALUES (1); SELECT 1 / 0")


@pytest.fixture
def empty(server: EmbeddedPostgres) -> Iterator[str]:
    maintenance = server.conninfo(role=OWNER_ROLE, database="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty")
        yield server.conninfo(role=OWNER_ROLE, database="empty")
        connection.execute("DROP DATABASE empty WITH (FORCE)")


@contextmanager
def as_plain_owner(server: EmbeddedPostgres) -> Iterator[str]:
    """Yield how a role without any rights but to its own database connects."""
    maintenance = server.conninfo(role=OWNER_ROLE, database="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_owner")
        connection.execute("CREATE DATABASE plain OWNER plain_owner")
        try:
            yield make_conninfo(server.conninfo(role=OWNER_ROLE, database="plain"), options="-c role=plain_owner")
        finally:
            connection.execute("DROP DATABASE plain WITH (FORCE)")
            connection.execute("DROP ROLE plain_owner")


def dumped(conninfo: str, server: EmbeddedPostgres) -> str:
    """Return the schema without what differs from dump to dump."""
    done = subprocess.run(
        [server.binaries / "pg_dump", "--schema-only", f"--dbname={conninfo}"],
        check=True,
        capture_output=True,
        text=True,
    )
    changing = ("\\restrict", "\\unrestrict", "-- Dumped ")
    lines = [line for line in done.stdout.splitlines() if not line.startswith(changing)]
    return "\n".join(lines).strip() + "\n"


def count_of(conninfo: str) -> object:
    with psycopg.connect(conninfo) as connection:
        return connection.execute("SELECT count(*) FROM log.one").fetchone()


def test_the_shipped_migrations_make_a_database_that_passes_the_check(empty: str) -> None:
    names = [migration.name for migration in shipped_migrations()]

    assert migrate(empty) == names
    assert migrate(empty) == []
    with psycopg.connect(empty, autocommit=True) as connection:
        check(connection)


def test_the_shipped_migrations_are_numbered_without_a_gap() -> None:
    numbers = [migration.number for migration in shipped_migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_each_file_is_applied_once(empty: str) -> None:
    assert migrate(empty, [FIRST]) == ["0001_first.sql"]
    assert migrate(empty, [FIRST, SECOND]) == ["0002_second.sql"]
    assert migrate(empty, [FIRST, SECOND]) == []
    assert count_of(empty) == (1,)


def test_a_failing_file_leaves_nothing_behind(empty: str) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, [FIRST, BROKEN])

    assert count_of(empty) == (0,)
    assert migrate(empty, [FIRST, SECOND]) == ["0002_second.sql"]


def test_a_file_changed_after_it_was_applied_is_refused(empty: str) -> None:
    migrate(empty, [FIRST])

    with pytest.raises(MigrationChanged, match="0001_first"):
        migrate(empty, [Migration(number=1, name=FIRST.name, text=FIRST.text + " ")])


def test_a_database_newer_than_the_code_is_refused(empty: str) -> None:
    migrate(empty, [FIRST, SECOND])

    with pytest.raises(DatabaseNewer, match="0002_second"):
        migrate(empty, [FIRST])


def test_two_engines_that_start_at_once_apply_each_file_once(empty: str) -> None:
    applied: list[str] = []
    engines = [threading.Thread(target=lambda: applied.extend(migrate(empty, [FIRST, SECOND]))) for _ in range(4)]
    for engine in engines:
        engine.start()
    for engine in engines:
        engine.join()

    assert sorted(applied) == ["0001_first.sql", "0002_second.sql"]
    assert count_of(empty) == (1,)


def test_the_check_says_whether_a_database_is_empty_or_behind(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        with pytest.raises(DatabaseOlder) as found:
            check(connection)
        assert found.value.is_empty
        migrate(empty, [])
        with pytest.raises(DatabaseOlder) as found:
            check(connection)
        assert not found.value.is_empty


def test_a_database_that_is_not_in_utf_8_is_refused_with_the_cure(server: EmbeddedPostgres) -> None:
    maintenance = server.conninfo(role=OWNER_ROLE, database="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        )
        with pytest.raises(WrongEncoding, match=r"SQL_ASCII.*UTF8"):
            migrate(server.conninfo(role=OWNER_ROLE, database="latin"))
        connection.execute("DROP DATABASE latin")


def test_an_owner_without_superuser_rights_can_migrate_if_it_may_take_the_role(server: EmbeddedPostgres) -> None:
    with as_plain_owner(server) as plain:
        with psycopg.connect(server.conninfo(role=OWNER_ROLE, database="postgres")) as admin:
            admin.execute("GRANT orderwright_app TO plain_owner")
        migrate(plain)
        with psycopg.connect(plain) as connection:
            connection.execute("SET ROLE orderwright_app")
            assert connection.execute("SELECT count(*) FROM log.event").fetchone() == (0,)


def test_an_owner_that_may_not_take_the_engines_role_is_told_what_to_run(server: EmbeddedPostgres) -> None:
    with as_plain_owner(server) as plain, pytest.raises(RoleMissing, match="GRANT orderwright_app TO"):
        migrate(plain)


def test_the_schema_on_file_is_what_the_migrations_make(database: TestDatabase, server: EmbeddedPostgres) -> None:
    on_file = resources.files("orderwright.migrations") / "schema.sql"
    found = dumped(database.owner, server)
    if "REWRITE_SCHEMA" in os.environ:
        Path(str(on_file)).write_text(found, encoding="utf-8")

    assert found == on_file.read_text(encoding="utf-8"), "REWRITE_SCHEMA=1 writes it anew"


def test_every_migration_has_a_number_of_its_own() -> None:
    numbers = [migration.number for migration in shipped_migrations()]

    assert numbers == list(range(1, len(numbers) + 1)), "give the later one the next free number"
