"""How payloads of old schema versions become those of today: event type, version, function on the raw object.

A function turns the payload of its version into that of the next one and may change the dict that it is given.
An event type without any is at schema version 1; each function added moves it on by one. None is ever removed.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
Upcasters = Mapping[str, Mapping[int, Upcaster]]

UPCASTERS: Upcasters = {}


def current_version(kind: str, upcasters: Upcasters = UPCASTERS) -> int:
    """Return the schema version that events of type `kind` are written with."""
    return 1 + len(upcasters.get(kind, ()))


def upcast(raw: dict[str, Any], *, kind: str, schema_version: int, upcasters: Upcasters = UPCASTERS) -> dict[str, Any]:
    """Bring the payload of `schema_version` forward to today's.

    Raises:
        KeyError: a step is missing.
    """
    for version in range(schema_version, current_version(kind, upcasters)):
        raw = upcasters[kind][version](raw)
    return raw
