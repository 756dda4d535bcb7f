"""The actor of one strategy account: decides one message at a time, writes it down, then acts on what it owes."""

import logging
from collections import deque
from collections.abc import Sequence
from enum import Enum
from uuid import UUID

from msgspec.structs import replace

from orderwright.actors.calls import Calls
from orderwright.actors.decisions import Decision, Pending, Postponed, decide_waiting, together
from orderwright.actors.doubts import Doubts
from orderwright.actors.env import Directory, Env, Profile
from orderwright.actors.envelopes import Causes
from orderwright.actors.folding import fold_account
from orderwright.actors.idling import IDLE, Idling
from orderwright.actors.limits import Limits
from orderwright.actors.listeners import Listeners
from orderwright.actors.messages import (
    AccountReport,
    Address,
    Answering,
    AppendEnded,
    Away,
    Called,
    CatalogueChanged,
    Describe,
    Execute,
    Loaded,
    LoadFailed,
    LogTrouble,
    Mail,
    Operate,
    Operated,
    OrdersShown,
    Ready,
    Recalled,
    Rest,
    SignalSettled,
    Start,
    Tick,
    name_of,
    turned_away,
)
from orderwright.actors.operations import answer_to, cause_of
from orderwright.actors.snapshots import EVERY, AccountImage, Rhythm
from orderwright.actors.strangers import Strangers
from orderwright.actors.surroundings import Surroundings
from orderwright.actors.timetable import Timetable
from orderwright.actors.watches import Watches
from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.outcomes import FetchQuote, OrderSeen
from orderwright.engine.strategy_account.commands import (
    AdoptTerms,
    Message,
    Recover,
    TimePassed,
)
from orderwright.engine.strategy_account.decide import decide_and_evolve
from orderwright.engine.strategy_account.effects import look, outstanding
from orderwright.engine.strategy_account.state import Context, State
from orderwright.engine.strategy_account.timing import next_due
from orderwright.eventstore.store import Append, Appended, AppendFailed, NewEvent
from orderwright.moments import SECOND
from orderwright.readmodels.account_view import view

logger = logging.getLogger(__name__)

_FULL_LOG = "full log"
_FULL_LOG_WAIT = SECOND // 5
_HEARD = "heard"
_MARKET_WAIT = SECOND // 4


class _Phase(Enum):
    REBUILDING = "rebuilding"
    RECOVERING = "recovering"
    LIVE = "live"
    OVER = "over"


class StrategyAccount:
    """One strategy on one exchange account: owns its orders, its positions and its event stream.

    While an append is under way, whatever else arrives waits: each message is decided on the state that all before it
    left. Signals that waited are then decided and written in one go. After a rebuild it first asks about every
    unfinished order, and takes commands once that is answered. With nothing to look after it rests until it is wanted.
    """

    def __init__(
        self,
        *,
        env: Env,
        me: Address,
        supervisor: Address,
        directory: Directory,
        snapshot_every: int = EVERY,
        limits: Limits | None = None,
    ) -> None:
        self._env = env
        self._me = me
        self._name = name_of(me)
        self._supervisor = supervisor
        self._surroundings = Surroundings(env, directory, self._name)
        self._phase = _Phase.REBUILDING
        self._state = State()
        self._version = 0
        self._position = 0
        self._pending: Pending | None = None
        self._postponed: Postponed | None = None
        self._hears_first = False
        self._outcomes: deque[Mail] = deque()
        self._commands: deque[Mail] = deque()
        self._to_recover: deque[Message] = deque()
        self._unseen: set[OrderId] = set()
        self._listeners = Listeners(env, self._name)
        self._timetable = Timetable(env, me)
        self._causes = Causes(self._name)
        self._calls = Calls(env, me)
        self._strangers = Strangers(env, me, self._name, self._calls)
        self._watches = Watches(self._strangers)
        self._snapshots = Rhythm(env, self._name, snapshot_every)
        self._limits = limits or Limits()
        self._doubts = Doubts(env, self._name, self._limits.doubt_alarm_after)
        self._idling = Idling(env, me, self._limits.idle_after)

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        match mail:
            case _ if self._phase is _Phase.OVER:
                return
            case Start():
                self._env.load(self._name, self._me)
            case Loaded():
                self._rebuild(mail)
            case LoadFailed(reason=reason):
                self._fail_with_the_log(reason)
            case AppendEnded():
                self._written(mail)
            case Rest():
                self._take_snapshot()
            case Tick(reason=reason) if reason == _FULL_LOG:
                self._decide_again()
            case Tick(reason=reason) if reason == _HEARD:
                self._hears_first = False
            case Called() | Tick() | OrdersShown() | Recalled():
                self._outcomes.append(mail)
            case Operate() | Describe() if len(self._commands) >= self._limits.mailbox:
                self._env.reply(mail.ask, turned_away(mail, self._name, away=Away.OVERLOADED, reason="it is busy"))
            case _:
                self._commands.append(mail)
        self._go_on()

    def _go_on(self) -> None:
        while self._is_free:
            if self._to_recover:
                self._decide(self._to_recover.popleft())
            elif self._outcomes:
                self._take_outcome(self._outcomes.popleft())
            elif self._phase is _Phase.RECOVERING:
                if not self._is_recovered():
                    return
            elif self._commands and not self._hears_first:
                self._take_command(self._commands.popleft())
            else:
                return

    @property
    def _is_free(self) -> bool:
        can_decide = self._phase in (_Phase.RECOVERING, _Phase.LIVE)
        return can_decide and self._pending is None and self._postponed is None

    def _end(self, reason: str) -> None:
        # What is still stashed must not be acted on: this state may not be what the log has.
        self._phase = _Phase.OVER
        self._env.stop(self._me, reason, self._commands)

    def _fail_with_the_log(self, reason: str) -> None:
        self._env.tell(LogTrouble(at=self._me), self._supervisor)
        self._end(reason)

    def _rebuild(self, loaded: Loaded) -> None:
        profile = self._surroundings.look()
        if profile is None:
            self._end(f"the catalogue has no {self._name}")
            return
        self._state, self._version, self._position = fold_account(loaded, self._causes)
        if loaded.snapshot is not None:
            self._snapshots.begin_after(loaded.snapshot.version)
        self._surroundings.show(self._state)
        self._surroundings.settle_gate(self._state)
        self._strangers.note((), self._state)
        self._causes.forget_all_but(self._state.awaited_orders)
        self._phase = _Phase.RECOVERING
        self._to_recover.extend((Recover(), AdoptTerms(terms=profile.terms)))
        self._unseen = set(self._state.orders)
        context = self._context(profile)
        for order in self._state.orders.values():
            self._calls.make(profile.account, look(self._state, order, context))

    def _take_snapshot(self) -> None:
        if self._pending is None:
            image = AccountImage(state=self._state, requests=self._causes.requests)
            self._snapshots.take(image, version=self._version, position=self._position)

    def _is_recovered(self) -> bool:
        self._unseen &= self._state.orders.keys()
        if self._unseen:
            return False
        self._phase = _Phase.LIVE
        self._doubts.look(self._state.orders)
        self._to_recover.append(TimePassed())
        self._idling.interrupt()
        self._env.tell(Ready(at=self._me), self._supervisor)
        return True

    def _rest_if_idle(self) -> None:
        is_over = self._idling.is_over()
        nobody_waits = self._listeners.are_none and self._strangers.are_none
        if self._outcomes or self._commands:
            self._idling.interrupt()
        elif is_over and nobody_waits and not self._state.has_unfinished_business:
            self._surroundings.show(self._state)
            self._take_snapshot()
            self._end("")

    def _take_outcome(self, mail: Mail) -> None:
        if isinstance(mail, Called):
            self._calls.answered(mail.outcome)
            self._surroundings.heard(mail.outcome, self._supervisor)
            if isinstance(mail.outcome, OrderSeen):
                self._unseen.discard(mail.outcome.order_id)
            self._strangers.answered(mail.outcome, self._state.orders)
            if isinstance(mail.outcome, OrderSeen) and self._phase is _Phase.LIVE:
                # That look may have been all that kept it up.
                self._idling.interrupt()
            self._decide(mail.outcome)
        elif isinstance(mail, Recalled):
            if sighting := self._strangers.recalled(mail):
                self._decide(sighting)
        elif isinstance(mail, OrdersShown):
            profile = self._surroundings.profile
            if profile is not None:
                seen = self._strangers.shown(mail, self._state.orders, profile.account, self._context(profile))
                self._outcomes.extend(Called(outcome=outcome) for outcome in seen)
        elif isinstance(mail, Tick) and mail.reason == IDLE:
            self._rest_if_idle()
        elif isinstance(mail, Tick):
            self._tick(mail.reason)

    def _take_command(self, mail: Mail) -> None:
        match mail:
            case Execute():
                self._execute(mail)
            case Operate():
                self._operate(mail)
            case Describe(ask=ask):
                self._env.reply(ask, view(self._name, self._state, version=self._version, condition=""))
            case Answering():
                self._calls.look_anew()
                self._act()
            case CatalogueChanged():
                profile = self._surroundings.look()
                self._surroundings.show(self._state)
                if profile is not None:
                    self._decide(AdoptTerms(terms=profile.terms))
            case _:
                logger.warning("%s was told something that is not for it: %s", self._name, type(mail).__name__)

    def _execute(self, mail: Execute) -> None:
        self._idling.interrupt()
        command = mail.command
        is_running = any(run.signal_id == command.signal_id for run in self._state.queue)
        if command.sequence <= self._state.last_sequence and not is_running:
            self._env.tell(SignalSettled(account=self._name, sequence=command.sequence), mail.inbox)
            self._env.reply(mail.ask, AccountReport(account=self._name, results=()))
            return
        self._listeners.add(command.signal_id, mail.ask, mail.inbox)
        self._decide(command, command_id=command.signal_id)

    def _operate(self, mail: Operate) -> None:
        self._idling.interrupt()
        self._decide(mail.command, command_id=cause_of(mail), by=mail)

    def _tick(self, reason: str) -> None:
        self._timetable.ended(reason)
        self._calls.pace_ended(reason)
        self._strangers.ask_again(reason)
        if reason == "poll" and self._surroundings.profile is not None:
            self._doubts.look(self._state.orders)
            account, context = self._surroundings.profile.account, self._context(self._surroundings.profile)
            self._calls.poll(account, self._state, context)
            self._watches.look(self._state.watched, account, context)
        self._decide(TimePassed())

    def _decide(self, message: Message, *, command_id: UUID | None = None, by: Operate | None = None) -> None:
        if self._surroundings.profile is None:
            return
        context = self._context(self._surroundings.profile)
        decided = decide_and_evolve(self._state, message, context)
        answer = None if by is None else answer_to(self._name, by.command, decided.events, self._state, context)
        if not decided.events:
            self._act()
            self._promise(by, command_id, answer)
            return
        # What waits for this commit anyway needs none of its own.
        behind = [] if self._outcomes or not context.is_reconciled else self._commands
        signals = decide_waiting(decided.state, behind, context)
        for mail, _ in signals:
            self._commands.popleft()
            self._listeners.add(mail.command.signal_id, mail.ask, mail.inbox)
        first = Decision(decided=decided, command_id=command_id)
        if self._write([first, *(decision for _, decision in signals)]):
            self._promise(by, command_id, answer)
        else:
            self._commands.extendleft(mail for mail, _ in reversed(signals))
            self._pending = None
            self._postponed = Postponed(message=message, command_id=command_id, by=by)
            self._env.after(_FULL_LOG_WAIT, Tick(reason=_FULL_LOG), self._me)

    def _promise(self, by: Operate | None, command_id: UUID | None, answer: Operated | None) -> None:
        if by is None:
            return
        if answer is None and command_id is not None:
            self._listeners.add(SignalId(command_id), by.ask)
        elif answer is not None and answer.changed and self._pending is not None:
            self._pending = replace(self._pending, reply_to=by.ask, answer=answer)
        elif answer is not None:
            self._env.reply(by.ask, answer)

    def _decide_again(self) -> None:
        postponed, self._postponed = self._postponed, None
        if postponed is not None:
            self._decide(postponed.message, command_id=postponed.command_id, by=postponed.by)

    def _write(self, decisions: Sequence[Decision]) -> bool:
        decided = together(decisions)
        self._surroundings.announce(self._state, decided.state)
        self._pending = Pending(decided=decided)
        sealed: list[NewEvent] = []
        for one in decisions:
            version = self._version + len(sealed)
            sealed += self._causes.seal(one.decided.events, version=version, command_id=one.command_id)
        batch = Append(
            stream=self._name,
            expected_version=self._version,
            events=tuple(sealed),
            attention=decided.state.has_unfinished_business,
        )
        return self._env.append(batch, self._version, self._me)

    def _written(self, mail: AppendEnded) -> None:
        pending, self._pending = self._pending, None
        if pending is None or not isinstance(mail.outcome, Appended):
            end = self._fail_with_the_log if isinstance(mail.outcome, AppendFailed) else self._end
            end(f"an append ended as {mail.outcome}")
            return
        decided = pending.decided
        before, self._state = self._state, decided.state
        self._surroundings.become(before, self._state)
        self._doubts.note(decided.events, before, self._state)
        if self._phase is _Phase.LIVE:
            self._idling.interrupt()
        self._version, self._position = mail.outcome.version, mail.outcome.position
        self._causes.forget_all_but(self._state.awaited_orders)
        self._calls.forget_all_but(self._state.orders)
        self._strangers.note(decided.events, self._state)
        if self._snapshots.is_due(self._version):
            self._take_snapshot()
        if pending.answer is not None:
            self._env.reply(pending.reply_to, pending.answer)
        self._listeners.tell(decided)
        self._act()

    def _act(self) -> None:
        if self._surroundings.profile is None:
            return
        context = self._context(self._surroundings.profile)
        effects = outstanding(self._state, context)
        for effect in effects:
            if isinstance(effect, FetchQuote) and context.market.instruments is None:
                # The exchange is not connected yet: a signal can wait for that as long as it is young enough.
                self._timetable.within(_MARKET_WAIT, "market")
            else:
                self._calls.make(self._surroundings.profile.account, effect)
        if effects and self._commands and not self._hears_first:
            # An exchange may have answered by now: the signals that wait are then written with what came of this one.
            self._hears_first = True
            self._env.tell(Tick(reason=_HEARD), self._me)
        if self._state.orders or self._state.watched:
            self._timetable.within(context.rules.poll_interval, "poll")
        if self._state.liquidation is not None:
            self._timetable.within(context.rules.liquidation_pause, "liquidation")
        if self._state.has_unfinished_business:
            self._timetable.at(next_due(self._state, context))

    def _context(self, profile: Profile) -> Context:
        is_live = self._phase is _Phase.LIVE
        return self._surroundings.context(profile, is_reconciled=is_live, sightings=self._calls.sightings)
