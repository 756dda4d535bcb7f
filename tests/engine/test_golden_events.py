"""What was ever written is read for ever: golden events of strategy accounts and inboxes, added to and never edited.

A file is named after its event's type and schema version; `-2` and so on show what a version learned later.
"""

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
    kind, version = file.stem.partition("-")[0].split(".v")
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


@pytest.mark.parametrize("folder", UNIONS)
def test_every_event_type_has_golden_files_of_every_version_and_the_latest_show_every_field(folder: str) -> None:
    shown: dict[tuple[str, int], set[str]] = {}
    for old in (stored(file) for file in FILES if file.parent.name == folder):
        shown.setdefault((old.type, old.schema_version), set()).update(msgspec.json.decode(old.payload))
    for kind in get_args(UNIONS[folder]):
        tag = str(kind.__struct_config__.tag)
        latest = CODECS[folder].schema_version(tag)
        assert {version for known, version in shown if known == tag} == set(range(1, latest + 1))
        assert set(kind.__struct_fields__) <= shown[tag, latest]


@pytest.mark.parametrize("folder", UNIONS)
def test_no_golden_file_was_ever_edited(folder: str) -> None:
    """The list is what `sha256sum *.json` prints; lines are added to it and never changed."""
    listed = (GOLDEN / folder / "checksums.sha256").read_text().splitlines()
    files = [file for file in FILES if file.parent.name == folder]
    assert listed == [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files]
