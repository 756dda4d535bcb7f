"""Signals as rows: how far each has come, and when it reached, was sent by, answered to and ended by each account."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from psycopg import sql

from orderwright.engine.inbox import SignalFinished, SignalReceived
from orderwright.engine.strategy_account import events as e
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros
from orderwright.readmodels.projection import Page, owner_of, shape_of, tag
from orderwright.readmodels.signal_story import EXPIRED
from orderwright.readmodels.tables import Key, Table


class SignalRow(Struct, frozen=True, kw_only=True):
    """A stored signal; `accounts`, `routed`, `ended`, `expired` count strategy accounts, `legs` its instructions."""

    log_id: int
    signal_id: UUID
    position: int
    strategy: str
    holder: str
    status: str
    symbols: tuple[str, ...]
    legs: int
    accounts: int
    routed: int
    ended: int
    expired: int
    sent_at: Micros | None
    received_at: Micros
    stored_at: Micros
    finished_at: Micros | None


class SignalAccountRow(Struct, frozen=True, kw_only=True):
    """A signal at one strategy account; `legs`, `refused` and `expired` count its instructions.

    `first_request_at` is when the first order or cancel was written down, just before it was sent.
    """

    log_id: int
    signal_id: UUID
    stream: str
    as_of: int
    account: str
    legs: int
    refused: int
    expired: int
    routed_at: Micros | None
    first_request_at: Micros | None
    first_answer_at: Micros | None
    ended_at: Micros | None


SIGNALS = Table("signals", SignalRow, key=[("signal_id", "uuid")])
SIGNAL_ACCOUNTS = Table("signal_accounts", SignalAccountRow, key=[("signal_id", "uuid"), ("stream", "text")])

SIGNAL_STATUSES: Final = ("stored", "working", "done", "expired")
"""How far a signal can have come."""

_OF_INBOX = frozenset({tag(SignalReceived), tag(SignalFinished)})
_REQUESTS: Final = (e.OrderRequested, e.CancelRequested)
_ANSWERS: Final = (
    e.OrderAccepted,
    e.OrderRejected,
    e.OrderClosed,
    e.FillRecorded,
    e.CancelRefused,
    e.CancellationEnded,
)
_OF_ACCOUNTS = frozenset(tag(kind) for kind in (e.SignalAccepted, e.LegRefused, e.SignalEnded, *_REQUESTS, *_ANSWERS))


_ACCOUNTS_OF = sql.SQL(
    "SELECT {} FROM app.signal_accounts AS t WHERE t.log_id = %s::integer AND t.signal_id = ANY (%s) ORDER BY t.stream"
).format(SIGNAL_ACCOUNTS.selected)


def accounts_of(connection: Connection, log_id: int, signal_ids: Sequence[UUID]) -> list[SignalAccountRow]:
    """Return what became of these signals at each of their accounts, by the accounts' names."""
    return SIGNAL_ACCOUNTS.rows(connection.execute(_ACCOUNTS_OF, [log_id, list(signal_ids)]).fetchall())


class Signals:
    """The projection of signals and of their way through each strategy account."""

    name = "signals"
    shape = shape_of(1, SignalRow, SignalAccountRow)

    def apply(self, connection: Connection, page: Page) -> None:
        """Fold the page into the rows that it touches."""
        events = list(page.of(_OF_INBOX | _OF_ACCOUNTS))
        fold = _Fold(
            page.log_id,
            SIGNALS.find(connection, page.log_id, {(stored.correlation,) for stored, _ in events}),
            SIGNAL_ACCOUNTS.find(
                connection,
                page.log_id,
                {(stored.correlation, stored.stream) for stored, _ in events if stored.type in _OF_ACCOUNTS},
            ),
        )
        for stored, event in events:
            fold.take(stored, event)
        SIGNALS.write(connection, fold.changed_signals())
        SIGNAL_ACCOUNTS.write(connection, fold.changed_accounts())

    def clear(self, connection: Connection, log_id: int) -> None:
        """Delete the rows."""
        SIGNALS.clear(connection, log_id)
        SIGNAL_ACCOUNTS.clear(connection, log_id)


class _Fold:
    """The rows that a page touches."""

    def __init__(self, log_id: int, signals: dict[Key, SignalRow], accounts: dict[Key, SignalAccountRow]) -> None:
        self._log_id = log_id
        self._signals = signals
        self._accounts = accounts
        self._changed: dict[Key, None] = {}

    def take(self, stored: StoredEvent, event: object) -> None:
        """Apply one event; what belongs to an operator's command instead of a signal goes nowhere."""
        key: Key = (stored.correlation,)
        signal = self._signals.get(key)
        if isinstance(event, SignalReceived):
            if signal is None:
                self._begin(stored, event)
        elif signal is None:
            return
        elif isinstance(event, SignalFinished):
            self._put(replace(signal, finished_at=event.at))
        else:
            self._at_account(stored, event, signal)

    def changed_signals(self) -> list[SignalRow]:
        """Return the signals that are not as they were found."""
        return [self._signals[key] for key in self._changed if key in self._signals]

    def changed_accounts(self) -> list[SignalAccountRow]:
        """Return what is not as it was found at the accounts."""
        return [self._accounts[key] for key in self._changed if key in self._accounts]

    def _begin(self, stored: StoredEvent, event: SignalReceived) -> None:
        signal = event.signal
        symbols = (instruction.symbol for instruction in signal.instructions if instruction.symbol is not None)
        self._put(
            SignalRow(
                log_id=self._log_id,
                signal_id=signal.signal_id,
                position=stored.position,
                strategy=signal.strategy,
                holder=signal.holder,
                status="",
                symbols=tuple(dict.fromkeys(symbols)),
                legs=len(signal.instructions),
                accounts=len(event.recipients),
                routed=0,
                ended=0,
                expired=0,
                sent_at=signal.sent_at,
                received_at=signal.received_at,
                stored_at=stored.recorded_at,
                finished_at=None,
            )
        )
        for recipient in event.recipients:
            key = (signal.signal_id, recipient)
            self._accounts[key] = _blank(self._log_id, stored, recipient, event)
            self._changed[key] = None

    def _at_account(self, stored: StoredEvent, event: object, signal: SignalRow) -> None:
        key = (stored.correlation, stored.stream)
        before = self._accounts.get(key)
        if before is None or before.as_of >= stored.position:
            return
        after = _after(replace(before, as_of=stored.position), event)
        self._accounts[key] = after
        self._changed[key] = None
        has_ended = before.ended_at is None and after.ended_at is not None
        self._put(
            replace(
                signal,
                routed=signal.routed + (before.routed_at is None and after.routed_at is not None),
                ended=signal.ended + has_ended,
                expired=signal.expired + (has_ended and 0 < after.legs == after.expired),
            )
        )

    def _put(self, signal: SignalRow) -> None:
        key = (signal.signal_id,)
        self._signals[key] = replace(signal, status=_status(signal))
        self._changed[key] = None


def _blank(log_id: int, stored: StoredEvent, recipient: str, event: SignalReceived) -> SignalAccountRow:
    return SignalAccountRow(
        log_id=log_id,
        signal_id=event.signal.signal_id,
        stream=recipient,
        as_of=stored.position,
        account=owner_of(recipient)[1],
        legs=len(event.signal.instructions),
        refused=0,
        expired=0,
        routed_at=None,
        first_request_at=None,
        first_answer_at=None,
        ended_at=None,
    )


def _after(row: SignalAccountRow, event: object) -> SignalAccountRow:
    match event:
        case e.SignalAccepted():
            return replace(row, routed_at=event.at)
        case e.SignalEnded():
            return replace(row, ended_at=event.at)
        case e.LegRefused():
            return replace(row, refused=row.refused + 1, expired=row.expired + (event.code == EXPIRED))
    if isinstance(event, _REQUESTS) and row.first_request_at is None:
        return replace(row, first_request_at=event.at)
    if isinstance(event, _ANSWERS) and row.first_answer_at is None:
        return replace(row, first_answer_at=event.at)
    return row


def _status(signal: SignalRow) -> str:
    if signal.ended == signal.accounts:
        return "expired" if 0 < signal.accounts == signal.expired else "done"
    return "working" if signal.routed else "stored"
