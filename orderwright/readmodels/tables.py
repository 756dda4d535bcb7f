"""Tables of read models: rows are Structs whose fields are the columns, found by key and written a page at a time."""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, LiteralString, TypeVar

import msgspec
from msgspec import Struct
from psycopg import sql

from orderwright.eventstore.connections import Connection

RowT = TypeVar("RowT", bound=Struct)

Key = tuple[Any, ...]

_SCHEMA = "app"
_LOG_ID = "log_id"


class Table(Generic[RowT]):
    """One table of the schema `app`, whose primary key is `log_id` and the columns of `key`, each with its SQL type."""

    def __init__(self, name: str, row: type[RowT], *, key: Sequence[tuple[str, LiteralString]]) -> None:
        self.name = sql.Identifier(_SCHEMA, name)
        self.key = tuple(column for column, _ in key)
        self._row = row
        self._columns = row.__struct_fields__
        # As bytes: composing a statement anew each time would cost as much as all the rest.
        self._upsert = self._upserting().as_bytes(None)
        self._find = self._finding(key).as_bytes(None)
        self._delete = sql.SQL("DELETE FROM {} WHERE log_id = %s::integer").format(self.name).as_bytes(None)

    @property
    def selected(self) -> sql.Composed:
        """The columns as they are selected from the table under the name `t`."""
        return sql.SQL(", ").join(sql.Identifier("t", column) for column in self._columns)

    def rows(self, fetched: Iterable[Sequence[object]]) -> list[RowT]:
        """Return what was selected, as rows."""
        return [self._row(**dict(zip(self._columns, values, strict=True))) for values in fetched]

    def key_of(self, row: RowT) -> Key:
        """Return what tells the row from others of its log."""
        return tuple(getattr(row, column) for column in self.key)

    def find(self, connection: Connection, log_id: int, keys: Iterable[Key]) -> dict[Key, RowT]:
        """Return the rows with those keys, as far as there are any."""
        columns = [list(column) for column in zip(*keys, strict=True)]
        if not columns:
            return {}
        fetched = connection.execute(self._find, [*columns, log_id]).fetchall()
        return {self.key_of(row): row for row in self.rows(fetched)}

    def write(self, connection: Connection, rows: Iterable[RowT]) -> None:
        """Insert the rows, or put them in the place of those with the same key."""
        written = list(rows)
        if written:
            connection.execute(self._upsert, [msgspec.json.encode(written).decode()])

    def clear(self, connection: Connection, log_id: int) -> None:
        """Delete the rows of one log."""
        connection.execute(self._delete, [log_id])

    def _finding(self, key: Sequence[tuple[str, LiteralString]]) -> sql.Composed:
        return sql.SQL(
            "SELECT {selected} FROM {table} AS t JOIN unnest({values}) AS k ({key}) USING ({key}) "
            "WHERE t.log_id = %s::integer"
        ).format(
            selected=self.selected,
            table=self.name,
            values=sql.SQL(", ").join(sql.SQL("%s::") + sql.SQL(kind) + sql.SQL("[]") for _, kind in key),
            key=_names(self.key),
        )

    def _upserting(self) -> sql.Composed:
        others = [column for column in self._columns if column not in (_LOG_ID, *self.key)]
        return sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json) "
            "ON CONFLICT (log_id, {key}) DO UPDATE SET {changes}"
        ).format(
            table=self.name,
            columns=_names(self._columns),
            key=_names(self.key),
            changes=sql.SQL(", ").join(
                sql.SQL("{column} = excluded.{column}").format(column=sql.Identifier(column)) for column in others
            ),
        )


def _names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
