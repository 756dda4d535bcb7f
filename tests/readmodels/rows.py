"""All rows of a log's read models, as they can be compared."""

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

TABLES = ("orders", "positions", "trades", "signals", "signal_accounts")

Rows = dict[str, list[dict[str, object]]]


def rows_of(conninfo: str, log_id: int) -> Rows:
    """Return the rows by table, in the order of their keys, without the number of the log."""
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        return {table: _rows(connection, table, log_id) for table in TABLES}


def _rows(connection: psycopg.Connection[dict[str, object]], table: str, log_id: int) -> list[dict[str, object]]:
    query = sql.SQL("SELECT * FROM app.{} WHERE log_id = %s").format(sql.Identifier(table))
    rows = [
        {name: value for name, value in row.items() if name != "log_id"} for row in connection.execute(query, [log_id])
    ]
    return sorted(rows, key=repr)
