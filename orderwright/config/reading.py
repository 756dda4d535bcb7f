"""Reads tables of plain values into Structs and tells of everything that is wrong with them at once."""

import difflib
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum, EnumMeta
from typing import Any, Literal, NewType, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, UnsetType

Duration = NewType("Duration", int)
"""Microseconds; written as a number of seconds or as text like "500ms", "30s", "2m", "1h"."""

PositiveDuration = NewType("PositiveDuration", int)
"""A duration that cannot be 0."""

T = TypeVar("T", bound=Struct)

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(ms|s|m|h|d|)", re.ASCII)
_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "": 1_000_000}
_LONGEST = 366 * _UNITS["d"]
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_BOUND = re.compile(r"Expected `\w+` (>=|<=) (-?\d+)")
_EXPECTED = {
    "str": "text in quotes",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


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
            if _is_faulty(value):
                faults.extend(value)
            else:
                values[field.name] = value
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            faults.append(Fault(key=_join(key, name), error="is missing"))
    return faults or kind(**values)


def read_value(kind: Any, value: object, key: str) -> Any:  # noqa: ANN401 -- of the kind that was asked for
    """Return the value as a `kind`, or a list of what is wrong with it; no message shows the value."""
    kind = _without_unset(kind)
    if kind is Duration or kind is PositiveDuration:
        return read_duration(value, key, least=0 if kind is Duration else 1)
    if kind is Decimal:
        return _read_number(value, key)
    if get_origin(kind) is dict:
        return _read_map(get_args(kind)[1], value, key)
    if isinstance(kind, EnumMeta) or get_origin(kind) is Literal:
        return _read_choice(kind, value, key)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return read_table(kind, value, key)
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as exc:
        return [Fault(key=key, error=_in_plain_words(str(exc)))]


def read_duration(value: object, key: str, *, least: int = 0) -> Duration | list[Fault]:
    """Return microseconds from a number of seconds or from text with a unit; `least` is the shortest allowed."""
    text = _number_text(value) if not isinstance(value, str) else value.strip()
    match = _DURATION.fullmatch(text)
    micros = int(Decimal(match[1]) * _UNITS[match[2]]) if match else None
    if micros is None or micros > _LONGEST:
        error = 'must be a duration of at most 366 days: seconds, or text like "500ms", "30s", "2m", "1h"'
        return [Fault(key=key, error=error)]
    if micros < least:
        return [Fault(key=key, error="must be longer than 0")]
    return Duration(micros)


def duration_text(micros: int) -> str:
    """Return a duration in microseconds as `read_duration` reads it, in the largest unit that shows it whole."""
    for unit in ("d", "h", "m", "s", "ms"):
        if micros % _UNITS[unit] == 0 and (micros or unit == "s"):
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{format(Decimal(micros).scaleb(-6), 'f')}s"


def did_you_mean(name: str, known: Mapping[str, object]) -> str:
    """Return " Did you mean x?" if something known is spelled much like `name`, else an empty text."""
    spellings = {spelling.lower(): spelling for spelling in known}
    close = difflib.get_close_matches(name.lower(), list(spellings), n=1, cutoff=0.6)
    return f" Did you mean {spellings[close[0]]}?" if close else ""


def _read_number(value: object, key: str) -> Decimal | list[Fault]:
    text = _number_text(value) if not isinstance(value, str) else value.strip()
    if not _NUMBER.fullmatch(text):
        error = 'must be a plain number such as 12.5 or "12.5", with at most 18 digits before and after the point'
        return [Fault(key=key, error=error)]
    return Decimal(text)


def _number_text(value: object) -> str:
    match value:
        case bool():
            return ""
        case int():
            # A number that is too long for any use would be refused by str() with an error of its own.
            return str(value) if value.bit_length() <= 128 else ""  # noqa: PLR2004
        case Decimal() if value.is_finite() and abs(value.adjusted()) <= 18:  # noqa: PLR2004
            return format(value, "f")
        case float():
            return repr(value)
    return ""


def _read_map(kind: Any, value: object, key: str) -> Any:  # noqa: ANN401
    if not isinstance(value, Mapping):
        return [Fault(key=key, error="must be a table")]
    read = {name: read_value(kind, item, _join(key, name)) for name, item in value.items()}
    faults = [fault for item in read.values() if _is_faulty(item) for fault in item]
    return faults or read


def _read_choice(kind: Any, value: object, key: str) -> Any:  # noqa: ANN401
    members: tuple[Enum | str, ...] = tuple(kind) if isinstance(kind, EnumMeta) else get_args(kind)
    choices = {str(member.value if isinstance(member, Enum) else member): member for member in members}
    if isinstance(value, str) and value in choices:
        return choices[value]
    guess = did_you_mean(value, choices) if isinstance(value, str) else ""
    return [Fault(key=key, error=f"must be one of {', '.join(choices)}.{guess}")]


def _without_unset(kind: Any) -> Any:  # noqa: ANN401
    args = get_args(kind)
    others = [arg for arg in args if arg is not UnsetType]
    return others[0] if len(others) == 1 and len(args) > 1 and get_origin(kind) is not Literal else kind


def _is_faulty(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Fault)


def _unknown(name: str, fields: Mapping[str, object]) -> str:
    return f"is not known here.{did_you_mean(name, fields) or ' Known are: ' + ', '.join(fields) + '.'}"


def _join(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _in_plain_words(error: str) -> str:
    if bound := _BOUND.match(error):
        return f"must be at {'least' if bound[1] == '>=' else 'most'} {bound[2]}"
    expected = re.match(r"Expected `(\w+)", error)
    return f"must be {_EXPECTED.get(expected[1], expected[1])}" if expected else "is not understood"
