"""A real PostgreSQL for the whole run, and a fresh, migrated database of it for each test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from msgspec import Struct
from psycopg import sql
from psycopg.conninfo import make_conninfo

from orderwright.eventstore.connect import LogPlace
from orderwright.eventstore.connections import Database
from orderwright.eventstore.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from orderwright.eventstore.server_user import server_user
from orderwright.migrations.migrate import migrate

TEMPLATE = "orderwright_template"

_numbers = itertools.count(1)


class TestDatabase(Struct, frozen=True, kw_only=True):
    """A migrated database: `owner` may do anything, `app` is what the engine connects with."""

    __test__ = False

    name: str
    owner: str
    app: str

    @property
    def place(self) -> Database:
        """Return it as the event store is given it."""
        return Database(conninfo=self.app)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Yield a folder that every user may pass through, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="orderwright-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Yield a running server whose data would not survive a power cut, which makes it quick."""
    settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "100"}
    with EmbeddedPostgres(open_folder / "server", settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def made_data(open_folder: Path) -> Path:
    """Return a data directory whose server has run once and was stopped: to be copied with `cp -a`, not to be used."""
    directory = open_folder / "made"
    with EmbeddedPostgres(directory):
        return directory


@pytest.fixture(scope="session")
def template(server: EmbeddedPostgres) -> str:
    """Return the name of a migrated database that others are copied from."""
    with psycopg.connect(_maintenance(server), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate(server.conninfo(role=OWNER_ROLE, database=TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database(server: EmbeddedPostgres, template: str) -> Iterator[TestDatabase]:
    """Yield a migrated, empty database of the test's own."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(_maintenance(server), autocommit=True) as connection:
        # FILE_COPY needs a checkpoint, which is nothing without fsync, and then beats copying through the WAL.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield TestDatabase(
            name=name,
            owner=server.conninfo(role=OWNER_ROLE, database=name),
            app=server.conninfo(role=APP_ROLE, database=name),
        )
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def debian(open_folder: Path) -> Iterator[str]:
    """How to connect to a server of Debian's own package, as its superuser."""
    programs = Path("/usr/lib/postgresql/15/bin")
    if not programs.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    home = open_folder / "debian"
    home.mkdir()
    user = server_user(home)
    user.own(home)
    options = f"-c listen_addresses= -c fsync=off -c unix_socket_directories={home}"
    commands: list[list[str | Path]] = [
        ["initdb", "-D", home / "data", "-U", "admin", "-A", "trust", "-N", "-E", "UTF8"],
        ["pg_ctl", "-D", home / "data", "-o", options, "-l", home / "log", "-w", "start"],
    ]
    for command in commands:
        done = user.run([programs / command[0], *command[1:]])
        assert done.returncode == 0, done
    yield f"host={home} user=admin dbname=postgres"
    user.run([programs / "pg_ctl", "-D", home / "data", "-m", "immediate", "-w", "stop"])


@pytest.fixture(params=["18", "15"])
def external(request: pytest.FixtureRequest, server: EmbeddedPostgres) -> Iterator[LogPlace]:
    """A database that was not made by us, reached as its owner."""
    maintenance = _maintenance(server)
    if request.param == "15":
        maintenance = request.getfixturevalue("debian")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute("CREATE DATABASE elsewhere")
        yield LogPlace(directory=Path("/nowhere"), url=make_conninfo(maintenance, dbname="elsewhere"))
        connection.execute("DROP DATABASE elsewhere WITH (FORCE)")


def _maintenance(server: EmbeddedPostgres) -> str:
    return server.conninfo(role=OWNER_ROLE, database="postgres")
