"""The port on Pykka: real threads, the real log, real exchanges."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pykka

from orderwright.actors.asks import Asks
from orderwright.actors.env import Env, Room
from orderwright.actors.gate import Gate
from orderwright.actors.messages import (
    Address,
    AppendEnded,
    AskId,
    Called,
    Connected,
    Loaded,
    LoadFailed,
    Mail,
    Reply,
    Rest,
    Start,
    Stopped,
    Surveyed,
    Unreachable,
    name_of,
)
from orderwright.actors.snapshot_saver import SnapshotSaver
from orderwright.actors.snapshots import codec_of
from orderwright.actors.supervisor import SUPERVISOR
from orderwright.actors.timers import Timers
from orderwright.clock import Clock
from orderwright.engine.instruments import Quote
from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    FetchQuote,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    Unclear,
)
from orderwright.eventstore.snapshots import SnapshotStore, Taken, restore
from orderwright.eventstore.store import (
    Append,
    AppendFailed,
    EventStoreError,
    Fenced,
    LogReader,
    LogWriter,
    QueueFull,
    Stale,
)
from orderwright.exchanges.gateway import ExchangeError, Gateway
from orderwright.marketdata.board import Board
from orderwright.moments import SECOND, Micros

logger = logging.getLogger(__name__)

_REBUILDS_AT_ONCE = 8
_CONNECTIONS_AT_ONCE = 8
_SETTLING_SECONDS = 30.0


class _Mailbox(pykka.ThreadingActor):
    """Forwards what arrives to a room, until its incarnation ends."""

    use_daemon_thread = True

    def __init__(
        self,
        room: Room,
        *,
        is_current: Callable[[], bool],
        is_to_rest: Callable[[], bool],
        ended: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._room = room
        self._is_current = is_current
        self._is_to_rest = is_to_rest
        self._ended = ended

    def on_receive(self, message: Mail) -> None:
        """Hand the message to the room; what is left in a dead incarnation's mailbox goes nowhere."""
        if self._is_current():
            self._room.handle(message)

    def on_stop(self) -> None:
        """Let the room leave a snapshot when everything stops in good order."""
        if self._is_to_rest():
            self._room.handle(Rest())

    def on_failure(self, exception_type: type[BaseException] | None, *_rest: object) -> None:
        """Tell that the room broke."""
        self._ended(exception_type.__name__ if exception_type is not None else "unknown")


def _unsent(effect: PlaceOrder | CancelOrder) -> Outcome:
    reason = "Not sent: this engine may not act for its log any more."
    if isinstance(effect, PlaceOrder):
        return PlacementAnswered(order_id=effect.order_id, result=Refused(code="not_placed", error=reason))
    return CancelAnswered(order_id=effect.order_id, result=Unclear(reason=reason), attempt=effect.attempt)


class PykkaEnv:
    """Implements `Env`; see there."""

    def __init__(
        self,
        *,
        clock: Clock,
        reader: LogReader,
        writer: LogWriter,
        gateway: Callable[[str], Gateway],
        board: Board,
        asks: Asks,
        make_room: Callable[[str, Address, Env], Room],
        snapshots: SnapshotStore | None = None,
    ) -> None:
        self._clock = clock
        self._reader = reader
        self._writer = writer
        self._gateway = gateway
        self._board = board
        self._asks = asks
        self._make_room = make_room
        self._snapshots = snapshots
        self._saver = None if snapshots is None else SnapshotSaver(snapshots)
        self._is_closing = False
        self._timers = Timers()
        self._mailboxes: dict[Address, pykka.ActorRef[_Mailbox]] = {}
        self._generations: dict[Address, int] = {}
        self._rebuilds = threading.BoundedSemaphore(_REBUILDS_AT_ONCE)
        self._connecting = ThreadPoolExecutor(_CONNECTIONS_AT_ONCE, thread_name_prefix="connect")
        self.gate = Gate()

    def now(self) -> Micros:
        """Return the current moment."""
        return self._clock.now()

    def tell(self, message: Mail, to: Address) -> None:
        """Put a message into a mailbox."""
        mailbox = self._mailboxes.get(to)
        if mailbox is None:
            return
        try:
            mailbox.tell(message)
        except pykka.ActorDeadError:
            return

    def load(self, stream: str, to: Address) -> None:
        """Read a stream, on the thread of the actor that asks."""
        try:
            with self._rebuilds:
                # What an earlier incarnation queued belongs to the past that this one is to know.
                if not self._writer.wait_settled(_SETTLING_SECONDS):
                    self.tell(LoadFailed(reason="appends are still under way"), to)
                    return
                loaded = self._load(stream)
        except EventStoreError as exc:
            self.tell(LoadFailed(reason=str(exc)), to)
        else:
            self.tell(loaded, to)

    def _load(self, stream: str) -> Loaded:
        codec = codec_of(stream)
        snapshot = None if self._snapshots is None or codec is None else restore(self._snapshots, stream, codec)
        if snapshot is None:
            return Loaded(events=tuple(self._reader.read_stream(stream)))
        tail = self._reader.read_stream(stream, after_version=snapshot.version, after_position=snapshot.position)
        return Loaded(events=tuple(tail), snapshot=snapshot)

    def save(self, taken: Taken[Any]) -> None:
        """Keep a snapshot, on a thread of its own."""
        if self._saver is not None:
            self._saver.save(taken)

    def append(self, append: Append, ticket: int, to: Address) -> bool:
        """Write to the log."""
        try:
            self._writer.append(
                append,
                lambda outcome: self.tell(AppendEnded(ticket=ticket, outcome=outcome), to),
                generation=self._generations.get(to, -1),
            )
        except QueueFull:
            return False
        except (Stale, Fenced) as exc:
            self.tell(AppendEnded(ticket=ticket, outcome=AppendFailed(reason=str(exc))), to)
            return False
        return True

    def call(self, account: str, effect: Effect, to: Address) -> None:
        """Carry out an effect, unless the gate says no at this very moment, or the log may be another engine's."""
        if isinstance(effect, PlaceOrder | CancelOrder) and not self._writer.holds_lease:
            self.tell(Called(outcome=_unsent(effect)), to)
            return
        if isinstance(effect, PlaceOrder):
            refusal = self.gate.refusal(name_of(to), effect, self._clock.now())
            if refusal is not None:
                self.tell(Called(outcome=PlacementAnswered(order_id=effect.order_id, result=refusal)), to)
                return
        self._gateway(account).submit(effect, lambda outcome: self._called(account, effect, outcome, to))

    def _called(self, account: str, effect: Effect, outcome: Outcome, to: Address) -> None:
        if isinstance(outcome, QuoteAnswered) and isinstance(outcome.result, Quote):
            market_type = effect.market_type if isinstance(effect, FetchQuote) else None
            if market_type is not None:
                self._board.note(account, market_type, outcome.result)
        self.tell(Called(outcome=outcome), to)

    def connect(self, account: str, to: Address) -> None:
        """Open the account's gateway, on a thread of its own."""
        self._connecting.submit(self._connect, account, to)

    def _connect(self, account: str, to: Address) -> None:
        try:
            self._gateway(account).open()
        except ExchangeError as exc:
            self.tell(Unreachable(reason=str(exc)), to)
        else:
            self.tell(Connected(), to)

    def survey(self, account: str, to: Address) -> None:
        """Ask for all open orders, on a thread of its own."""
        self._connecting.submit(self._survey, account, to)

    def _survey(self, account: str, to: Address) -> None:
        try:
            orders = self._gateway(account).open_orders()
        except ExchangeError as exc:
            self.tell(Unreachable(reason=str(exc)), to)
        else:
            self.tell(Surveyed(orders=orders), to)

    def after(self, delay: int, message: Mail, to: Address) -> None:
        """Deliver a message later."""
        self._timers.after(delay / SECOND, lambda: self.tell(message, to))

    def reply(self, ask: AskId, reply: Reply) -> None:
        """Answer somebody outside."""
        self._asks.reply(ask, reply)

    def spawn(self, name: str, at: Address) -> None:
        """Start an actor's thread and tell it to rebuild itself."""
        self._generations[at] = self._writer.generation
        room = self._make_room(name, at, self)
        self.open_mailbox(room, at)
        self.tell(Start(), at)

    def open_mailbox(self, room: Room, at: Address) -> None:
        """Give a room its thread."""
        rests = codec_of(name_of(at)) is not None
        self._mailboxes[at] = _Mailbox.start(
            room,
            is_current=lambda: at in self._mailboxes,
            is_to_rest=lambda: rests and self._is_closing,
            ended=lambda reason: self._ended(at, reason),
        )

    def stop(self, at: Address, reason: str) -> None:
        """End an incarnation."""
        self._ended(at, reason)

    def _ended(self, at: Address, reason: str) -> None:
        mailbox = self._mailboxes.pop(at, None)
        self._generations.pop(at, None)
        if mailbox is None:
            return
        mailbox.stop(block=False)
        self.tell(Stopped(at=at, reason=reason), SUPERVISOR)

    def close(self) -> None:
        """End every actor and every thread, the supervisor's last."""
        self._is_closing = True
        for at in sorted(self._mailboxes, key=lambda known: known == SUPERVISOR):
            mailbox = self._mailboxes.pop(at)
            mailbox.stop(block=True, timeout=5)
        self._timers.close()
        self._connecting.shutdown(cancel_futures=True)
        if self._saver is not None:
            self._saver.close()
