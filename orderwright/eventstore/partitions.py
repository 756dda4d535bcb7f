"""The log's partitions, which must be there before positions reach them."""

import psycopg

from orderwright.eventstore.connections import Database, connect, first_line
from orderwright.eventstore.store import StoreUnavailable

AHEAD = 2
"""Partitions made ahead of the one that is written to: more than thirty million events."""


def ensure_partitions(database: Database, *, ahead: int = AHEAD) -> int:
    """Make what is missing of the current partition and the `ahead` (1 to 100) after it; return how many were made.

    Raises:
        StoreUnavailable: the database cannot be asked, or a lock that is needed is held by somebody.
    """
    with connect(database, "partitions") as connection:
        try:
            row = connection.execute("SELECT log.ensure_partitions(%s::integer)", [ahead]).fetchone()
        except psycopg.Error as error:
            message = f"the log's next partitions cannot be made: {first_line(error)}"
            raise StoreUnavailable(message) from error
    return int(str(row[0])) if row else 0
