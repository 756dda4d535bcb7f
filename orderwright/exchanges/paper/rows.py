"""Records of the paper exchange as SQLite rows and back: one column per field, decimals as text without exponent."""

import types
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import astuple

from orderwright.engine.money import plain

Record = TypeVar("Record", bound=Struct)
Cell = str | int | None

_VALUE_OF = attrgetter("_value_")


def row_of(record: Struct) -> tuple[Cell, ...]:
    """Return the record's fields as SQLite values, in the order of the fields."""
    row = list(astuple(record))
    for place, write in _writers(type(record)):
        if (value := row[place]) is not None:
            row[place] = write(value)
    return tuple(row)


def without_exponent(value: Decimal) -> Decimal:
    """Return the number as it reads once it has been a row."""
    return Decimal(plain(value)) if "E" in str(value) else value


def record_of(record_type: type[Record], row: Sequence[Any]) -> Record:
    """Return the record that `row_of` turned into this row."""
    fields = zip(_readers(record_type), row, strict=True)
    return record_type(**{name: read(value) if read and value is not None else value for (name, read), value in fields})


def _text(value: Decimal) -> str:
    # Mostly right at once, and quicker.
    text = str(value)
    return plain(value) if "E" in text else text


@cache
def _writers(record_type: type[Struct]) -> tuple[tuple[int, Callable[[Any], Cell]], ...]:
    types_ = enumerate(read for _, read in _readers(record_type))
    return tuple(
        (place, _text if field is Decimal else _VALUE_OF)
        for place, field in types_
        if isinstance(field, type) and issubclass(field, (Decimal, Enum))
    )


@cache
def _readers(record_type: type[Struct]) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    hints = get_type_hints(record_type)
    return tuple((name, _reader(hints[name])) for name in record_type.__struct_fields__)


def _reader(hint: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - a type hint is whatever typing makes of it
    if get_origin(hint) in {Union, types.UnionType}:
        hint = next(part for part in get_args(hint) if part is not types.NoneType)
    return hint if isinstance(hint, type) and hint not in {str, int} else None
