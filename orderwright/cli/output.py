"""How commands speak: tables and sentences on a terminal, JSON for programs, errors on stderr."""

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from orderwright.engine.money import plain

_WIDTH_OF_A_FILE = 200

console = Console(highlight=False)
if not console.is_terminal:
    # A pipe or a file has no edge at which a table would have to fold.
    console.width = _WIDTH_OF_A_FILE
errors = Console(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """Write one JSON document and a newline to stdout; decimals as plain strings."""
    sys.stdout.write(msgspec.json.encode(as_builtins(value)).decode() + "\n")


def as_builtins(value: object) -> Any:  # noqa: ANN401 -- JSON is made of whatever was put in
    """Return the value as JSON-ready builtins, decimals as strings without exponent."""
    return _plain_decimals(msgspec.to_builtins(value, builtin_types=(Decimal,)))


def _plain_decimals(value: Any) -> Any:  # noqa: ANN401
    match value:
        case Decimal():
            return plain(value)
        case dict():
            return {key: _plain_decimals(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain_decimals(item) for item in value]
    return value


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table with a title; every cell is text."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def say(text: str) -> None:
    """Write a sentence to stdout."""
    console.print(text, soft_wrap=True, markup=False)


def complain(text: str) -> None:
    """Write a sentence to stderr."""
    errors.print(text, soft_wrap=True, markup=False)
