"""Events to JSON text and back: decimals without exponent, clean text, old versions brought forward.

Decoded text may differ from what was encoded in one way only: NUL and lone surrogates, which PostgreSQL and JSON
cannot carry, have become U+FFFD. Whoever needs the same text before and after cleans it with `clean` first.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from orderwright.engine.money import plain
from orderwright.eventstore.store import EventStoreError, NewEvent, StoredText
from orderwright.eventstore.upcasters import UPCASTERS, Upcasters, current_version, upcast

EventT = TypeVar("EventT", bound=Struct)

_EXPONENT = re.compile(rb'"-?\d+(?:\.\d+)?E[+-]?\d+"')
_UNCLEAN = re.compile("[\x00\ud800-\udfff]")
_ENCODER = msgspec.json.Encoder()


class UndecodableEvent(EventStoreError):
    """An event in the log is none that this code knows; the message says which and why."""


def clean(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced by U+FFFD."""
    return _UNCLEAN.sub("\ufffd", text)


def tag_of(event: Struct) -> str:
    """Return the type under which an event stands in the log."""
    return str(event.__struct_config__.tag)


def encode(event: Struct) -> tuple[str, str]:
    """Return the event's type and its JSON text, which is exactly what is stored and hashed."""
    return tag_of(event), to_json(event).decode()


def to_json(value: object) -> bytes:
    """Return a struct as JSON in UTF-8: decimals without exponent, and clean text."""
    try:
        encoded = _ENCODER.encode(value)
    except UnicodeEncodeError:
        return _encode_carefully(value)
    # Looking for one byte is quickest, and mostly enough. What these look for is rare; text that only looks like it is
    # encoded the careful way for nothing.
    if (b"\\" in encoded and b"\\u0000" in encoded) or (b"E" in encoded and _EXPONENT.search(encoded)):
        return _encode_carefully(value)
    return encoded


class EventCodec(Generic[EventT]):
    """Encodes and decodes the events of one tagged union."""

    def __init__(self, union: Any, *, upcasters: Upcasters = UPCASTERS) -> None:  # noqa: ANN401
        self._union = union
        self._upcasters = upcasters
        self._decode = msgspec.json.Decoder(union).decode
        self._versions: dict[str, int] = {}

    def schema_version(self, kind: str) -> int:
        """Return the schema version that events of that type are written with."""
        version = self._versions.get(kind)
        if version is None:
            version = self._versions[kind] = current_version(kind, self._upcasters)
        return version

    def new_event(self, event: EventT, *, event_id: UUID, causation: UUID, correlation: UUID) -> NewEvent:
        """Return the event as it is appended."""
        kind, payload = encode(event)
        return NewEvent(
            event_id=event_id,
            type=kind,
            schema_version=self.schema_version(kind),
            payload=payload,
            causation=causation,
            correlation=correlation,
        )

    def decode(self, stored: StoredText) -> EventT:
        """Return the event.

        Raises:
            UndecodableEvent: it is not one of the union.
        """
        try:
            if stored.schema_version == (self._versions.get(stored.type) or self.schema_version(stored.type)):
                event: EventT = self._decode(stored.payload)
                return event
            return self._decode_old(stored)
        except (msgspec.MsgspecError, KeyError) as error:
            message = (
                f"event {stored.position} ({stored.type}, schema version {stored.schema_version}) of stream "
                f"{stored.stream} cannot be decoded: {error}"
            )
            raise UndecodableEvent(message) from error

    def decode_all(self, stored: Iterable[StoredText]) -> Iterator[EventT]:
        """Yield the events."""
        return map(self.decode, stored)

    def _decode_old(self, stored: StoredText) -> EventT:
        if stored.schema_version > self.schema_version(stored.type):
            message = "it was written by a newer version"
            raise msgspec.DecodeError(message)
        raw = upcast(
            msgspec.json.decode(stored.payload),
            kind=stored.type,
            schema_version=stored.schema_version,
            upcasters=self._upcasters,
        )
        event: EventT = msgspec.convert(raw, self._union)
        return event


def _encode_carefully(value: object) -> bytes:
    return _ENCODER.encode(_plain_value(msgspec.to_builtins(value, builtin_types=(Decimal,))))


def _plain_value(value: Any) -> Any:  # noqa: ANN401
    match value:
        case Decimal():
            return plain(value)
        case str():
            return clean(value)
        case dict():
            return {_plain_value(key): _plain_value(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain_value(item) for item in value]
        case _:
            return value
