"""How connections to the log's database are made, and which of its errors mean what."""

import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.types.string import TextBinaryLoader, TextLoader

from orderwright.eventstore.store import StoreUnavailable

Connection = psycopg.Connection[tuple[object, ...]]

# A dead peer is noticed within about ten seconds, also in the middle of a commit.
_LIVELINESS = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Database(Struct, frozen=True, kw_only=True):
    """Where a log is: a connection string, and the role to take on there (None: the one it connects as)."""

    conninfo: str
    role: str | None = None

    def parameters(self, purpose: str) -> dict[str, object]:
        """Return what to give to psycopg besides the connection string."""
        # Text that is packed here is UTF-8, whatever the database's own encoding is.
        name = f"orderwright {purpose}"
        return {**_LIVELINESS, "application_name": name, "client_encoding": "UTF8", "autocommit": True}


def prepare_connection(connection: Connection, database: Database) -> None:
    """Make a new connection fit: the role, 8-byte integers always, JSON as the text that it is."""
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_loader("json", TextLoader)
    connection.adapters.register_loader("json", TextBinaryLoader)
    if database.role is not None:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(database.role)))


def connect(database: Database, purpose: str) -> Connection:
    """Return a new connection in autocommit mode.

    Raises:
        StoreUnavailable: the database cannot be reached or does not let us in.
    """
    try:
        connection: Connection = psycopg.connect(database.conninfo, **database.parameters(purpose))  # type: ignore[arg-type]
    except psycopg.Error as error:
        message = f"the log's database cannot be reached: {first_line(error)}"
        raise StoreUnavailable(message) from error
    try:
        prepare_connection(connection, database)
    except psycopg.Error as error:
        connection.close()
        message = f"the log's database does not let us in: {first_line(error)}"
        raise StoreUnavailable(message) from error
    return connection


def first_line(error: psycopg.Error) -> str:
    """Return the first line of what the database said, which names no data."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
