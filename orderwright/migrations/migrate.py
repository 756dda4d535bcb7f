"""Brings a database to the schema that this code knows, or says why it may not.

MigrationError
├── DatabaseNewer
├── DatabaseOlder
├── MigrationChanged
├── RoleMissing
└── WrongEncoding
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources

import psycopg
from msgspec import Struct
from psycopg import sql

from orderwright.errors import OrderwrightError

APP_ROLE = "orderwright_app"

_LOCK = 0x4F72_6465_7277
_FILE = re.compile(r"(\d{4})_\w+\.sql")

_BOOKKEEPING = """
CREATE SCHEMA IF NOT EXISTS log;
CREATE TABLE IF NOT EXISTS log.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


class MigrationError(OrderwrightError):
    """Base of the migrations' errors."""


class DatabaseNewer(MigrationError):
    """The database was migrated by a newer Orderwright."""


class DatabaseOlder(MigrationError):
    """The database has not been brought to this Orderwright's schema yet."""

    def __init__(self, message: str, *, is_empty: bool) -> None:
        super().__init__(message)
        self.is_empty = is_empty


class MigrationChanged(MigrationError):
    """A migration that was applied is not the one in this code."""


class RoleMissing(MigrationError):
    """There is no role without superuser's rights for the engine, and we may not make one."""


class WrongEncoding(MigrationError):
    """The database does not keep its text in UTF-8."""


class Migration(Struct, frozen=True, kw_only=True):
    """One numbered file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped_migrations() -> Sequence[Migration]:
    """Return this code's migrations by number."""
    found = [
        Migration(number=int(match[1]), name=path.name, text=path.read_text(encoding="utf-8"))
        for path in resources.files("orderwright.migrations").iterdir()
        if (match := _FILE.fullmatch(path.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def migrate(owner_conninfo: str, migrations: Sequence[Migration] | None = None) -> Sequence[str]:
    """Apply what has not been applied, each file in a transaction of its own; return the names of those files.

    Args:
        owner_conninfo: connects as the role that owns (or will own) the schema; it need not be a superuser.
        migrations: those to apply instead of the shipped ones.

    Raises:
        MigrationError: the database is newer than the code, a file was changed after it was applied, or the
            engine's role is missing and cannot be made.
        psycopg.Error: the database cannot be reached or refuses.
    """
    wanted = shipped_migrations() if migrations is None else migrations
    with migrations_held_off(owner_conninfo) as connection:
        connection.execute(_BOOKKEEPING)
        return [migration.name for migration in _pending(connection, wanted) if _apply(connection, migration)]


@contextmanager
def migrations_held_off(owner_conninfo: str) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    """Yield a connection during whose life nobody else migrates the database; the engine's role is there by then.

    Raises:
        MigrationError: the database's encoding is wrong, or the engine's role is missing and cannot be made.
        psycopg.Error: the database cannot be reached or refuses.
    """
    with psycopg.connect(owner_conninfo, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        _check_encoding(connection)
        _ensure_app_role(connection)
        yield connection


def check(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Make sure that the connection's database is at this code's schema, without changing it.

    Raises:
        MigrationError: it is older, newer or altered.
    """
    if connection.execute("SELECT to_regnamespace('log') IS NULL").fetchone() == (True,):
        message = "the database is empty; `orderwright setup` or `orderwright serve` makes the tables"
        raise DatabaseOlder(message, is_empty=True)
    if pending := _pending(connection, shipped_migrations()):
        message = f"the database lacks {pending[0].name}; `orderwright serve` of this version brings it up to date"
        raise DatabaseOlder(message, is_empty=False)


def _pending(connection: "psycopg.Connection[tuple[object, ...]]", wanted: Sequence[Migration]) -> Sequence[Migration]:
    known = {migration.number: migration for migration in wanted}
    rows = connection.execute("SELECT number, name, checksum FROM log.migration ORDER BY number").fetchall()
    for number, name, checksum in rows:
        mine = known.pop(int(str(number)), None)
        if mine is None:
            message = f"the database has {name}, which this Orderwright does not know: it needs a newer version"
            raise DatabaseNewer(message)
        if mine.checksum != checksum:
            message = f"{mine.name} was changed after it had been applied; a migration is history, add a new one"
            raise MigrationChanged(message)
    return list(known.values())


def _apply(connection: "psycopg.Connection[tuple[object, ...]]", migration: Migration) -> bool:
    with connection.transaction():
        connection.execute(migration.text.encode())
        connection.execute(
            "INSERT INTO log.migration (number, name, checksum) VALUES (%s, %s, %s)",
            [migration.number, migration.name, migration.checksum],
        )
    return True


def _check_encoding(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        message = f"the database keeps its text in {encoding}; make it with ENCODING 'UTF8' TEMPLATE template0"
        raise WrongEncoding(message)


def _ensure_app_role(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    role = sql.Identifier(APP_ROLE)
    try:
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchall():
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
        member = connection.execute("SELECT pg_has_role(current_user, %s, 'MEMBER')", [APP_ROLE]).fetchone()
        if member != (True,):
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    except psycopg.errors.InsufficientPrivilege as error:
        message = (
            f"the engine works as the role {APP_ROLE}, which has fewer rights than the owner of the tables, and this "
            f"role may not make it. Let an administrator run: CREATE ROLE {APP_ROLE}; "
            f"GRANT {APP_ROLE} TO {connection.info.user};"
        )
        raise RoleMissing(message) from error
    except psycopg.errors.DuplicateObject:
        # Another installation on the same server was faster.
        return
