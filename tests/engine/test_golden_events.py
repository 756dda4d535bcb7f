"""What was ever written is read for ever: golden events of strategy accounts and inboxes, added to and never edited."""

import hashlib
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import msgspec
import pytest

from orderwright.engine.inbox import Inbox, InboxEvent
from orderwright.engine.inbox import evolve as evolve_inbox
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.codec import EventCodec, encode
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros

GOLDEN = Path(__file__).parents[1] / "golden"
UNIONS: dict[str, Any] = {"strategy_account": Event, "inbox": InboxEvent}
CODECS: dict[str, EventCodec[Any]] = {folder: EventCodec(union) for folder, union in UNIONS.items()}
FILES = [file for folder in UNIONS for file in sorted((GOLDEN / folder).glob("*.json"))]

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")


def stored(file: Path) -> StoredEvent:
    kind, version = file.stem.split(".v")
    return StoredEvent(
        position=1,
        stream=file.parent.name,
        version=1,
        event_id=UUID(int=1),
        type=kind,
        schema_version=int(version),
        recorded_at=Micros(0),
        causation=UUID(int=2),
        correlation=UUID(int=3),
        payload=file.read_text("utf-8").strip(),
    )


@every_file
def test_a_golden_event_is_read_and_written_as_it_was(file: Path) -> None:
    codec, old = CODECS[file.parent.name], stored(file)
    kind, payload = encode(codec.decode(old))
    assert kind == old.type
    if old.schema_version == codec.schema_version(kind):
        assert payload == old.payload


@every_file
def test_a_golden_event_can_happen(file: Path) -> None:
    event = CODECS[file.parent.name].decode(stored(file))
    if file.parent.name == "inbox":
        assert isinstance(evolve_inbox(Inbox(), event), Inbox)
    else:
        assert isinstance(evolve(State(), event), State)


@every_file
def test_a_golden_event_shows_every_field(file: Path) -> None:
    old = stored(file)
    if old.schema_version == CODECS[file.parent.name].schema_version(old.type):
        event = CODECS[file.parent.name].decode(old)
        assert set(event.__struct_fields__) <= set(msgspec.json.decode(old.payload))


@pytest.mark.parametrize("folder", UNIONS)
def test_every_event_type_has_a_golden_file_of_every_version(folder: str) -> None:
    kinds = [str(kind.__struct_config__.tag) for kind in get_args(UNIONS[folder])]
    wanted = {f"{kind}.v{v}.json" for kind in kinds for v in range(1, CODECS[folder].schema_version(kind) + 1)}
    assert {file.name for file in FILES if file.parent.name == folder} == wanted


@pytest.mark.parametrize("folder", UNIONS)
def test_no_golden_file_was_ever_edited(folder: str) -> None:
    """The list is what `sha256sum *.json` prints; lines are added to it and never changed."""
    listed = (GOLDEN / folder / "checksums.sha256").read_text().splitlines()
    files = [file for file in FILES if file.parent.name == folder]
    assert listed == [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files]
