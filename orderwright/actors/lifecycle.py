"""The engine as a whole: comes up in order, is the switchboard for the entry points while it runs, stops in reverse."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from uuid import UUID

from orderwright.actors.adoptions import Adoption, Adoptions
from orderwright.actors.alarms import AlarmKind, Alarms
from orderwright.actors.asks import Ask, Asks
from orderwright.actors.catalogue_desk import CatalogueDesk
from orderwright.actors.claims import Claims
from orderwright.actors.declarations import Applied, apply_declaration
from orderwright.actors.directory import CatalogueDirectory
from orderwright.actors.drift import books_of
from orderwright.actors.env import Env, Room
from orderwright.actors.gate import Scope, covers
from orderwright.actors.health import parts_of
from orderwright.actors.kill_switch import HaltReport, KillSwitch
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    AccountView,
    Address,
    AskId,
    Away,
    CatalogueChanged,
    Describe,
    Mail,
    Operate,
    Operated,
    SubmitSignal,
    Unavailable,
    Wake,
    exchange_account_name,
    inbox_name,
    strategy_account_name,
)
from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.actors.pykka_env import PykkaEnv
from orderwright.actors.questions import Questions
from orderwright.actors.rooms import ROOMS, RoomTerms
from orderwright.actors.snapshots import EVERY
from orderwright.actors.supervisor import SUPERVISOR, Restarts, Supervisor
from orderwright.actors.switchboard import Health, OperatorCommand
from orderwright.clock import Clock, monotonic
from orderwright.engine.catalogue.events import Drift
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import ExchangeBooks
from orderwright.engine.instruments import MarketType
from orderwright.engine.strategy_account.commands import PauseTrading, ResolveDoubt
from orderwright.engine.strategy_account.state import Rules
from orderwright.eventstore.snapshots import SnapshotStore
from orderwright.eventstore.store import LogReader, LogWriter, StoredEvent
from orderwright.exchanges.gateway import ExchangeUnavailable, Gateway, ReloadableGateway
from orderwright.marketdata.board import Board
from orderwright.moments import Micros

logger = logging.getLogger(__name__)

_RECOVERY_WAIT = 30.0
_CONNECTION_WAIT = 5.0
_CONNECTION_LOOK = 0.05
_MOST_WOKEN_TO_DESCRIBE = 200
_LOG_WATCH_SECONDS = 5.0


class Engine:
    """Everything that trades. Implements `Switchboard`.

    `make_gateway` is asked once per account; `new_id` returns time-ordered ids; `local_token_hash`: see CatalogueDesk.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        reader: LogReader,
        writer: LogWriter,
        make_gateway: Callable[[Catalogue, str], Gateway],
        new_id: Callable[[], UUID],
        rules: Rules,
        restarts: Restarts | None = None,
        local_token_hash: str | None = None,
        snapshots: SnapshotStore | None = None,
        snapshot_every: int = EVERY,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._reader = reader
        self._writer = writer
        self._make_gateway = make_gateway
        self._new_id = new_id
        self._gateways: dict[str, Gateway] = {}
        self._gateways_lock = threading.Lock()
        self._desk = CatalogueDesk(clock=clock, reader=reader, writer=writer, local_token_hash=local_token_hash)
        self._board = Board()
        self._directory = CatalogueDirectory(
            catalogue=lambda: self._desk.catalogue, gateway=self._gateway, board=self._board, rules=rules
        )
        self._asks = Asks()
        self._terms = RoomTerms(snapshot_every=snapshot_every, limits=limits or Limits())
        self._env = PykkaEnv(
            clock=clock,
            reader=reader,
            writer=writer,
            gateway=self._gateway,
            board=self._board,
            asks=self._asks,
            make_room=self._make_room,
            snapshots=snapshots,
            limits=self._terms.limits,
        )
        self._supervisor = Supervisor(env=self._env, restarts=restarts, stash=self._terms.limits.mailbox)
        self._questions = Questions(self._env, self._asks, self._supervisor)
        self._kill_switch = KillSwitch(
            desk=self._desk,
            gate=self._env.gate,
            wire=self._env.wire,
            awake=self._busy,
            describe=lambda names, timeout: self.describe(names, timeout=timeout),
            changed=lambda: self._tell_supervisor(CatalogueChanged()),
            alarms=self._env.noticeboard.alarms,
            now=clock.now,
        )
        self._adoptions = Adoptions(
            catalogue=lambda: self._desk.catalogue,
            gateway=self._connected,
            describe=lambda names, timeout: self.describe(names, timeout=timeout),
            operate=lambda name, command, timeout: self.operate(name, command, timeout=timeout),
        )
        self._claims = Claims(
            directory=self._directory,
            gateway=self._gateway,
            describe=lambda names, timeout: self.describe(names, timeout=timeout),
            awake=self._busy,
            now=self._clock.now,
        )
        self._is_ready = False

    def start(self) -> None:
        """Come up as after a crash: catalogue, supervisor, exchanges, then every stream with unfinished business.

        Returns once those have been reconciled, or after 30 seconds: what is late goes on in the background.

        Raises:
            EventStoreError: the log cannot be read.
        """
        self._desk.load()
        self._kill_switch.load()
        self._env.open_mailbox(self._supervisor, SUPERVISOR)
        if not self._questions.is_supervised(timeout=_RECOVERY_WAIT):
            logger.error("the supervisor does not answer")
        for name in self._desk.catalogue.accounts:
            self._tell_supervisor(Wake(name=exchange_account_name(name)))
        unfinished = self._unfinished()
        late = self._questions.wake(unfinished, timeout=_RECOVERY_WAIT)
        if late:
            logger.warning("%d of %d streams are still recovering: %s", len(late), len(unfinished), ", ".join(late))
        self._watch_log()
        self._is_ready = True

    def stop(self) -> tuple[str, ...]:
        """End every actor, then let go of the exchanges; the log is its owner's to close.

        Returns the names of actors and threads that would not end, which are logged.
        """
        self._is_ready = False
        left = self._env.close()
        for gateway in self._gateways.values():
            gateway.close()
        left += self._env.threads_left()
        if left:
            logger.error("still alive after the end: %s", ", ".join(left))
        return left

    def now(self) -> Micros:
        """Return the engine's time."""
        return self._clock.now()

    def new_id(self) -> UUID:
        """Return a fresh time-ordered id."""
        return self._new_id()

    def catalogue(self) -> Catalogue:
        """Return the catalogue as of now."""
        return self._desk.catalogue

    def apply_declaration(self, text: str, *, by: str) -> Applied:
        """Lead the catalogue to what the declaration says, and let the actors know."""
        known = set(self._desk.catalogue.accounts)
        applied = apply_declaration(self._desk, text, by=by, clock=self._clock)
        for name in self._desk.catalogue.accounts:
            if name not in known:
                self._tell_supervisor(Wake(name=exchange_account_name(name)))
        self._tell_supervisor(CatalogueChanged())
        return applied

    @contextmanager
    def submit(self, build: Callable[[AskId], SubmitSignal]) -> Iterator[Ask]:
        """Hand a signal to its strategy's inbox."""
        ask = self._asks.open(expected=0)
        try:
            message = build(ask.id)
            ask.expect(len(message.recipients))
            self._questions.send(inbox_name(message.signal.strategy), message)
            yield ask
        finally:
            self._asks.close(ask)

    def operate(self, account: str, command: OperatorCommand, *, timeout: float) -> Operated | Unavailable | None:
        """Give an operator's command to a strategy account; a pause shuts the gate before it is written down."""
        if isinstance(command, ResolveDoubt) and command.exchange_order_id:
            checked = self._claims.check(account, command, timeout=timeout)
            if isinstance(checked, str):
                return Operated(account=account, done=False, changed=False, note=checked)
            command = checked
        return self._operate([account], lambda _name: command, timeout=timeout)[account]

    def adopt(self, strategy: str, account: str, wanted: Adoption, *, timeout: float) -> Operated | Unavailable | None:
        """Have a strategy account adopt what its exchange account holds and nobody here owns."""
        return self._adoptions.adopt(strategy, account, wanted, timeout=timeout)

    def operate_within(
        self, scope: Scope, build: Callable[[str], OperatorCommand], *, wake: bool, timeout: float
    ) -> dict[str, Operated | Unavailable | None]:
        """Give a command to the strategy accounts within a scope."""
        declared = [strategy_account_name(*pair) for pair in self._desk.catalogue.links] if wake else self._busy()
        return self._operate([name for name in declared if covers(scope, name)], build, timeout=timeout)

    def _operate(
        self, names: Sequence[str], build: Callable[[str], OperatorCommand], *, timeout: float
    ) -> dict[str, Operated | Unavailable | None]:
        if trouble := self._writer.trouble:
            # Queued, it would be done at some later time that nobody knows; a person has to know now.
            return {name: Unavailable(name=name, away=Away.UNWRITTEN, reason=trouble) for name in names}
        commands = {name: build(name) for name in names}
        held = [name for name, command in commands.items() if isinstance(command, PauseTrading)]
        for name in held:
            self._env.gate.hold(name)
        replies = self._questions.ask(
            names,
            lambda name, ask: Operate(command_id=self._new_id(), command=commands[name], ask=ask),
            timeout,
        )
        answers: dict[str, Operated | Unavailable | None] = dict.fromkeys(names)
        for reply in replies:
            match reply:
                case Operated(account=name) | Unavailable(name=name):
                    answers[name] = reply
        for name in held:
            if isinstance(answers[name], Unavailable):
                self._env.gate.release(name)
        return answers

    def describe(self, accounts: Sequence[str], *, timeout: float) -> Mapping[str, AccountView | Unavailable | None]:
        """Return a view of each strategy account."""
        book = self._supervisor.book
        asleep = [name for name in accounts if name not in book][:_MOST_WOKEN_TO_DESCRIBE]
        asked = [*asleep, *(name for name in accounts if name in book)]
        views: dict[str, AccountView | Unavailable | None] = dict.fromkeys(accounts)
        for reply in self._questions.ask(asked, lambda _name, ask: Describe(ask=ask), timeout):
            match reply:
                case AccountView(account=name) | Unavailable(name=name):
                    views[name] = reply
        return views

    def revive(self, actor: str, *, timeout: float) -> bool:
        """Let an actor out of quarantine."""
        return self._questions.revive(actor, timeout=timeout)

    def halt(self, scope: Scope, *, by: str, why: str, timeout: float) -> HaltReport:
        """Let nothing more leave within the scope."""
        return self._kill_switch.halt(scope, by=by, why=why, timeout=timeout)

    def lift_halt(self, scope: Scope, *, by: str, why: str, drift: Drift = Drift.UNEXAMINED) -> None:
        """Let orders leave again."""
        self._kill_switch.lift(scope, by=by, why=why, drift=drift)

    @property
    def alarms(self) -> Alarms:
        """What somebody should look at."""
        return self._env.noticeboard.alarms

    def exchange_accounts(self) -> tuple[ExchangeCondition, ...]:
        """Return how each exchange account is."""
        known = self._env.noticeboard.exchanges
        return tuple(known[name] for name in sorted(known))

    def exposures(self, account: str) -> dict[str, tuple[str, ...]]:
        """Return the symbols in which strategy accounts on an exchange account are exposed."""
        known = self._env.noticeboard.exposures
        by_name = (item for kind in MarketType for item in known.on((account, kind)).items())
        return {name: tuple(sorted(symbols)) for name, symbols in sorted(by_name)}

    def signal_events(self, signal_id: UUID) -> list[StoredEvent]:
        """Return a signal's whole life from the log."""
        return list(self._reader.read_correlation(signal_id))

    def wake_unfinished(self) -> Sequence[str]:
        """Bring to life whoever has unfinished business and neither an actor nor a place in quarantine.

        Returns their names.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        conditions, book = self._supervisor.conditions, self._supervisor.book
        asleep = [name for name in self._unfinished() if name not in book and name not in conditions]
        for name in asleep:
            self._tell_supervisor(Wake(name=name))
        return asleep

    def account_names(self) -> Sequence[str]:
        """Return the names of all exchange accounts."""
        return tuple(self._desk.catalogue.accounts)

    def balances(self, account: str) -> Mapping[str, Decimal]:
        """Return the total of each currency in an exchange account; blocks on the exchange.

        Raises:
            ExchangeError: the exchange could not be asked.
        """
        return self._connected(account).balances()

    def exchange_books(self, account: str) -> ExchangeBooks:
        """Return what an exchange account shows of its holdings and open orders; blocks on the exchange.

        Raises:
            ExchangeError: the exchange could not be asked.
        """
        return books_of(self._connected(account))

    def reload_markets(self, account: str) -> None:
        """Learn anew what can be traded on an exchange account; blocks on the exchange.

        Raises:
            ExchangeError: the exchange could not be asked; what was known stays.
        """
        gateway = self._connected(account)
        if isinstance(gateway, ReloadableGateway):
            gateway.reload_markets()
        self._board.forget_markets(account)

    def health(self) -> Health:
        """Return how the engine is, part by part."""
        is_live = not self._is_ready or self._env.is_alive(SUPERVISOR)
        trouble = self._writer.trouble
        parts = {
            "log": trouble or "ok",
            "supervisor": "ok" if is_live else "dead: only a restart helps",
            **parts_of(self._supervisor.conditions, self._env.noticeboard, self._desk.catalogue),
        }
        return Health(live=is_live, ready=self._is_ready and is_live and not trouble, parts=parts)

    def _unfinished(self) -> list[str]:
        marked = self._reader.streams(attention_only=True)
        return [head.stream for head in marked if head.stream.partition("/")[0] in ROOMS]

    def _busy(self) -> list[str]:
        names = {*self._supervisor.book, *self._supervisor.conditions}
        return [name for name in names if name.startswith("strategy-account/")]

    def _watch_log(self) -> None:
        trouble = self._writer.trouble
        if trouble:
            self.alarms.ring(AlarmKind.LOG_TROUBLE, "log", trouble)
        else:
            self.alarms.clear(AlarmKind.LOG_TROUBLE, "log")
            self._kill_switch.write_again()
        self._env.later(_LOG_WATCH_SECONDS, self._watch_log)

    def _tell_supervisor(self, mail: Mail) -> None:
        self._env.tell(mail, SUPERVISOR)

    def _connected(self, account: str) -> Gateway:
        name, ends = exchange_account_name(account), monotonic() + _CONNECTION_WAIT
        while name not in self._supervisor.book:
            if monotonic() > ends:
                message = "there is no connection to the exchange"
                raise ExchangeUnavailable(message)
            time.sleep(_CONNECTION_LOOK)
        return self._gateway(account)

    def _gateway(self, account: str) -> Gateway:
        gateway = self._gateways.get(account)
        if gateway is None:
            with self._gateways_lock:
                gateway = self._gateways.get(account)
                if gateway is None:
                    gateway = self._gateways[account] = self._make_gateway(self._desk.catalogue, account)
        return gateway

    def _make_room(self, name: str, at: Address, env: Env) -> Room:
        return ROOMS[name.partition("/")[0]](at, env, self._directory, self._terms)
