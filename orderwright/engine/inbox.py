"""The decider of a strategy's inbox: which signals are new, in what order they stand, and which have ended."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace
from rpds import HashTrieMap

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


class Marks(Struct, frozen=True, kw_only=True):
    """Earlier arrivals by what they would be known by again, and the order in which they came (`first` to `end`)."""

    seen: "HashTrieMap[str, Seen]" = HashTrieMap()
    order: "HashTrieMap[int, str]" = HashTrieMap()
    first: int = 0
    end: int = 0


class Inbox(Struct, frozen=True, kw_only=True):
    """What an inbox remembers: its unfinished signals by sequence, and what would make a new arrival a duplicate."""

    last_sequence: int = 0
    unfinished: "HashTrieMap[int, Unfinished]" = HashTrieMap()
    ids: Marks = Marks()
    bodies: Marks = Marks()


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
    marks = inbox.bodies if arrival.key is None else inbox.ids
    earlier = marks.seen.get(_mark(arrival.signal.holder, arrival.key or arrival.body_hash))
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
    unfinished = inbox.unfinished
    if event.recipients:
        entry = Unfinished(signal=event.signal, awaited=frozenset(event.recipients))
        unfinished = unfinished.insert(event.sequence, entry)
    ids, bodies = _forget(inbox.ids, event.at), _forget(inbox.bodies, event.at)
    mark = _mark(event.signal.holder, event.key or event.body_hash)
    known = Seen(signal_id=event.signal.signal_id, body_hash=event.body_hash, until=Micros(event.at + _lasts(event)))
    if event.key is not None:
        ids = _remember(ids, mark, known)
    elif event.dedupe_window > 0:
        bodies = _remember(bodies, mark, known)
    return replace(
        inbox,
        last_sequence=event.sequence,
        unfinished=unfinished,
        ids=ids,
        bodies=bodies,
    )


def evolve_all(inbox: Inbox, events: Iterable[InboxEvent]) -> Inbox:
    """Return the inbox once all `events` have happened, in order."""
    for event in events:
        inbox = evolve(inbox, event)
    return inbox


def _mark(holder: str, key_or_hash: str) -> str:
    return f"{holder}\n{key_or_hash}"


def _lasts(event: SignalReceived) -> int:
    return event.dedupe_window if event.key is None else DAY


def _remember(marks: Marks, mark: str, known: Seen) -> Marks:
    return replace(
        marks, seen=marks.seen.insert(mark, known), order=marks.order.insert(marks.end, mark), end=marks.end + 1
    )


def _forget(marks: Marks, now: Micros) -> Marks:
    seen, order, first = marks.seen, marks.order, marks.first
    while first < marks.end:
        mark = order[first]
        known = seen.get(mark)
        if known is not None and known.until > now:
            break
        order, first = order.remove(first), first + 1
        if known is not None:
            seen = seen.remove(mark)
    return marks if first == marks.first else replace(marks, seen=seen, order=order, first=first)
