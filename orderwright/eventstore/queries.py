"""Short queries from any thread, on a few connections that are made when they are needed."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from orderwright.eventstore.connections import Connection, Database, first_line, prepare_connection
from orderwright.eventstore.store import LogDamaged, StoreUnavailable

_PATIENCE = 10.0
_TRIES = 3


class Queries:
    """Asks the log's database as `purpose`, over at most `connections` at a time."""

    def __init__(self, database: Database, purpose: str, *, connections: int) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            database.conninfo,
            kwargs=database.parameters(purpose),
            configure=lambda connection: prepare_connection(connection, database),
            min_size=0,
            max_size=connections,
            timeout=_PATIENCE,
            max_idle=60.0,
            open=True,
        )

    def ask(self, query: str, arguments: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return the rows of a query that may be asked twice; arguments and answers are binary.

        Raises:
            StoreUnavailable: the database cannot be asked.
            LogDamaged: it cannot read what it has.
            psycopg.Error: it refuses.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                with self._pool.connection() as connection:
                    return connection.execute(query, arguments, binary=True).fetchall()
            except (psycopg.InternalError, UnicodeDecodeError) as error:
                said = first_line(error) if isinstance(error, psycopg.Error) else "a text is no UTF-8"
                message = f"a part of the log cannot be read: {said}"
                raise LogDamaged(message) from error
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                # Connections that broke while they were idle show only now; without them, a fresh one may do.
                if attempt == _TRIES or isinstance(error, PoolTimeout):
                    message = f"the log cannot be read: {first_line(error)}"
                    raise StoreUnavailable(message) from error
                self._pool.check()
        return []

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
