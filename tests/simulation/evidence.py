"""What is left when things are quiet again: the exchange's books, the log, what was told to whom, and live state."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct

from orderwright.engine.ids import SignalId
from orderwright.engine.inbox import Inbox, InboxEvent
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.results import LegResult
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.chain import StoredBatch
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.snapshots import Restored
from orderwright.eventstore.store import StoredEvent
from tests.simulation.booked_order import BookedOrder
from tests.simulation.sim_exchange import Received

ACCOUNT_EVENTS: EventCodec[Event] = EventCodec(Event)
INBOX_EVENTS: EventCodec[InboxEvent] = EventCodec(InboxEvent)

EventT = TypeVar("EventT", bound=Struct)


class Entry(NamedTuple):
    """An event of the log, decoded, with the step at which it was committed."""

    stored: StoredEvent
    event: Event | InboxEvent
    step: int


class Promise(NamedTuple):
    """Something said to somebody outside, at a step."""

    step: int
    signal_id: SignalId


class Report(NamedTuple):
    """What a sender was told of a signal at one strategy account."""

    account: str
    results: tuple[LegResult, ...]


class Evidence(Struct, kw_only=True):
    """All that the invariants may look at. `accounts` gives each strategy account's exchange account.

    `read` are the positions that a reader saw, `shut` the strategy accounts whose entries the gate holds back. An
    exchange `is_honest` that takes nothing that it says it refused, and nothing later than it may. What a look shows
    can be `blind_for` microseconds old, by the engine's clock.
    """

    orders: Sequence[BookedOrder]
    journal: Sequence[Received]
    positions: dict[tuple[str, str], Decimal]
    entries: Sequence[Entry]
    batches: Sequence[StoredBatch]
    snapshots: Sequence[tuple[str, Restored[Any]]]
    read: Sequence[int]
    accounts: dict[str, str]
    stored_promises: Sequence[Promise]
    reports: Sequence[Report]
    pauses: Sequence[tuple[int, int, str]]
    live_accounts: dict[str, tuple[State, int]]
    live_inboxes: dict[str, Inbox]
    shut: frozenset[str]
    tells_trades: bool
    has_evidence: bool
    requests_expire: bool
    is_honest: bool
    blind_for: int
    sets_leverage: bool

    def of(self, kind: type[EventT], stream: str | None = None) -> Iterator[tuple[Entry, EventT]]:
        """Yield the events of one kind, of one stream or of all."""
        for entry in self.entries:
            if isinstance(entry.event, kind) and stream in (None, entry.stored.stream):
                yield entry, entry.event

    @property
    def strategy_streams(self) -> list[str]:
        """The streams of strategy accounts."""
        return sorted(self.accounts)


def decoded(stored: StoredEvent, step: int) -> Entry:
    """Return an event of the log with what it says."""
    codec = INBOX_EVENTS if stored.stream.startswith("inbox/") else ACCOUNT_EVENTS
    return Entry(stored, codec.decode(stored), step)
