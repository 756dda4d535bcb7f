"""The engine as a whole: comes up in order, is the switchboard for the entry points while it runs, stops in reverse."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from uuid import UUID

from orderwright.actors.asks import Ask, Asks
from orderwright.actors.catalogue_desk import CatalogueDesk
from orderwright.actors.declarations import Applied, apply_declaration
from orderwright.actors.directory import CatalogueDirectory
from orderwright.actors.env import Env, Room
from orderwright.actors.exchange_account import ExchangeAccount
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.messages import (
    AccountView,
    Address,
    AskId,
    CatalogueChanged,
    Describe,
    Mail,
    NotStored,
    Operate,
    Operated,
    Ready,
    SubmitSignal,
    Wake,
    exchange_account_name,
    inbox_name,
)
from orderwright.actors.pykka_env import PykkaEnv
from orderwright.actors.snapshots import EVERY
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.actors.supervisor import SUPERVISOR, Restarts, Supervisor
from orderwright.actors.switchboard import Health, OperatorCommand
from orderwright.clock import Clock, monotonic
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.strategy_account.commands import PauseTrading, ResumeTrading
from orderwright.engine.strategy_account.state import Rules
from orderwright.eventstore.snapshots import SnapshotStore
from orderwright.eventstore.store import LogReader, LogWriter, StoredEvent
from orderwright.exchanges.gateway import ExchangeUnavailable, Gateway, ReloadableGateway
from orderwright.marketdata.board import Board
from orderwright.moments import Micros

logger = logging.getLogger(__name__)

_ACTOR_WAIT = 0.5
_RECOVERY_WAIT = 30.0
_CONNECTION_WAIT = 5.0
_CONNECTION_LOOK = 0.05
_MOST_WOKEN_TO_DESCRIBE = 200


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
        self._env = PykkaEnv(
            clock=clock,
            reader=reader,
            writer=writer,
            gateway=self._gateway,
            board=self._board,
            asks=self._asks,
            make_room=self._make_room,
            snapshots=snapshots,
        )
        self._supervisor = Supervisor(env=self._env, restarts=restarts)
        self._snapshot_every = snapshot_every
        self._is_ready = False

    def start(self) -> None:
        """Come up as after a crash: catalogue, exchanges, then every stream with unfinished business.

        Returns once those have been reconciled, or after 30 seconds: what is late goes on in the background.

        Raises:
            EventStoreError: the log cannot be read.
        """
        self._desk.load()
        self._env.open_mailbox(self._supervisor, SUPERVISOR)
        accounts = [exchange_account_name(name) for name in self._desk.catalogue.accounts]
        unfinished = self._unfinished()
        for name in accounts:
            self._tell_supervisor(Wake(name=name))
        late = self._wake(unfinished, timeout=_RECOVERY_WAIT)
        if late:
            logger.warning("%d of %d streams are still recovering: %s", len(late), len(unfinished), ", ".join(late))
        self._is_ready = True

    def stop(self) -> None:
        """End every actor, then let go of the exchanges; the log is its owner's to close."""
        self._is_ready = False
        self._env.close()
        for gateway in self._gateways.values():
            gateway.close()

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
            inbox = self._find(inbox_name(message.signal.strategy))
            if inbox is None:
                ask.add(NotStored(reason="the strategy's inbox is being rebuilt"))
            else:
                self._env.tell(message, inbox)
            yield ask
        finally:
            self._asks.close(ask)

    def operate(self, account: str, command: OperatorCommand, *, timeout: float) -> Operated | None:
        """Give an operator's command to a strategy account; a pause closes the gate before it is written down."""
        if isinstance(command, PauseTrading):
            self._env.gate.close(account)
        at = self._find(account)
        if at is None:
            return None
        ask = self._asks.open(expected=1)
        try:
            self._env.tell(Operate(command_id=self._new_id(), command=command, ask=ask.id), at)
            ask.wait(timeout)
            answer = next((reply for reply in ask.replies if isinstance(reply, Operated)), None)
        finally:
            self._asks.close(ask)
        if answer is not None and isinstance(command, ResumeTrading):
            self._env.gate.open(account)
        return answer

    def describe(self, accounts: Sequence[str], *, timeout: float) -> dict[str, AccountView | None]:
        """Return a view of each strategy account."""
        ends = monotonic() + timeout
        asleep = [name for name in accounts if name not in self._supervisor.book]
        self._wake(asleep[:_MOST_WOKEN_TO_DESCRIBE], timeout=timeout)
        awake = [at for name in accounts if (at := self._supervisor.book.get(name)) is not None]
        ask = self._asks.open(expected=len(awake))
        try:
            for at in awake:
                self._env.tell(Describe(ask=ask.id), at)
            if awake:
                ask.wait(max(0.0, ends - monotonic()))
            views = {reply.account: reply for reply in ask.replies if isinstance(reply, AccountView)}
        finally:
            self._asks.close(ask)
        return {name: views.get(name) for name in accounts}

    def signal_events(self, signal_id: UUID) -> list[StoredEvent]:
        """Return a signal's whole life from the log."""
        return list(self._reader.read_correlation(signal_id))

    def wake_unfinished(self) -> Sequence[str]:
        """Bring to life whoever has unfinished business and neither an actor nor a place in quarantine.

        Returns their names.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        asleep = [name for name in self._unfinished() if self._supervisor.is_unattended(name)]
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
        parts = {"log": self._writer.trouble or "ok"} | self._supervisor.conditions()
        return Health(live=True, ready=self._is_ready and not self._writer.trouble, parts=parts)

    def _unfinished(self) -> list[str]:
        heads = self._reader.streams(attention_only=True)
        return [head.stream for head in heads if head.stream.partition("/")[0] in _ROOMS]

    def _find(self, name: str) -> Address | None:
        at = self._supervisor.book.get(name)
        if at is None:
            self._wake([name], timeout=_ACTOR_WAIT)
            at = self._supervisor.book.get(name)
        return at

    def _wake(self, names: Sequence[str], *, timeout: float) -> list[str]:
        """Bring actors to life; return those that were not ready in time."""
        ask = self._asks.open(expected=len(names))
        try:
            for name in names:
                self._tell_supervisor(Wake(name=name, ask=ask.id))
            if names:
                ask.wait(timeout)
            ready = {reply.at.rpartition("#")[0] for reply in ask.replies if isinstance(reply, Ready)}
        finally:
            self._asks.close(ask)
        return [name for name in names if name not in ready]

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
        return _ROOMS[name.partition("/")[0]](at, env, self._directory, self._snapshot_every)


def _strategy_account(at: Address, env: Env, directory: CatalogueDirectory, snapshot_every: int) -> Room:
    return StrategyAccount(env=env, me=at, supervisor=SUPERVISOR, directory=directory, snapshot_every=snapshot_every)


def _inbox(at: Address, env: Env, _directory: CatalogueDirectory, snapshot_every: int) -> Room:
    return SignalInbox(env=env, me=at, supervisor=SUPERVISOR, snapshot_every=snapshot_every)


def _exchange_account(at: Address, env: Env, directory: CatalogueDirectory, _snapshot_every: int) -> Room:
    return ExchangeAccount(env=env, me=at, supervisor=SUPERVISOR, directory=directory)


_ROOMS: dict[str, Callable[[Address, Env, CatalogueDirectory, int], Room]] = {
    "strategy-account": _strategy_account,
    "inbox": _inbox,
    "exchange-account": _exchange_account,
}
