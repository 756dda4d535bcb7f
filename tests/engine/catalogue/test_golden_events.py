"""Every event type that was ever written can be read for ever: the files are never edited, only added to.

A field that came later, with a default, is shown by a file of its own: kind.vN-field.json.
"""

from decimal import Decimal
from pathlib import Path
from typing import get_args
from uuid import UUID

import msgspec
import pytest

from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue.events import Event
from orderwright.engine.instruments import MarketType
from orderwright.eventstore.codec import EventCodec, encode
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros

GOLDEN = Path(__file__).parents[2] / "golden" / "catalogue"
CODEC: EventCodec[Event] = EventCodec(Event)
FILES = sorted(GOLDEN.glob("*.json"))


def stored(file: Path) -> StoredEvent:
    kind, version = file.stem.split(".v")
    return StoredEvent(
        position=1,
        stream="catalogue",
        version=1,
        event_id=UUID(int=1),
        type=kind,
        schema_version=int(version.partition("-")[0]),
        recorded_at=Micros(0),
        causation=UUID(int=2),
        correlation=UUID(int=3),
        payload=file.read_text("utf-8").strip(),
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_golden_event_is_read_and_written_as_it_was(file: Path) -> None:
    event = CODEC.decode(stored(file))
    kind, payload = encode(event)
    assert kind == stored(file).type
    if stored(file).schema_version == CODEC.schema_version(kind):
        assert payload == stored(file).payload


def test_every_event_type_has_a_golden_file_of_its_current_version() -> None:
    kinds = [str(kind.__struct_config__.tag) for kind in get_args(Event)]
    assert {f"{kind}.v{CODEC.schema_version(kind)}.json" for kind in kinds} <= {file.name for file in FILES}
    assert {stored(file).type for file in FILES} == set(kinds)


@pytest.mark.parametrize("kind", sorted({stored(file).type for file in FILES}))
def test_the_golden_files_of_an_event_show_every_field(kind: str) -> None:
    shown: set[str] = set()
    fields: set[str] = set()
    for file in FILES:
        if stored(file).type == kind and stored(file).schema_version == CODEC.schema_version(kind):
            raw = msgspec.json.decode(stored(file).payload)
            event = CODEC.decode(stored(file))
            shown |= set(raw | next((value for value in raw.values() if isinstance(value, dict)), {}))
            inner = next((getattr(event, name) for name in raw if isinstance(raw[name], dict)), event)
            fields |= set(event.__struct_fields__) | set(inner.__struct_fields__)
    assert fields <= shown


def test_what_the_log_leaves_out_means_the_same_for_ever() -> None:
    assert e.User(name="a") == e.User(name="a", role=e.Role.USER, email=None, suspended=False)
    spelled_out = e.Strategy(
        group_name="a",
        owner="b",
        market_type=MarketType.SPOT,
        public=False,
        active=True,
        dedupe_window=30_000_000,
        max_lag=60_000_000,
        max_exit_lag=3_600_000_000,
        close_side=e.CloseSide.STRICT,
        subscriber_scope=e.SubscriberScope.OWN,
    )
    assert e.Strategy(group_name="a", owner="b", market_type=MarketType.SPOT) == spelled_out
    link = e.Link(strategy="a", account="b", number=1, capital={}, leverage=Decimal(1), weight=Decimal(1))
    assert e.Link(strategy="a", account="b", number=1) == link
    assert link.max_positions is None
