"""Reads one field of a webhook at a time: numbers, texts, moments and the words that have a meaning."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from orderwright.engine.instruments import MarketType
from orderwright.engine.money import ZERO, parse_number
from orderwright.engine.signals import OrderType, Side
from orderwright.http.json_text import JsonNumber
from orderwright.http.problems import refusal
from orderwright.moments import SECOND, Micros, from_datetime

Members = Mapping[str, object]

MAX_PRIORITY = 1_000_000
LIMITS: Mapping[str, int] = {
    "group_name": 100,
    "token": 200,
    "symbol": 64,
    "order_id": 128,
    "ref": 128,
    "id": 128,
    "why": 300,
    "scope": 20,
    "name": 100,
    "kind": 40,
    "what": 200,
    "decision": 20,
    "exchange_order_id": 128,
}
"""Field -> the most characters it may have."""

_NUMBERS_AS_TEXT = frozenset({"group_name", "order_id", "exchange_order_id", "ref", "id"})
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNIX = re.compile(r"[0-9]{1,16}(\.[0-9]{1,9})?", re.ASCII)
_LONGEST_MOMENT = 40
_FIRST_MILLISECONDS = Decimal(100_000_000_000)
_LAST_MILLISECONDS = Decimal(100_000_000_000_000)
_WHOLE = re.compile(r"-?[0-9]{1,7}", re.ASCII)

_ORDER_TYPES = {kind.value.lower(): kind for kind in OrderType} | {"stop": OrderType.STOP_MARKET}
_SIDES = {"buy": Side.BUY, "long": Side.BUY, "sell": Side.SELL, "short": Side.SELL}
_MARKET_TYPES = {kind.value.lower(): kind for kind in MarketType}


def read_number(members: Members, name: str, path: str) -> Decimal | None:
    """Return the number in a field that holds it as JSON number or as text; None if the field is absent or null.

    Raises:
        RequestRefused: `invalid_field`; `path` + `name` is the field it names.
    """
    value = members.get(name)
    if value is None:
        return None
    number = parse_number(value) if isinstance(value, str) else None
    if number is None:
        raise refusal("invalid_field", reason="not_a_number", field=path + name)
    return number


def read_positive(members: Members, name: str, path: str) -> Decimal | None:
    """Return the number in a field, which must be above zero; None and errors as in `read_number`."""
    number = read_number(members, name, path)
    if number is not None and number <= ZERO:
        raise refusal("invalid_field", reason="not_positive", field=path + name)
    return number


def read_text(members: Members, name: str, path: str) -> str | None:
    """Return the trimmed text in a field; None if the field is absent or null.

    Raises:
        RequestRefused: `invalid_field`; the text is blank, too long, holds control characters, or is no text.
    """
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or (isinstance(value, JsonNumber) and name not in _NUMBERS_AS_TEXT):
        raise refusal("invalid_field", reason="not_text", field=path + name)
    text = str(value).strip()
    if not text:
        raise refusal("invalid_field", reason="blank", field=path + name)
    if len(text) > LIMITS[name]:
        raise refusal("invalid_field", reason="too_long", field=path + name, limit=str(LIMITS[name]))
    if not text.isprintable() and _CONTROL.search(text):
        raise refusal("invalid_field", reason="control_characters", field=path + name)
    return text


def read_flag(members: Members, name: str) -> bool:
    """Return whether a field is true; one that is left out is not.

    Raises:
        RequestRefused: it is neither true nor false.
    """
    value = members.get(name)
    if value is not None and not isinstance(value, bool):
        raise refusal("invalid_field", reason="not_a_flag", field=name)
    return bool(value)


def read_order_type(members: Members, path: str) -> OrderType:
    """Return the order type, whatever its case.

    Raises:
        RequestRefused: `missing_field` or `unknown_order_type`.
    """
    value = members.get("order_type")
    if value is None:
        raise refusal("missing_field", field=f"{path}order_type")
    kind = _ORDER_TYPES.get(value.strip().lower()) if isinstance(value, str) else None
    if kind is None:
        raise refusal("unknown_order_type", field=f"{path}order_type")
    return kind


def read_side(members: Members, path: str) -> Side | None:
    """Return the side, `long` and `short` included; None if the field is absent or null.

    Raises:
        RequestRefused: `invalid_field`.
    """
    value = members.get("side")
    if value is None:
        return None
    side = _SIDES.get(value.strip().lower()) if isinstance(value, str) else None
    if side is None:
        raise refusal("invalid_field", reason="not_a_side", field=f"{path}side")
    return side


def read_market_type(members: Members, path: str) -> MarketType | None:
    """Return the market type; None if the field is absent or null.

    Raises:
        RequestRefused: `invalid_field`.
    """
    value = members.get("market_type")
    if value is None:
        return None
    kind = _MARKET_TYPES.get(value.strip().lower()) if isinstance(value, str) else None
    if kind is None:
        raise refusal("invalid_field", reason="not_a_market_type", field=f"{path}market_type")
    return kind


def read_priority(members: Members, path: str) -> int | None:
    """Return the priority, a whole number; None if the field is absent or null.

    Raises:
        RequestRefused: `invalid_field`.
    """
    value = members.get("priority")
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value) and abs(int(value)) <= MAX_PRIORITY:
        return int(value)
    raise refusal("invalid_field", reason="not_a_priority", field=f"{path}priority", limit=str(MAX_PRIORITY))


def read_moment(members: Members, name: str, path: str) -> Micros | None:
    """Return a moment sent as ISO 8601 with a zone, or as unix seconds or milliseconds; None if absent or null.

    Raises:
        RequestRefused: `invalid_field`.
    """
    value = members.get(name)
    if value is None:
        return None
    moment = _moment(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST_MOMENT else None
    if moment is None:
        raise refusal("invalid_field", reason="not_a_moment", field=path + name)
    return moment


def _moment(text: str) -> Micros | None:
    if _UNIX.fullmatch(text):
        return _unix_moment(Decimal(text))
    try:
        return from_datetime(datetime.fromisoformat(text.upper()))
    except (ValueError, OverflowError):
        return None


def _unix_moment(number: Decimal) -> Micros | None:
    if number >= _LAST_MILLISECONDS:
        return None
    unit = SECOND // 1_000 if number >= _FIRST_MILLISECONDS else SECOND
    return Micros(int(number * unit))
