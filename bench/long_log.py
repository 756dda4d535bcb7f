"""Makes a long log quickly: what inboxes and strategy accounts would have written, sealed by the product's own code.

The events are the core's decisions for market orders that fill at once, with other ids and moments; versions, batches
and hashes come from the writer's own planning. Only the way into the tables is another: COPY, as the tables' owner.
What comes out passes `verify`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, NoReturn, Self
from uuid import UUID

from msgspec import Struct

from bench import trading
from bench.installation import ProcessFailed
from orderwright.actors.catalogue_desk import load_catalogue
from orderwright.actors.directory import CatalogueDirectory
from orderwright.actors.messages import inbox_name, strategy_account_name
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import SignalId, client_order_id, event_id, time_ordered_id
from orderwright.engine.inbox import SignalFinished, SignalReceived
from orderwright.engine.signals import Signal
from orderwright.engine.strategy_account.events import Event, OrderRequested, SignalAccepted, Terms, TermsAdopted
from orderwright.engine.strategy_account.state import Rules
from orderwright.eventstore.batches import Batch, KnownStream, Place, StreamChange, Tail, plan_batch
from orderwright.eventstore.codec import encode
from orderwright.eventstore.connections import Connection, Database, connect
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postgres import PostgresLog
from orderwright.eventstore.store import ANY_VERSION, Append, NewEvent, StoredEvent
from orderwright.marketdata.board import Board
from orderwright.moments import SECOND, Micros

LOG_ID = 1

_BATCH_EVENTS = 400
_COMMIT_EVENTS = 40_000
_NUMBER = 987_654_321
"""Odd, and found nowhere else in what the core decides."""

_TAIL = (
    "SELECT batch_no, first_position + event_count - 1, chain FROM log.log_batch "
    "WHERE log_id = %s ORDER BY batch_no DESC LIMIT 1"
)
_COPY_BATCHES = (
    "COPY log.log_batch (log_id, batch_no, epoch, first_position, event_count, root, chain, committed_at) FROM STDIN"
)
_COPY_EVENTS = (
    "COPY log.event (log_id, position, stream_id, version, event_id, type, schema_version, recorded_at, causation, "
    "correlation, payload) FROM STDIN"
)
_STREAMS = (
    "INSERT INTO log.stream (log_id, stream_id, name, version, attention) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (log_id, stream_id) DO UPDATE SET version = excluded.version, attention = excluded.attention"
)


class Recipient(Struct, frozen=True, kw_only=True):
    """A strategy account that signals go to: its stream, its number, and its declared terms."""

    stream: str
    number: int
    terms: Terms


class LongLog:
    """The log of an installation that nobody runs, open for making it longer."""

    def __init__(self, data: Path) -> None:
        with ExitStack() as held:
            server = held.enter_context(EmbeddedPostgres(data))
            self.database = Database(conninfo=server.app_conninfo)
            self.reader = PostgresLog(self.database)
            held.callback(self.reader.close)
            self._owner = connect(Database(conninfo=server.owner_conninfo), "bench")
            held.callback(self._owner.close)
            self.catalogue = load_catalogue(self.reader)[0]
            self._table = _Table(self._owner)
            self._held = held.pop_all()
        self._scribe = _Scribe(self.catalogue)

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        self._held.close()

    @property
    def epoch(self) -> int:
        """The epoch of the last lease."""
        return int(self._table.epoch)

    @property
    def position(self) -> int:
        """The position of the last event."""
        return self._table.tail.position

    def extend(
        self, strategies: Iterable[str], moments: Iterable[Micros], progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """Let one signal of each of these strategies be carried out, at these moments; tell the position on the way."""
        for strategy, at in zip(strategies, moments, strict=False):
            for append in self._scribe.life(strategy, at):
                if self._table.add(append, at):
                    progress(self.position)
        self._table.commit()

    def as_owner(self, query: LiteralString, rows: Sequence[Sequence[object]]) -> None:
        """Run a query for each of the rows, as the tables' owner."""
        with self._owner.cursor() as cursor:
            cursor.executemany(query, rows)

    def settle(self) -> None:
        """Let the database do what it has done in production long since."""
        self._owner.execute("VACUUM ANALYZE log.event, log.log_batch, log.stream")
        self._owner.execute("CHECKPOINT")


class _Template(Struct, frozen=True, kw_only=True):
    """An event as text; what stands in it for the signal, the order and the moments is to be replaced."""

    type: str
    payload: str
    is_of_order: bool
    is_request: bool


class _Turn:
    """The events of one signal on one strategy account, by the append in which they were written."""

    def __init__(self, number: int, events: Sequence[Event]) -> None:
        (accepted,) = (event for event in events if isinstance(event, SignalAccepted))
        (requested,) = (event for event in events if isinstance(event, OrderRequested))
        self.instructions = accepted.instructions
        self._number = str(number)
        self._signal = str(accepted.signal_id)
        self._order = requested.order_id
        self._at, self._until = str(requested.at), str(requested.valid_until)
        self._valid_for = requested.valid_until - requested.at
        templates = tuple(map(_template, events))
        self._appends = (templates[:2], templates[2:])

    def appends(
        self, recipient: Recipient, signal: Signal, *, order_id: str, sequence: int, version: int
    ) -> Iterator[Append]:
        """Yield the two appends that a signal means for a recipient whose stream is at `version`."""
        at, until = str(signal.received_at), str(signal.received_at + self._valid_for)
        of_signal, cause, texts = signal.signal_id, UUID(int=0), (self._signal, str(signal.signal_id))
        for templates in self._appends:
            events = []
            for ordinal, template in enumerate(templates, version + 1):
                causation = cause if template.is_of_order and not template.is_request else of_signal
                new = event_id(causation, recipient.stream, ordinal)
                cause = new if template.is_request else cause
                payload = template.payload.replace(*texts).replace(self._order, order_id).replace(self._until, until)
                events.append(
                    NewEvent(
                        event_id=new,
                        type=template.type,
                        schema_version=1,
                        payload=payload.replace(self._at, at).replace(self._number, str(sequence)),
                        causation=causation,
                        correlation=of_signal,
                    )
                )
            yield Append(
                stream=recipient.stream,
                expected_version=version,
                events=tuple(events),
                attention=templates is self._appends[0],
            )
            version += len(events)


def _template(event: Event) -> _Template:
    kind, payload = encode(event)
    return _Template(
        type=kind,
        payload=payload,
        is_of_order=hasattr(event, "order_id"),
        is_request=isinstance(event, OrderRequested),
    )


class _Scribe:
    """Writes down what becomes of signals."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._salt = catalogue.salt
        self._recipients = _recipients(catalogue)
        self._turns = tuple(
            _Turn(number, events) for number, events in enumerate(trading.round_trip(_NUMBER), start=_NUMBER)
        )
        self._sequences: Counter[str] = Counter()
        self._versions: Counter[str] = Counter()

    def life(self, strategy: str, at: Micros) -> Iterator[Append]:
        """Yield the appends of the strategy's next signal, from its arrival to its end."""
        sequence = self._sequences[strategy] = self._sequences[strategy] + 1
        turn = self._turns[(sequence - 1) % len(self._turns)]
        recipients = self._recipients[strategy]
        signal = Signal(
            signal_id=SignalId(time_ordered_id(at, sequence.to_bytes(10))),
            strategy=strategy,
            holder="bench",
            received_at=at,
            instructions=turn.instructions,
        )
        yield self._received(signal, recipients, sequence)
        lives = [self._carried_out(turn, recipient, signal, sequence) for recipient in recipients]
        yield from (append for appends in zip(*lives, strict=True) for append in appends)
        finished = SignalFinished(at=at, sequence=sequence, signal_id=signal.signal_id)
        yield self._of_inbox(strategy, finished, signal.signal_id, attention=False)

    def _received(self, signal: Signal, recipients: Sequence[Recipient], sequence: int) -> Append:
        received = SignalReceived(
            at=signal.received_at,
            sequence=sequence,
            signal=signal,
            recipients=tuple(recipient.stream for recipient in recipients),
            body_hash=signal.signal_id.hex * 2,
            dedupe_window=30 * SECOND,
            key=str(sequence),
        )
        return self._of_inbox(signal.strategy, received, signal.signal_id, attention=True)

    def _of_inbox(
        self, strategy: str, event: SignalReceived | SignalFinished, cause: SignalId, *, attention: bool
    ) -> Append:
        stream = inbox_name(strategy)
        self._versions[stream] += 1
        new = _new_event(event, event_id(cause, stream, self._versions[stream]), cause)
        return Append(stream=stream, expected_version=ANY_VERSION, events=(new,), attention=attention)

    def _carried_out(self, turn: _Turn, recipient: Recipient, signal: Signal, sequence: int) -> list[Append]:
        stream, appends = recipient.stream, []
        if not self._versions[stream]:
            self._versions[stream] = 1
            cause = event_id(signal.signal_id, stream, 0)
            adopted = TermsAdopted(at=signal.received_at, terms=recipient.terms)
            first = _new_event(adopted, event_id(cause, stream, 1), cause)
            appends.append(Append(stream=stream, expected_version=0, events=(first,)))
        order_id = client_order_id(
            salt=self._salt, account_number=recipient.number, signal_id=signal.signal_id, leg=0, attempt=1
        )
        appends += turn.appends(recipient, signal, order_id=order_id, sequence=sequence, version=self._versions[stream])
        self._versions[stream] += sum(len(append.events) for append in appends[-2:])
        return appends


def _new_event(event: SignalReceived | SignalFinished | TermsAdopted, new: UUID, cause: UUID) -> NewEvent:
    kind, payload = encode(event)
    return NewEvent(event_id=new, type=kind, schema_version=1, payload=payload, causation=cause, correlation=cause)


def _recipients(catalogue: Catalogue) -> dict[str, list[Recipient]]:
    directory = CatalogueDirectory(catalogue=lambda: catalogue, gateway=_no_gateway, board=Board(), rules=Rules())
    found: dict[str, list[Recipient]] = {}
    for link in catalogue.links.values():
        stream = strategy_account_name(link.strategy, link.account)
        profile = directory.profile(stream)
        if profile is not None:
            recipient = Recipient(stream=stream, number=link.number, terms=profile.terms)
            found.setdefault(link.strategy, []).append(recipient)
    return found


def _no_gateway(account: str) -> NoReturn:
    message = f"nobody trades on {account} while the log is made"
    raise ProcessFailed(message)


class _Table:
    """The log's tables, and what is to be copied into them."""

    def __init__(self, owner: Connection) -> None:
        self._owner = owner
        (self.epoch,) = _row(owner, "SELECT epoch FROM log.writer_lease WHERE log_id = %s")
        batch_no, position, chain = _row(owner, _TAIL)
        rows = owner.execute("SELECT name, stream_id, version FROM log.stream WHERE log_id = %s", [LOG_ID]).fetchall()
        self._streams = {str(name): KnownStream(int(str(number)), int(str(at))) for name, number, at in rows}
        last = max(known.stream_id for known in self._streams.values())
        self.tail = Tail(batch_no=batch_no, position=position, chain=bytes(chain), last_stream_id=last)
        self._waiting: list[Append] = []
        self._events = 0
        self._now = Micros(0)
        self._batches: list[Batch] = []
        self._copied = position

    def add(self, append: Append, at: Micros) -> bool:
        """Take an append; return whether what was taken so far has been committed."""
        self._waiting.append(append)
        self._events += len(append.events)
        self._now = at
        if self._events < _BATCH_EVENTS:
            return False
        self._plan()
        if self.tail.position - self._copied < _COMMIT_EVENTS:
            return False
        self._copy()
        return True

    def commit(self) -> None:
        """Commit what was taken."""
        if self._waiting:
            self._plan()
        self._copy()

    def _plan(self) -> None:
        place = Place(log_id=LOG_ID, epoch=self.epoch, tail=self.tail, now=self._now)
        plan = plan_batch(self._waiting, self._streams, place)
        if plan.batch is None or plan.batch.head.event_count != self._events:
            message = f"the log that is made contradicts itself: {plan.outcomes}"
            raise ProcessFailed(message)
        for change in plan.batch.changes:
            self._streams[change.name] = KnownStream(change.stream_id, change.version)
        self.tail = plan.tail
        self._batches.append(plan.batch)
        self._waiting, self._events = [], 0

    def _copy(self) -> None:
        changes: dict[int, StreamChange] = {}
        with self._owner.transaction(), self._owner.cursor() as cursor:
            with cursor.copy(_COPY_BATCHES) as copy:
                for batch in self._batches:
                    copy.write_row(_batch_row(batch))
                    changes |= {change.stream_id: change for change in batch.changes}
            with cursor.copy(_COPY_EVENTS) as copy:
                for batch in self._batches:
                    for stream_id, event in zip(batch.stream_ids, batch.events, strict=True):
                        copy.write_row(_event_row(stream_id, event))
            marks = [
                (LOG_ID, change.stream_id, change.name, change.version, bool(change.attention))
                for change in changes.values()
            ]
            cursor.executemany(_STREAMS, marks)
        self._batches, self._copied = [], self.tail.position


def _batch_row(batch: Batch) -> Sequence[object]:
    head = batch.head
    return (
        LOG_ID,
        head.batch_no,
        head.epoch,
        head.first_position,
        head.event_count,
        head.root,
        head.chain,
        "now",
    )


def _event_row(stream_id: int, event: StoredEvent) -> Sequence[object]:
    return (
        LOG_ID,
        event.position,
        stream_id,
        event.version,
        event.event_id,
        event.type,
        event.schema_version,
        event.recorded_at,
        event.causation,
        event.correlation,
        event.payload,
    )


def _row(owner: Connection, query: str) -> tuple[Any, ...]:
    found = owner.execute(query, [LOG_ID]).fetchone()
    if found is None:
        message = "the log is empty: nothing was ever declared"
        raise ProcessFailed(message)
    return found
