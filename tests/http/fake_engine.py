"""A small engine behind the switchboard: a real catalogue, inbox and log, and strategy accounts that place at once."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from uuid import UUID, uuid4

from orderwright.actors.adoptions import Adoption, AdoptionRefused
from orderwright.actors.alarms import Alarms
from orderwright.actors.asks import Ask
from orderwright.actors.catalogue_desk import CatalogueDesk
from orderwright.actors.declarations import Applied, apply_declaration
from orderwright.actors.gate import Scope, covers
from orderwright.actors.kill_switch import HaltNotStored, HaltReport
from orderwright.actors.messages import (
    AccountReport,
    AskId,
    Away,
    NotStored,
    Operated,
    Overloaded,
    SignalDuplicate,
    SignalIdReused,
    SignalStored,
    SubmitSignal,
    Unavailable,
    inbox_name,
    strategy_account_name,
)
from orderwright.actors.noticeboard import ExchangeCondition, Noticeboard
from orderwright.actors.switchboard import Health, OperatorCommand
from orderwright.auth.tokens import token_hash
from orderwright.engine.catalogue.commands import FoundInstallation, HaltTrading, LiftHalt
from orderwright.engine.catalogue.events import Drift
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import OrderId
from orderwright.engine.inbox import (
    Arrival,
    Duplicate,
    IdReused,
    Inbox,
    InboxEvent,
    SignalFinished,
    SignalReceived,
    evolve,
    receive,
)
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Purpose
from orderwright.engine.signals import Instruction, OrderType, Side, Signal
from orderwright.engine.strategy_account.commands import AdoptPosition
from orderwright.engine.strategy_account.events import (
    CancellationEnded,
    Event,
    LegRefused,
    OrderAccepted,
    OrderRequested,
    SignalAccepted,
    SignalEnded,
)
from orderwright.engine.strategy_account.results import after, is_about, unanswered
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import ANY_VERSION, Append, StoredEvent, StoreUnavailable
from orderwright.moments import SECOND, Micros
from orderwright.readmodels.account_view import AccountView, PositionView

ADMIN_TOKEN = "the administrator's token"
START = Micros(1_800_000_000 * SECOND)
MAX_LAG = 60 * SECOND

_INBOX: EventCodec[InboxEvent] = EventCodec(InboxEvent)
_ACCOUNT: EventCodec[Event] = EventCodec(Event)


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> Micros:
        return self.moment


class FakeEngine:
    """Implements `Switchboard`; the attributes say what goes wrong."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.log = MemoryLog(self.clock)
        self.desk = CatalogueDesk(clock=self.clock, reader=self.log, writer=self.log)
        self.desk.change([FoundInstallation(salt="abcde", admin="root", token_hash=token_hash(ADMIN_TOKEN))])
        self.verdict: Overloaded | NotStored | None = None
        self.is_silent = False
        self.hanging: set[str] = set()
        self.refusing: set[str] = set()
        self.forgetful = False
        self.log_is_down = False
        self.answers_operators = True
        self.away: dict[str, Away] = {}
        self.revived: list[str] = []
        self.woken: bool | None = None
        self.left = HaltReport(on_the_wire=(), in_doubt=(), unanswered=())
        self.noticeboard = Noticeboard(self.clock)
        self.state = Health(live=True, ready=True, parts={"log": "ok"})
        self.submitted: list[SubmitSignal] = []
        self.adopted: list[Adoption] = []
        self.no_adoption = ""
        self.objection = ""
        self.operated: list[tuple[str, OperatorCommand]] = []
        self._inboxes: dict[str, Inbox] = {}
        self._lock = threading.Lock()
        self._numbers = count(1)

    def declare(self, text: str) -> dict[tuple[str, str], str]:
        """Apply a declaration; return the new tokens by (strategy, holder)."""
        applied = self.apply_declaration(text, by="root")
        return {(issued.strategy, issued.holder): issued.token for issued in applied.tokens}

    def now(self) -> Micros:
        return self.clock.now()

    def new_id(self) -> UUID:
        return uuid4()

    def catalogue(self) -> Catalogue:
        return self.desk.catalogue

    def apply_declaration(self, text: str, *, by: str) -> Applied:
        if self.log_is_down:
            raise StoreUnavailable
        return apply_declaration(self.desk, text, by=by, clock=self.clock)

    @contextmanager
    def submit(self, build: Callable[[AskId], SubmitSignal]) -> Iterator[Ask]:
        ask = Ask(AskId(next(self._numbers)), expected=0)
        message = build(ask.id)
        ask.expect(len(message.recipients))
        if self.verdict is not None:
            ask.add(self.verdict)
        elif not self.is_silent:
            with self._lock:
                self._receive(message, ask)
        yield ask

    def operate(self, account: str, command: OperatorCommand, *, timeout: float) -> Operated | Unavailable | None:
        assert timeout > 0
        self.operated.append((account, command))
        if account in self.away:
            return Unavailable(name=account, away=self.away[account], reason="it broke")
        if not self.answers_operators:
            return None
        if self.objection:
            return Operated(account=account, done=False, changed=False, note=self.objection)
        return Operated(account=account, done=account not in self.hanging, changed=True, cancelled=2)

    def adopt(self, strategy: str, account: str, wanted: Adoption, *, timeout: float) -> Operated | Unavailable | None:
        self.adopted.append(wanted)
        if self.no_adoption:
            raise AdoptionRefused(self.no_adoption)
        command = AdoptPosition(
            command_id=wanted.command_id,
            symbol=wanted.symbol,
            base="BTC",
            quote="USDT",
            amount=wanted.amount,
            price=wanted.price,
            unowned=wanted.amount,
            by=wanted.by,
            why=wanted.why,
        )
        return self.operate(strategy_account_name(strategy, account), command, timeout=timeout)

    def operate_within(
        self, scope: Scope, build: Callable[[str], OperatorCommand], *, wake: bool, timeout: float
    ) -> Mapping[str, Operated | Unavailable | None]:
        names = (strategy_account_name(*pair) for pair in self.desk.catalogue.links)
        self.woken = wake
        return {name: self.operate(name, build(name), timeout=timeout) for name in names if covers(scope, name)}

    def describe(self, accounts: Sequence[str], *, timeout: float) -> Mapping[str, AccountView | Unavailable | None]:
        assert timeout > 0
        return {name: self._described(name) for name in accounts}

    def _described(self, name: str) -> AccountView | Unavailable | None:
        if name in self.away:
            return Unavailable(name=name, away=self.away[name], reason="it broke")
        return None if name in self.hanging else _view(name)

    def revive(self, actor: str, *, timeout: float) -> bool:
        assert timeout > 0
        self.revived.append(actor)
        return actor not in self.hanging

    def halt(self, scope: Scope, *, by: str, why: str, timeout: float) -> HaltReport:
        assert timeout > 0
        if self.log_is_down:
            raise HaltNotStored
        self.desk.change([HaltTrading(by=by, why=why, scope=scope[0], name=scope[1])])
        return self.left

    def lift_halt(self, scope: Scope, *, by: str, why: str, drift: Drift = Drift.UNEXAMINED) -> None:
        if self.log_is_down:
            raise StoreUnavailable
        self.desk.change([LiftHalt(by=by, why=why, scope=scope[0], name=scope[1], drift=drift)])

    @property
    def alarms(self) -> Alarms:
        return self.noticeboard.alarms

    def exchange_accounts(self) -> tuple[ExchangeCondition, ...]:
        return tuple(self.noticeboard.exchanges.values())

    def exposures(self, account: str) -> dict[str, tuple[str, ...]]:
        known = self.noticeboard.exposures.on((account, MarketType.FUTURES))
        return {name: tuple(sorted(symbols)) for name, symbols in known.items()}

    def signal_events(self, signal_id: UUID) -> list[StoredEvent]:
        if self.log_is_down:
            raise StoreUnavailable
        return list(self.log.read_correlation(signal_id))

    def health(self) -> Health:
        return self.state

    def _receive(self, message: SubmitSignal, ask: Ask) -> None:
        signal = message.signal
        inbox = self._inboxes.get(signal.strategy, Inbox())
        arrival = Arrival(
            signal=signal,
            recipients=message.recipients,
            key=message.key,
            body_hash=message.body_hash,
            dedupe_window=message.dedupe_window,
        )
        decided = receive(inbox, arrival, self.now())
        if isinstance(decided, Duplicate):
            ask.add(SignalDuplicate(signal_id=decided.signal_id))
        elif isinstance(decided, IdReused):
            ask.add(SignalIdReused(signal_id=decided.signal_id))
        elif isinstance(decided, SignalReceived):
            self.submitted.append(message)
            self._inboxes[signal.strategy] = evolve(inbox, decided)
            self._write(_INBOX, inbox_name(signal.strategy), signal, [decided])
            ask.add(SignalStored(signal_id=signal.signal_id))
            for name in message.recipients:
                self._carry_out(name, signal, decided.sequence, ask)
            if not self.hanging.intersection(message.recipients):
                finished = SignalFinished(at=self.now(), sequence=decided.sequence, signal_id=signal.signal_id)
                self._inboxes[signal.strategy] = evolve(self._inboxes[signal.strategy], finished)
                self._write(_INBOX, inbox_name(signal.strategy), signal, [finished])

    def _carry_out(self, name: str, signal: Signal, sequence: int, ask: Ask) -> None:
        accepted = SignalAccepted(
            at=self.now(),
            signal_id=signal.signal_id,
            sequence=sequence,
            born_at=signal.born_at,
            instructions=signal.instructions,
        )
        self._write(_ACCOUNT, name, signal, [accepted])
        if name in self.hanging:
            return
        events = [event for instruction in signal.instructions for event in self._leg(name, signal, instruction)]
        self._write(_ACCOUNT, name, signal, [*events, SignalEnded(at=self.now(), signal_id=signal.signal_id)])
        results = [unanswered(instruction) for instruction in signal.instructions]
        for event in events:
            results = [after(result, event) if is_about(event, result) else result for result in results]
        ask.add(AccountReport(account=name, results=() if self.forgetful else tuple(results)))

    def _leg(self, name: str, signal: Signal, instruction: Instruction) -> list[Event]:
        now, leg = self.now(), instruction.leg
        if now - signal.born_at > MAX_LAG and not instruction.is_exit:
            return [_refused(now, signal, leg, "signal_expired", "The signal is too old.")]
        if name in self.refusing:
            return [_refused(now, signal, leg, "insufficient_capital", "Not enough USDT.")]
        if instruction.order_type is OrderType.CANCEL_ALL_ORDER:
            return [CancellationEnded(at=now, signal_id=signal.signal_id, leg=leg, cancelled=2, failed=0, in_doubt=0)]
        order_id = OrderId(f"o{next(self._numbers)}")
        requested = OrderRequested(
            at=now,
            signal_id=signal.signal_id,
            leg=leg,
            attempt=1,
            order_id=order_id,
            symbol=instruction.symbol or "",
            base="BTC",
            quote="USDT",
            side=instruction.side or Side.SELL,
            order_type=instruction.order_type,
            amount=Decimal("0.0000000001"),
            reference_price=Decimal(1),
            purpose=Purpose.ENTRY,
            valid_until=now,
            price=instruction.price,
            ref=instruction.ref,
        )
        return [requested, OrderAccepted(at=now, order_id=order_id, exchange_order_id=f"x{order_id}")]

    def _write(self, codec: EventCodec, stream: str, signal: Signal, events: Sequence[Event | InboxEvent]) -> None:  # type: ignore[type-arg]
        sealed = tuple(
            codec.new_event(event, event_id=uuid4(), causation=signal.signal_id, correlation=signal.signal_id)
            for event in events
        )
        self.log.append(Append(stream=stream, expected_version=ANY_VERSION, events=sealed), lambda _outcome: None)


def _refused(now: Micros, signal: Signal, leg: int, code: str, error: str) -> LegRefused:
    return LegRefused(at=now, signal_id=signal.signal_id, leg=leg, code=code, error=error)


def _view(name: str) -> AccountView:
    held = PositionView(
        symbol="BTC/USDT",
        quantity=Decimal("1E-8"),
        average_price=Decimal("100000.10"),
        realised=Decimal(0),
        fees={"USDT": Decimal("0.1")},
    )
    return AccountView(
        account=name,
        condition="active",
        why="",
        version=3,
        capital={"USDT": Decimal(10000)},
        positions=(held,),
        orders=(),
        waiting_signals=0,
    )
