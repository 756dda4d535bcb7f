"""Reads bytes as one strict JSON object, every number kept as the text it was sent as."""

import json
import re
from typing import NoReturn

from msgspec import Struct

from orderwright.http.problems import refusal

MAX_DEPTH = 16

_BLANKS = "\ufeff \t\r\n\v\f\u00a0\u200b\u3000"
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


class JsonNumber(str):
    """A JSON number as its text: no float ever holds it."""

    __slots__ = ()


class JsonBody(Struct, frozen=True, kw_only=True):
    """A trimmed body and the object in it; a key that was sent twice has its last value."""

    text: str
    members: dict[str, object]


def read_object(raw: bytes) -> JsonBody:
    """Return the JSON object in `raw`, whatever byte order mark, line ends and blanks stand around it.

    Raises:
        RequestRefused: `invalid_json`; nothing else is ever raised, whatever the bytes.
    """
    try:
        text = raw.decode().strip(_BLANKS)
    except UnicodeDecodeError as error:
        raise refusal("invalid_json", reason="not_utf8") from error
    if not text:
        raise refusal("invalid_json", reason="empty_body")
    members = _decoded(text)
    if not isinstance(members, dict):
        raise refusal("invalid_json", reason="not_an_object")
    if text.count("{") + text.count("[") > MAX_DEPTH or "\\u" in text:
        _check_shape(members)
    return JsonBody(text=text, members=members)


def _decoded(text: str) -> object:
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise refusal("invalid_json", reason="not_json", line=str(error.lineno), column=str(error.colno)) from error
    except RecursionError as error:
        raise refusal("invalid_json", reason="too_deep", limit=str(MAX_DEPTH)) from error
    return value


def _refuse_constant(_name: str) -> NoReturn:
    raise refusal("invalid_json", reason="not_finite")


_DECODER = json.JSONDecoder(parse_float=JsonNumber, parse_int=JsonNumber, parse_constant=_refuse_constant)


def _check_shape(value: object) -> None:
    waiting = [(value, 1)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, str):
            if _FORBIDDEN.search(node):
                raise refusal("invalid_json", reason="forbidden_characters")
            continue
        if not isinstance(node, dict | list):
            continue
        if depth > MAX_DEPTH:
            raise refusal("invalid_json", reason="too_deep", limit=str(MAX_DEPTH))
        parts = [*node.keys(), *node.values()] if isinstance(node, dict) else node
        waiting.extend((part, depth + 1) for part in parts)
