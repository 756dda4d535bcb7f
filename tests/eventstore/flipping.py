"""Flips one bit of a log, in a column as an administrator can or in a byte on disk, and puts it right again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg import errors, sql

# All that the hashes and `verify` speak for: every column but the mark of unfinished business and a commit's moment.
COLUMNS = {
    "event": (
        "log_id",
        "position",
        "stream_id",
        "version",
        "event_id",
        "type",
        "schema_version",
        "recorded_at",
        "causation",
        "correlation",
        "payload",
    ),
    "log_batch": ("log_id", "batch_no", "first_position", "event_count", "epoch", "root", "chain"),
    "stream": ("log_id", "stream_id", "name", "version"),
}
KEYS = {"event": "position", "log_batch": "batch_no", "stream": "stream_id"}

_ATTEMPTS = 200
_INT_BITS = 31
# Lower ones lead to rows that exist.
_LEAST_BIT = 21


class Row(Struct, frozen=True, kw_only=True):
    """A row by its table and key."""

    table: str
    key: int


def flipped(value: Any, random: Random) -> Any:
    """Return a value of the same kind that differs in one bit."""
    match value:
        case int():
            return value ^ 1 << random.randrange(_LEAST_BIT, _INT_BITS - 1)
        case UUID():
            return UUID(int=value.int ^ 1 << random.randrange(128))
        case bytes():
            at = random.randrange(len(value))
            return value[:at] + bytes([value[at] ^ 1 << random.randrange(8)]) + value[at + 1 :]
        case str():
            at = random.randrange(len(value))
            return value[:at] + chr(ord(value[at]) ^ 1 << random.randrange(4)) + value[at + 1 :]
    message = f"a {type(value).__name__} is in no column"
    raise TypeError(message)


@contextmanager
def flipped_column(owner: psycopg.Connection, row: Row, column: str, random: Random) -> Iterator[None]:
    """Flip one bit of a column's value; triggers must be off."""
    names = {"table": sql.Identifier("log", row.table), "key": sql.Identifier(KEYS[row.table])}
    names["column"] = sql.Identifier(column)
    read = sql.SQL("SELECT {column}, tableoid, ctid FROM {table} WHERE log_id = 1 AND {key} = %s").format(**names)
    write = sql.SQL("UPDATE {table} SET {column} = %s WHERE tableoid = %s AND ctid = %s RETURNING tableoid, ctid")
    found = owner.execute(read, [row.key]).fetchone()
    assert found is not None
    value, *place = found
    for _ in range(_ATTEMPTS):
        try:
            with owner.transaction():
                changed = owner.execute(write.format(**names), [flipped(value, random), *place]).fetchone()
        except errors.DatabaseError:
            # No JSON any more, out of every partition's range, or somebody else's key.
            continue
        assert changed is not None
        break
    else:
        message = f"{column} of {row} takes no other value"
        raise AssertionError(message)
    try:
        yield
    finally:
        owner.execute(write.format(**names), [value, *changed])


@contextmanager
def flipped_byte(file: Path, at: int, random: Random) -> Iterator[None]:
    """Flip one bit of a file at an offset."""
    with file.open("r+b") as opened:
        opened.seek(at)
        (byte,) = opened.read(1)
    _write(file, at, byte ^ 1 << random.randrange(8))
    try:
        yield
    finally:
        _write(file, at, byte)


def _write(file: Path, at: int, byte: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(bytes([byte]))
