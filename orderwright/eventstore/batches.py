"""How queued appends become one batch: positions, versions, hashes, and who has to be told of a conflict."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from orderwright.eventstore.chain import GENESIS, StoredBatch, chain_hash, leaf_hash, merkle_root
from orderwright.eventstore.store import (
    ANY_VERSION,
    Append,
    Appended,
    AppendOutcome,
    Conflict,
    StoredEvent,
)
from orderwright.moments import Micros


class Tail(Struct, frozen=True, kw_only=True):
    """Where the log ends, and the highest stream id in use."""

    batch_no: int = 0
    position: int = 0
    chain: bytes = GENESIS
    last_stream_id: int = 0


class KnownStream(Struct, frozen=True):
    """A stream's id and version."""

    stream_id: int
    version: int


class StreamChange(Struct, frozen=True, kw_only=True):
    """What a batch does to one stream: `expected` is its version before (0 = new), `version` after."""

    name: str
    stream_id: int
    expected: int
    version: int
    attention: bool | None


class Batch(Struct, frozen=True, kw_only=True):
    """Everything that one commit writes; `stream_ids` go with `events`."""

    head: StoredBatch
    recorded_at: Micros
    changes: tuple[StreamChange, ...]
    stream_ids: Sequence[int]
    events: Sequence[StoredEvent]


class Plan(Struct, frozen=True, kw_only=True):
    """A batch (None: nothing to write), how each append ends once it is written, and the log's tail then."""

    batch: Batch | None
    outcomes: Sequence[AppendOutcome]
    tail: Tail


class Place(Struct, frozen=True, kw_only=True):
    """Where a batch goes: the log, its writer's epoch, the log's tail, and the moment."""

    log_id: int
    epoch: int
    tail: Tail
    now: Micros


def plan_batch(appends: Sequence[Append], streams: Mapping[str, KnownStream], place: Place) -> Plan:
    """Return what to write for these appends, in their order.

    Args:
        appends: each with at least one event.
        streams: what is known of the streams they name; one that is not in it is new.
        place: where the batch goes.
    """
    changes: dict[str, StreamChange] = {}
    events: list[StoredEvent] = []
    stream_ids: list[int] = []
    outcomes: list[AppendOutcome] = []
    last_id, position = place.tail.last_stream_id, place.tail.position
    for append in appends:
        change = changes.get(append.stream)
        if change is None:
            known = streams.get(append.stream) or KnownStream(last_id + 1, 0)
            change = StreamChange(
                name=append.stream,
                stream_id=known.stream_id,
                expected=known.version,
                version=known.version,
                attention=None,
            )
        if append.expected_version not in (ANY_VERSION, change.version):
            outcomes.append(Conflict(expected_version=append.expected_version, actual_version=change.version))
            continue
        last_id = max(last_id, change.stream_id)
        events += _stored(append, change.version, position=position, now=place.now)
        stream_ids += [change.stream_id] * len(append.events)
        version, position = change.version + len(append.events), position + len(append.events)
        attention = change.attention if append.attention is None else append.attention
        changes[append.stream] = replace(change, version=version, attention=attention)
        outcomes.append(Appended(version=version, position=position))
    if not events:
        return Plan(batch=None, outcomes=outcomes, tail=place.tail)
    head = _head(events, stream_ids, place)
    batch = Batch(
        head=head, recorded_at=place.now, changes=tuple(changes.values()), stream_ids=stream_ids, events=events
    )
    tail = Tail(batch_no=head.batch_no, position=position, chain=head.chain, last_stream_id=last_id)
    return Plan(batch=batch, outcomes=outcomes, tail=tail)


def _stored(append: Append, version: int, *, position: int, now: Micros) -> list[StoredEvent]:
    return [
        StoredEvent(
            position=position + ordinal,
            stream=append.stream,
            version=version + ordinal,
            event_id=event.event_id,
            type=event.type,
            schema_version=event.schema_version,
            recorded_at=now,
            causation=event.causation,
            correlation=event.correlation,
            payload=event.payload,
        )
        for ordinal, event in enumerate(append.events, start=1)
    ]


def _head(events: Sequence[StoredEvent], stream_ids: Sequence[int], place: Place) -> StoredBatch:
    leaves = [
        leaf_hash(event, log_id=place.log_id, stream_id=stream_id)
        for event, stream_id in zip(events, stream_ids, strict=True)
    ]
    head = StoredBatch(
        batch_no=place.tail.batch_no + 1,
        epoch=place.epoch,
        first_position=place.tail.position + 1,
        event_count=len(events),
        root=merkle_root(leaves),
        chain=b"",
    )
    return replace(head, chain=chain_hash(place.tail.chain, head, log_id=place.log_id))
