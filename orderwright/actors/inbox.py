"""The actor of a strategy's inbox: stores signals in one order and hands them on in it, also after a restart."""

import logging
from uuid import UUID

from msgspec import Struct

from orderwright.actors.env import Env
from orderwright.actors.idling import IDLE, Idling
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    NOBODY,
    AccountHeldUp,
    AccountReady,
    AccountResting,
    AccountWanted,
    Address,
    AppendEnded,
    AskId,
    Execute,
    Loaded,
    LoadFailed,
    LogTrouble,
    Mail,
    NotStored,
    Overloaded,
    Ready,
    Reply,
    Rest,
    SignalDuplicate,
    SignalIdReused,
    SignalSettled,
    SignalStored,
    Start,
    SubmitSignal,
    Tick,
    name_of,
)
from orderwright.actors.snapshots import EVERY, Rhythm
from orderwright.engine.ids import SignalId, event_id
from orderwright.engine.inbox import (
    Arrival,
    Duplicate,
    IdReused,
    Inbox,
    InboxEvent,
    SignalFinished,
    SignalReceived,
    Unfinished,
    evolve,
    receive,
    settle,
)
from orderwright.engine.strategy_account.commands import ExecuteSignal
from orderwright.eventstore.codec import EventCodec, encode
from orderwright.eventstore.store import ANY_VERSION, Append, Appended, AppendFailed, Conflict, NewEvent
from orderwright.moments import SECOND

logger = logging.getLogger(__name__)

CODEC: EventCodec[InboxEvent] = EventCodec(InboxEvent)

MOST_UNFINISHED = 1_000
MOST_HELD_UP = 5_000

_FULL_LOG = "full log"
_FULL_LOG_WAIT = SECOND // 5


class _Storing(Struct, frozen=True, kw_only=True):
    signal_id: SignalId
    sequence: int


class SignalInbox:
    """Keeps a strategy's signals in order.

    It decides ahead of the log: a signal is handed on as soon as its append is queued, which is safe because the log
    is first in, first out, so that nothing that follows from a signal is ever durable before it. Whoever asks hears
    "stored" only when it is. If an append fails, this incarnation ends and the next one knows what is true; it never
    ends while appends of its own are under way, of which the next one would not know.

    It rests after `idle_after` microseconds with nothing to do. At most `MOST_UNFINISHED` signals may be under way,
    besides those that only wait for strategy accounts in quarantine, of which a few more are kept.
    """

    def __init__(
        self,
        *,
        env: Env,
        me: Address,
        supervisor: Address,
        snapshot_every: int = EVERY,
        idle_after: int = Limits().idle_after,
    ) -> None:
        self._env = env
        self._me = me
        self._name = name_of(me)
        self._supervisor = supervisor
        self._inbox = Inbox()
        self._is_live = False
        self._is_over = False
        self._waiting: list[Mail] = []
        self._idling = Idling(env, me, idle_after)
        self._recipients: dict[str, Address | None] = {}
        self._held_up: set[str] = set()
        self._asks: dict[SignalId, AskId] = {}
        self._storing: dict[SignalId, list[AskId]] = {}
        self._tickets: dict[int, _Storing | None] = {}
        self._to_finish: set[int] = set()
        self._last_ticket = 0
        self._written = 0
        self._position = 0
        self._snapshots = Rhythm(env, self._name, snapshot_every)
        self._to_keep: tuple[int, Inbox] | None = None

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        match mail:
            case _ if self._is_over:
                return
            case Start():
                self._env.load(self._name, self._me)
            case Loaded():
                self._rebuild(mail)
            case LoadFailed(reason=reason):
                self._fail_with_the_log(reason)
            case _ if not self._is_live:
                self._wait(mail)
            case Tick(reason=reason):
                self._tick(reason)
            case Rest():
                self._rest()
            case _:
                self._handle_live(mail)

    def _handle_live(self, mail: Mail) -> None:
        match mail:
            case SubmitSignal():
                self._submit(mail)
            case AppendEnded():
                self._append_ended(mail)
            case SignalSettled():
                self._settle(mail)
            case AccountReady():
                self._account_ready(mail)
            case AccountResting():
                self._account_resting(mail)
            case AccountHeldUp(account=account):
                self._held_up.add(account)
            case _:
                logger.warning("%s was told something that is not for it: %s", self._name, type(mail).__name__)

    def _tick(self, reason: str) -> None:
        if reason == IDLE:
            self._rest_if_idle()
        else:
            self._finish_what_waits()

    def _wait(self, mail: Mail) -> None:
        if not isinstance(mail, SubmitSignal) or len(self._waiting) < MOST_UNFINISHED:
            self._waiting.append(mail)
        else:
            self._env.reply(mail.ask, Overloaded())

    def _rebuild(self, loaded: Loaded) -> None:
        if loaded.snapshot is not None:
            self._inbox = loaded.snapshot.state
            self._written, self._position = loaded.snapshot.version, loaded.snapshot.position
            self._snapshots.begin_after(self._written)
        for stored in loaded.events:
            self._inbox = evolve(self._inbox, CODEC.decode(stored))
            self._written, self._position = stored.version, stored.position
        self._is_live = True
        self._idling.interrupt()
        self._env.tell(Ready(at=self._me), self._supervisor)
        for entry in self._inbox.unfinished.values():
            for account in sorted(entry.awaited):
                self._want(account)
        waiting, self._waiting = self._waiting, []
        for mail in waiting:
            self.handle(mail)

    def _submit(self, mail: SubmitSignal) -> None:
        self._idling.interrupt()
        if self._is_full:
            self._env.reply(mail.ask, Overloaded())
            return
        arrival = Arrival(
            signal=mail.signal,
            recipients=mail.recipients,
            key=mail.key,
            body_hash=mail.body_hash,
            dedupe_window=mail.dedupe_window,
        )
        match receive(self._inbox, arrival, self._env.now()):
            case Duplicate(signal_id=first):
                self._answer_duplicate(first, mail.ask)
            case IdReused(signal_id=first):
                self._env.reply(mail.ask, SignalIdReused(signal_id=first))
            case SignalReceived() as event:
                self._store(event, mail.ask)

    @property
    def _is_full(self) -> bool:
        unfinished = self._inbox.unfinished
        if len(unfinished) < MOST_UNFINISHED:
            return False
        if not self._held_up or len(unfinished) >= MOST_HELD_UP:
            return True
        # One account in quarantine must not keep signals from the others.
        return sum(not entry.awaited <= self._held_up for entry in unfinished.values()) >= MOST_UNFINISHED

    def _answer_duplicate(self, first: SignalId, ask: AskId) -> None:
        if first in self._storing:
            self._storing[first].append(ask)
        else:
            self._env.reply(ask, SignalDuplicate(signal_id=first))

    def _store(self, event: SignalReceived, ask: AskId) -> None:
        signal_id = event.signal.signal_id
        storing = _Storing(signal_id=signal_id, sequence=event.sequence)
        after = evolve(self._inbox, event)
        if not self._append(event, signal_id, attention=bool(after.unfinished), storing=storing):
            self._env.reply(ask, Overloaded())
            return
        self._remember(after)
        self._asks[signal_id] = ask
        self._storing[signal_id] = []
        entry = Unfinished(signal=event.signal, awaited=frozenset(event.recipients))
        for account in event.recipients:
            at = self._recipients.get(account)
            if at is None:
                self._want(account)
            else:
                self._hand_on(event.sequence, entry, at)

    def _want(self, account: str) -> None:
        if account not in self._recipients:
            self._recipients[account] = None
            self._env.tell(AccountWanted(account=account, inbox=self._me), self._supervisor)

    def _account_resting(self, mail: AccountResting) -> None:
        if self._recipients.get(mail.account) != mail.at:
            return
        del self._recipients[mail.account]
        # What it was handed last may have come too late for it.
        if any(mail.account in entry.awaited for entry in self._inbox.unfinished.values()):
            self._want(mail.account)

    def _account_ready(self, mail: AccountReady) -> None:
        self._held_up.discard(mail.account)
        self._recipients[mail.account] = mail.at
        for sequence, entry in sorted(self._inbox.unfinished.items(), key=lambda item: item[0]):
            if mail.account in entry.awaited:
                self._hand_on(sequence, entry, mail.at)

    def _hand_on(self, sequence: int, entry: Unfinished, at: Address) -> None:
        signal = entry.signal
        command = ExecuteSignal(
            signal_id=signal.signal_id,
            sequence=sequence,
            born_at=signal.born_at,
            instructions=signal.instructions,
        )
        ask = self._asks.get(signal.signal_id, NOBODY)
        self._env.tell(Execute(command=command, inbox=self._me, ask=ask), at)

    def _settle(self, mail: SignalSettled) -> None:
        entry = self._inbox.unfinished.get(mail.sequence)
        self._inbox, finished = settle(self._inbox, mail.sequence, mail.account, self._env.now())
        if finished is not None and entry is not None:
            self._finish(mail.sequence, entry.signal.signal_id)

    def _finish(self, sequence: int, signal_id: SignalId) -> None:
        event = SignalFinished(at=self._env.now(), sequence=sequence, signal_id=signal_id)
        after = evolve(self._inbox, event)
        if not self._append(event, signal_id, attention=bool(after.unfinished), storing=None):
            self._finish_later(sequence)
            return
        self._remember(after)
        self._asks.pop(signal_id, None)

    def _remember(self, inbox: Inbox) -> None:
        self._inbox = inbox
        entries = len(inbox.ids.order) + len(inbox.bodies.order)
        if self._to_keep is None and self._snapshots.is_due(self._written, entries=entries):
            # It rests on an append that is under way: it may be kept when that one is durable.
            self._to_keep = (self._last_ticket, inbox)

    def _keep(self, ticket: int, outcome: Appended) -> None:
        self._position = outcome.position
        if self._to_keep is not None and self._to_keep[0] == ticket:
            self._snapshots.take(self._to_keep[1], version=outcome.version, position=outcome.position)
            self._to_keep = None

    def _rest_if_idle(self) -> None:
        if self._idling.is_over() and not self._inbox.unfinished and not self._tickets:
            self._rest()
            self._end("")

    def _rest(self) -> None:
        if not self._tickets:
            self._snapshots.take(self._inbox, version=self._written, position=self._position)

    def _finish_later(self, sequence: int) -> None:
        if not self._to_finish:
            self._env.after(_FULL_LOG_WAIT, Tick(reason=_FULL_LOG), self._me)
        self._to_finish.add(sequence)

    def _finish_what_waits(self) -> None:
        waiting, self._to_finish = sorted(self._to_finish), set()
        for sequence in waiting:
            entry = self._inbox.unfinished.get(sequence)
            if entry is not None:
                self._finish(sequence, entry.signal.signal_id)

    def _append(self, event: InboxEvent, cause: UUID, *, attention: bool, storing: _Storing | None) -> bool:
        tag, payload = encode(event)
        ordinal = self._written + 1
        new = NewEvent(
            event_id=event_id(cause, self._name, ordinal),
            type=tag,
            schema_version=1,
            payload=payload,
            causation=cause,
            correlation=cause,
        )
        batch = Append(stream=self._name, expected_version=ANY_VERSION, events=(new,), attention=attention)
        self._last_ticket += 1
        self._tickets[self._last_ticket] = storing
        if not self._env.append(batch, self._last_ticket, self._me):
            del self._tickets[self._last_ticket]
            return False
        self._written = ordinal
        return True

    def _append_ended(self, mail: AppendEnded) -> None:
        if not isinstance(mail.outcome, Appended):
            self._give_up(f"an append ended as {mail.outcome}", mail.outcome)
            return
        self._idling.interrupt()
        stored = self._tickets.pop(mail.ticket)
        self._keep(mail.ticket, mail.outcome)
        if stored is None:
            return
        duplicates = self._storing.pop(stored.signal_id, [])
        self._tell(self._asks.get(stored.signal_id, NOBODY), SignalStored(signal_id=stored.signal_id))
        for ask in duplicates:
            self._tell(ask, SignalDuplicate(signal_id=stored.signal_id))
        if stored.sequence not in self._inbox.unfinished:
            self._asks.pop(stored.signal_id, None)

    def _give_up(self, reason: str, outcome: Conflict | AppendFailed) -> None:
        for signal_id, duplicates in self._storing.items():
            for ask in (self._asks.get(signal_id, NOBODY), *duplicates):
                self._tell(ask, NotStored(reason=reason))
        if isinstance(outcome, AppendFailed):
            self._fail_with_the_log(reason)
        else:
            self._end(reason)

    def _fail_with_the_log(self, reason: str) -> None:
        self._env.tell(LogTrouble(at=self._me), self._supervisor)
        self._end(reason)

    def _end(self, reason: str) -> None:
        self._is_over = True
        self._env.stop(self._me, reason, self._waiting)

    def _tell(self, ask: AskId, reply: Reply) -> None:
        if ask != NOBODY:
            self._env.reply(ask, reply)
