"""The connections that read models are written and asked through: short transactions, and one error when they fail."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from orderwright.eventstore.connections import Connection, Database, first_line, prepare_connection
from orderwright.eventstore.store import StoreUnavailable

_CONNECTIONS = 4
_PATIENCE = 10.0


class Transactions(Protocol):
    """Where read models and their cursors are kept."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Lend a connection in a transaction, which is committed at the end and rolled back by an exception.

        Raises:
            StoreUnavailable: the database cannot be asked, or went away: then nothing was written, or everything was.
        """
        ...


class ReadModelDatabase:
    """A few connections, made when they are needed; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            database.conninfo,
            kwargs=database.parameters("read models"),
            configure=lambda connection: _prepare(connection, database),
            min_size=0,
            max_size=_CONNECTIONS,
            timeout=_PATIENCE,
            max_idle=60.0,
            open=True,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection in a transaction; see `Transactions`."""
        try:
            with self._pool.connection() as connection, connection.transaction():
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            message = f"the read models cannot be asked: {first_line(error)}"
            raise StoreUnavailable(message) from error


def _prepare(connection: Connection, database: Database) -> None:
    prepare_connection(connection, database)
    # Rows and cursor that a power cut takes back together are made again from the log, which needs the disk for itself.
    connection.execute("SET synchronous_commit = off")
