"""The decider of a strategy's inbox: which signals are new, in what order they stand, and which have ended."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace
from rpds import HashTrieMap, Queue

from orderwright.engine.ids import SignalId
from orderwright.engine.signals import Signal
from orderwright.moments import DAY, Micros


class SignalReceived(Struct, frozen=True, kw_only=True, tag="signal_received", omit_defaults=True):
    """A signal was stored, with the strategy accounts it goes to; `sequence` is its place in the inbox.

    `key` is the sender's id, `body_hash` of the trimmed body, `dedupe_window` in microseconds (0 = off).
    """

    at: Micros
    sequence: int
    signal: Signal
    recipients: tuple[str, ...]
    body_hash: str
    dedupe_window: int
    key: str | None = None


class SignalFinished(Struct, frozen=True, kw_only=True, tag="signal_finished"):
    """Every recipient has come to an end with the signal."""

    at: Micros
    sequence: int
    signal_id: SignalId


InboxEvent = SignalReceived | SignalFinished


class Seen(Struct, frozen=True, kw_only=True):
    """An earlier arrival of a key or of a body; counts until `until`."""

    signal_id: SignalId
    body_hash: str
    until: Micros


class Unfinished(Struct, frozen=True, kw_only=True):
    """A signal on its way; `awaited` are the strategy accounts that have not come to an end with it."""

    signal: Signal
    awaited: frozenset[str]


class Inbox(Struct, frozen=True, kw_only=True):
    """What an inbox remembers: its unfinished signals by sequence, and what would make a new arrival a duplicate."""

    last_sequence: int = 0
    unfinished: "HashTrieMap[int, Unfinished]" = HashTrieMap()
    seen: "HashTrieMap[str, Seen]" = HashTrieMap()
    expiring: "Queue[str]" = Queue()


class Arrival(Struct, frozen=True, kw_only=True):
    """A signal at the door."""

    signal: Signal
    recipients: tuple[str, ...]
    key: str | None
    body_hash: str
    dedupe_window: int


class Duplicate(Struct, frozen=True, kw_only=True):
    """The same thing arrived before."""

    signal_id: SignalId


class IdReused(Struct, frozen=True, kw_only=True):
    """The sender's id arrived before, with another body."""

    signal_id: SignalId


def receive(inbox: Inbox, arrival: Arrival, now: Micros) -> SignalReceived | Duplicate | IdReused:
    """Decide whether an arrival is new.

    With a sender's `id`: the same id of the same holder within 24 h is a duplicate, or `IdReused` if the body changed.
    Without: the same body hash of the same holder within the strategy's window.
    """
    earlier = inbox.seen.get(_mark(arrival.signal.holder, arrival.key, arrival.body_hash))
    if earlier is not None and now < earlier.until:
        if earlier.body_hash != arrival.body_hash:
            return IdReused(signal_id=earlier.signal_id)
        return Duplicate(signal_id=earlier.signal_id)
    return SignalReceived(
        at=now,
        sequence=inbox.last_sequence + 1,
        signal=arrival.signal,
        recipients=arrival.recipients,
        key=arrival.key,
        body_hash=arrival.body_hash,
        dedupe_window=arrival.dedupe_window,
    )


def settle(inbox: Inbox, sequence: int, account: str, now: Micros) -> tuple[Inbox, SignalFinished | None]:
    """Note that `account` has come to an end with a signal; the event is there when it was the last one."""
    entry = inbox.unfinished.get(sequence)
    if entry is None:
        return inbox, None
    awaited = entry.awaited - {account}
    if awaited:
        left = replace(entry, awaited=awaited)
        return replace(inbox, unfinished=inbox.unfinished.insert(sequence, left)), None
    return inbox, SignalFinished(at=now, sequence=sequence, signal_id=entry.signal.signal_id)


def evolve(inbox: Inbox, event: InboxEvent) -> Inbox:
    """Return the inbox once `event` has happened."""
    if isinstance(event, SignalFinished):
        if event.sequence not in inbox.unfinished:
            return inbox
        return replace(inbox, unfinished=inbox.unfinished.remove(event.sequence))
    entry = Unfinished(signal=event.signal, awaited=frozenset(event.recipients))
    seen, expiring = _forget(inbox, event.at)
    lasts = DAY if event.key is not None else event.dedupe_window
    if lasts > 0:
        mark = _mark(event.signal.holder, event.key, event.body_hash)
        known = Seen(
            signal_id=event.signal.signal_id, body_hash=event.body_hash, until=Micros(event.at + lasts)
        )
        seen, expiring = seen.insert(mark, known), expiring.enqueue(mark)
    return replace(
        inbox,
        last_sequence=event.sequence,
        unfinished=inbox.unfinished.insert(event.sequence, entry),
        seen=seen,
        expiring=expiring,
    )


def evolve_all(inbox: Inbox, events: Iterable[InboxEvent]) -> Inbox:
    """Return the inbox once all `events` have happened, in order."""
    for event in events:
        inbox = evolve(inbox, event)
    return inbox


def _mark(holder: str, key: str | None, body_hash: str) -> str:
    return f"{holder}\n{'body' if key is None else 'id'}\n{body_hash if key is None else key}"


def _forget(inbox: Inbox, now: Micros) -> "tuple[HashTrieMap[str, Seen], Queue[str]]":
    # Oldest first: a mark with a long life may keep younger short-lived ones a little longer, never the reverse.
    seen, expiring = inbox.seen, inbox.expiring
    while not expiring.is_empty:
        mark = expiring.peek()
        known = seen.get(mark)
        if known is not None and known.until > now:
            break
        expiring = expiring.dequeue()
        if known is not None:
            seen = seen.remove(mark)
    return seen, expiring
