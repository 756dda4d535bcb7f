"""Reads what is asked of a list from the address: filters, period, page."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from orderwright.http.problems import RequestRefused, refusal
from orderwright.http.webhook_fields import read_moment
from orderwright.readmodels.listing import Listing, Question
from orderwright.readmodels.tables import Key

MOST_ROWS: Final = 500

_LONGEST = 200
_PAGING: Final = ("since", "until", "limit", "next")
_LARGEST = 2**63
_LIMIT = re.compile(r"[0-9]{1,4}", re.ASCII)
_FILTERS: Final = ("strategy", "account", "symbol")


def read_question(name: str, listing: Listing[Any], parameters: Mapping[str, object]) -> Question:
    """Return what the parameters of an address ask of the list called `name`.

    Raises:
        RequestRefused: `invalid_field`; a parameter is unknown to this list, sent twice, or makes no sense.
    """
    known = (*listing.filters, *(("status",) if listing.statuses else ()), *_PAGING)
    for field, value in parameters.items():
        if field not in known:
            raise refusal("invalid_field", reason="unknown_parameter", field=field, known=", ".join(known))
        if not isinstance(value, str):
            raise refusal("invalid_field", reason="sent_twice", field=field)
    filters = {field: _text(parameters, field) for field in _FILTERS}
    default = Question()
    return Question(
        strategy=filters["strategy"],
        account=filters["account"],
        symbol=filters["symbol"],
        statuses=_statuses(parameters, listing.statuses),
        since=read_moment(parameters, "since", ""),
        until=read_moment(parameters, "until", ""),
        limit=_limit(parameters, default.limit),
        after=_after(name, listing, parameters),
    )


def next_token(name: str, place: Key | None) -> str | None:
    """Return what to send as `next` for the page that begins behind this place of the list."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode([name, *place])).decode().rstrip("=")


def _text(parameters: Mapping[str, object], field: str) -> str | None:
    value = parameters.get(field)
    if value is None:
        return None
    text = str(value).strip()
    if not text:
        raise refusal("invalid_field", reason="blank", field=field)
    if len(text) > _LONGEST:
        raise refusal("invalid_field", reason="too_long", field=field, limit=str(_LONGEST))
    if not text.isprintable():
        raise refusal("invalid_field", reason="control_characters", field=field)
    return text


def _statuses(parameters: Mapping[str, object], known: tuple[str, ...]) -> tuple[str, ...]:
    text = _text(parameters, "status")
    if text is None:
        return ()
    # `open` is whatever has not ended, `OPEN` an exchange's word for a part of that.
    spellings = {status.lower(): status for status in reversed(known)} | {status: status for status in known}
    words = [word.strip() for word in text.split(",")]
    asked = [spellings.get(word) or spellings.get(word.lower()) for word in words]
    statuses = tuple(dict.fromkeys(status for status in asked if status is not None))
    if None in asked:
        raise refusal("invalid_field", reason="not_a_choice", field="status", choices=", ".join(known))
    return statuses


def _limit(parameters: Mapping[str, object], default: int) -> int:
    text = parameters.get("limit")
    if text is None:
        return default
    limit = int(str(text)) if _LIMIT.fullmatch(str(text)) else 0
    if not 1 <= limit <= MOST_ROWS:
        raise refusal("invalid_field", reason="not_a_limit", field="limit", limit=str(MOST_ROWS))
    return limit


def _after(name: str, listing: Listing[Any], parameters: Mapping[str, object]) -> Key | None:
    token = parameters.get("next")
    if token is None:
        return None
    text = str(token)
    try:
        padded = text + "=" * (-len(text) % 4)
        decoded = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list[int | str])
    except (ValueError, msgspec.MsgspecError) as exc:
        raise _not_a_place() from exc
    place = decoded[1:]
    if decoded[:1] != [name] or not listing.is_place(place) or not all(map(_can_be_asked_for, place)):
        raise _not_a_place()
    return tuple(place)


def _can_be_asked_for(value: int | str) -> bool:
    return value.isprintable() if isinstance(value, str) else abs(value) < _LARGEST


def _not_a_place() -> RequestRefused:
    return refusal("invalid_field", reason="not_a_place", field="next")
