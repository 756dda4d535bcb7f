"""A signal's whole life, folded from its events: received, stored, routed, each order, done or expired."""

from collections.abc import Callable, Iterable
from typing import Final, get_args

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.ids import SignalId
from orderwright.engine.inbox import InboxEvent, SignalFinished, SignalReceived
from orderwright.engine.money import plain
from orderwright.engine.signals import Instruction, Signal
from orderwright.engine.strategy_account.events import (
    CancellationEnded,
    CancelPostponed,
    CancelRefused,
    Event,
    FillRecorded,
    LegRefused,
    OrderAbandoned,
    OrderAccepted,
    OrderClosed,
    OrderRejected,
    OrderRequested,
    OrderTriggered,
    SignalAccepted,
    SignalEnded,
)
from orderwright.engine.strategy_account.results import LegResult, LegStatus, after, is_about, unanswered
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros

EXPIRED: Final = "signal_expired"


class Step(Struct, frozen=True, kw_only=True):
    """One thing that happened: the event's tag, and at which strategy account, order and leg if any."""

    at: Micros
    what: str
    account: str | None = None
    order_id: str | None = None
    leg: int | None = None
    detail: str = ""


class AccountStory(Struct, frozen=True, kw_only=True):
    """What came of the signal at one strategy account: one result per leg, in the sender's order."""

    account: str
    results: tuple[LegResult, ...]
    routed_at: Micros | None = None
    ended_at: Micros | None = None


class SignalStory(Struct, frozen=True, kw_only=True):
    """A stored signal and all that came of it, accounts in the order of its recipients."""

    signal: Signal
    stored_at: Micros
    accounts: tuple[AccountStory, ...]
    steps: tuple[Step, ...]
    finished_at: Micros | None = None

    @property
    def condition(self) -> str:
        """How far it has come: stored, working, done or expired."""
        if all(account.ended_at is not None for account in self.accounts):
            return "expired" if is_expired(account.results for account in self.accounts) else "done"
        return "working" if any(account.routed_at is not None for account in self.accounts) else "stored"

    def only(self, is_seen: Callable[[str], bool]) -> "SignalStory":
        """Return the story without the strategy accounts that are not to be seen."""
        return replace(
            self,
            accounts=tuple(account for account in self.accounts if is_seen(account.account)),
            steps=tuple(step for step in self.steps if step.account is None or is_seen(step.account)),
        )


def is_expired(results: Iterable[tuple[LegResult, ...]]) -> bool:
    """Whether every leg of every account was refused since the signal was too old."""
    legs = [leg for account in results for leg in account]
    return bool(legs) and all(leg.status is LegStatus.REFUSED and leg.code == EXPIRED for leg in legs)


def tell(events: Iterable[StoredEvent]) -> SignalStory | None:
    """Return the story of a signal from the events that carry its id, in log order; None if it was never stored."""
    story: SignalStory | None = None
    for stored in events:
        if stored.type in _INBOX_TAGS:
            story = _after_inbox(story, stored, _INBOX.decode(stored))
        elif stored.type in _ACCOUNT_TAGS and story is not None:
            story = _after_account(story, stored, _ACCOUNT.decode(stored))
    return story


def _tags(union: object) -> frozenset[str]:
    return frozenset(str(kind.__struct_config__.tag) for kind in get_args(union))


_INBOX: EventCodec[InboxEvent] = EventCodec(InboxEvent)
_ACCOUNT: EventCodec[Event] = EventCodec(Event)
_INBOX_TAGS = _tags(InboxEvent)
_ACCOUNT_TAGS = _tags(Event)


def _after_inbox(story: SignalStory | None, stored: StoredEvent, event: InboxEvent) -> SignalStory | None:
    if isinstance(event, SignalReceived):
        return SignalStory(
            signal=event.signal,
            stored_at=stored.recorded_at,
            accounts=tuple(_blank(recipient, event.signal.instructions) for recipient in event.recipients),
            steps=(
                Step(at=event.signal.received_at, what="received"),
                Step(at=stored.recorded_at, what="stored"),
            ),
        )
    if story is None or not isinstance(event, SignalFinished):
        return story
    what = "expired" if is_expired(account.results for account in story.accounts) else "done"
    return replace(story, finished_at=event.at, steps=(*story.steps, Step(at=event.at, what=what)))


def _blank(account: str, instructions: tuple[Instruction, ...]) -> AccountStory:
    return AccountStory(account=account, results=tuple(unanswered(instruction) for instruction in instructions))


def _after_account(story: SignalStory, stored: StoredEvent, event: Event) -> SignalStory:
    accounts = tuple(
        _account_after(account, event, story.signal.signal_id) if account.account == stored.stream else account
        for account in story.accounts
    )
    step = Step(
        at=event.at,
        what="routed" if isinstance(event, SignalAccepted) else stored.type,
        account=stored.stream,
        order_id=getattr(event, "order_id", None),
        leg=getattr(event, "leg", None),
        detail=_detail(event),
    )
    return replace(story, accounts=accounts, steps=(*story.steps, step))


def _account_after(account: AccountStory, event: Event, signal_id: SignalId) -> AccountStory:
    named = getattr(event, "signal_id", signal_id)
    if named != signal_id:
        return account
    if isinstance(event, SignalAccepted):
        return replace(account, routed_at=event.at)
    if isinstance(event, SignalEnded):
        return replace(account, ended_at=event.at)
    results = tuple(after(result, event) if is_about(event, result) else result for result in account.results)
    return replace(account, results=results)


def _detail(event: Event) -> str:
    match event:
        case OrderRequested():
            stop = "" if event.stop_price is None else f" once at {plain(event.stop_price)}"
            price = "" if event.price is None else f" at {plain(event.price)}"
            return f"{event.order_type} {event.side} {plain(event.amount)} {event.symbol}{stop}{price}"
        case OrderAccepted():
            return event.exchange_order_id
        case OrderTriggered():
            return event.child_exchange_order_id or ""
        case FillRecorded():
            return f"{plain(event.fill.amount)} at {plain(event.fill.price)}"
        case OrderClosed():
            return f"{event.status}, {plain(event.filled)} filled"
        case LegRefused() | OrderRejected() | OrderAbandoned() | CancelRefused() | CancelPostponed():
            return f"{event.code}: {event.error}"
        case CancellationEnded():
            waiting = f", {event.waiting} still to be cancelled" if event.waiting else ""
            return f"{event.cancelled} cancelled, {event.failed} failed, {event.in_doubt} in doubt{waiting}"
    return str(getattr(event, "reason", ""))
