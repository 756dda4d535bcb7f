"""Reads tables of plain values into Structs and tells of everything that is wrong with them at once."""

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NewType, TypeVar, get_args

import msgspec
from msgspec import NODEFAULT, Struct

Duration = NewType("Duration", int)
"""Microseconds; written as a number of seconds or as text like "500ms", "30s", "2m", "1h"."""

T = TypeVar("T", bound=Struct)

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d)", re.ASCII)
_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_LONGEST = 366 * _UNITS["d"]


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: the key it is about, and what would be right."""

    key: str
    error: str

    def __str__(self) -> str:
        return f"{self.key}: {self.error}"


def read_table(kind: type[T], table: object, key: str) -> T | list[Fault]:
    """Return the table as a `kind`, or all that is wrong with it; `key` is the table's place, for the messages."""
    if not isinstance(table, Mapping):
        return [Fault(key=key, error="must be a table")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults = [Fault(key=_join(key, name), error=_unknown(name, fields)) for name in table if name not in fields]
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in table:
            value = read_value(field.type, table[name], _join(key, name))
            if isinstance(value, list) and value and isinstance(value[0], Fault):
                faults.extend(value)
            else:
                values[field.name] = value
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            faults.append(Fault(key=_join(key, name), error="is missing"))
    return faults or kind(**values)


def read_value(kind: Any, value: object, key: str) -> Any:  # noqa: ANN401 -- of the kind that was asked for
    """Return the value as a `kind`, or a list of what is wrong with it."""
    if kind is Duration or Duration in get_args(kind):
        return read_duration(value, key)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return read_table(kind, value, key)
    try:
        return msgspec.convert(_as_text(value), kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as exc:
        return [Fault(key=key, error=_in_plain_words(str(exc)))]


def _as_text(value: object) -> object:
    # An exact number is told as text: as a builtin it would be taken for a float.
    match value:
        case Decimal():
            return format(value, "f")
        case Mapping():
            return {key: _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
    return value


def read_duration(value: object, key: str) -> Duration | list[Fault]:
    """Return microseconds from a number of seconds or from text with a unit."""
    micros: int | None = None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and value >= 0:
        micros = int(Decimal(str(value)) * _UNITS["s"])
    elif isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        micros = int(Decimal(match[1]) * _UNITS[match[2]])
    elif isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value.strip(), re.ASCII):
        micros = int(Decimal(value.strip()) * _UNITS["s"])
    if micros is None or micros > _LONGEST:
        return [Fault(key=key, error='must be a duration: seconds, or text like "500ms", "30s", "2m", "1h"')]
    return Duration(micros)


def did_you_mean(name: str, known: Mapping[str, object]) -> str:
    """Return " Did you mean x?" if something known is spelled much like `name`, else an empty text."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def _unknown(name: str, fields: Mapping[str, object]) -> str:
    return f"is not known here.{did_you_mean(name, fields) or ' Known are: ' + ', '.join(fields) + '.'}"


def _join(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _in_plain_words(error: str) -> str:
    what, _, where = error.partition(" - at ")
    at = where.strip("`$.") if where else ""
    text = what[:1].lower() + what[1:].replace("`", "").replace("Decimal", "number")
    return f"{text} (at {at})" if at else text
