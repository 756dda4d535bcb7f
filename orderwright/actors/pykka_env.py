"""The port on Pykka: real threads, the real log, real exchanges."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, get_args

from orderwright.actors.appends import Appends
from orderwright.actors.asks import Asks
from orderwright.actors.departures import Departures
from orderwright.actors.env import Env, Room
from orderwright.actors.gate import Gate
from orderwright.actors.hands import Hands
from orderwright.actors.limits import Limits
from orderwright.actors.mailbox import Posted
from orderwright.actors.messages import (
    Address,
    AskId,
    Away,
    Called,
    Command,
    Connected,
    Deliver,
    Loaded,
    LoadFailed,
    Mail,
    Recalled,
    Reply,
    Start,
    Stopped,
    Surveyed,
    Unreachable,
    name_of,
    turned_away,
)
from orderwright.actors.noticeboard import Noticeboard
from orderwright.actors.outings import Outings
from orderwright.actors.seat import Seat
from orderwright.actors.snapshot_saver import SnapshotSaver
from orderwright.actors.snapshots import codec_of
from orderwright.actors.supervisor import SUPERVISOR
from orderwright.actors.timers import Timers
from orderwright.actors.wire import Wire
from orderwright.clock import Clock, monotonic
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import Quote
from orderwright.engine.outcomes import (
    CancelOrder,
    Effect,
    FetchQuote,
    Outcome,
    PlaceOrder,
    QuoteAnswered,
)
from orderwright.eventstore.snapshots import SnapshotStore, Taken, restore
from orderwright.eventstore.store import (
    Append,
    EventStoreError,
    LogReader,
    LogWriter,
)
from orderwright.exchanges.gateway import ExchangeError, Gateway
from orderwright.marketdata.board import Board
from orderwright.moments import SECOND, Micros

logger = logging.getLogger(__name__)

_CONNECTIONS_AT_ONCE = 8
_RECALLS_AT_ONCE = 2
_SETTLING_SECONDS = 30.0
_CLOSING_SECONDS = 10.0
_STAGE_SECONDS = 0.5
_WIRE_SECONDS = 2.0
_LAST_WORDS_SECONDS = 1.0

_INBOXES = "inbox/"
_LAST_UP_FIRST = (_INBOXES, "strategy-account/", "exchange-account/", SUPERVISOR)
_COMMANDS = get_args(Command)
_POOLS = count(1)


def _unforeseen(doing: str, error: Exception) -> str:
    logger.error("%s failed in an unforeseen way", doing, exc_info=error)
    return f"{doing} failed in an unforeseen way: {type(error).__name__}"


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
        limits: Limits | None = None,
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
        self._limits = limits or Limits()
        self._is_closing = False
        self._timers = Timers()
        self._seats: dict[Address, Seat] = {}
        self._appends = Appends(writer, self.tell)
        self._hands = Hands()
        self._rebuilding = ThreadPoolExecutor(self._limits.rebuilds_at_once, thread_name_prefix="rebuild")
        self._pool_name = f"connect-{next(_POOLS)}-"
        self._connecting = Outings(name=self._pool_name, at_once=_CONNECTIONS_AT_ONCE, later=self._timers.after)
        self._recalling = ThreadPoolExecutor(_RECALLS_AT_ONCE, thread_name_prefix="recall")
        self._noticeboard = Noticeboard(clock)
        self.gate = Gate()
        self._departures = Departures(self.gate, holds_lease=lambda: writer.holds_lease)
        self.wire = Wire()

    @property
    def noticeboard(self) -> Noticeboard:
        """What actors publish, and may look at."""
        return self._noticeboard

    def now(self) -> Micros:
        """Return the current moment."""
        return self._clock.now()

    def tell(self, message: Mail, to: Address) -> None:
        """Put a message into a mailbox; a command that is one too many is answered at once."""
        seat = self._seats.get(to)
        posted = Posted.CLOSED if seat is None else seat.mailbox.post(message)
        if posted is Posted.FULL:
            self._refuse(message, to)
        elif posted is Posted.CLOSED:
            self._too_late(message, to)

    def _refuse(self, message: Mail, to: Address) -> None:
        command = message.mail if isinstance(message, Deliver) else message
        if isinstance(command, _COMMANDS):
            reply = turned_away(command, name_of(to), away=Away.OVERLOADED, reason="its mailbox is full")
            self._asks.reply(command.ask, reply)

    def _too_late(self, message: Mail, to: Address) -> None:
        if isinstance(message, _COMMANDS) and not self._is_closing:
            self.tell(Deliver(name=name_of(to), mail=message), SUPERVISOR)

    def load(self, stream: str, to: Address) -> None:
        """Read a stream, on one of a few threads."""
        self._rebuilding.submit(self._read, stream, to)

    def _read(self, stream: str, to: Address) -> None:
        try:
            # What an earlier incarnation queued belongs to the past that this one is to know.
            if not self._writer.wait_settled(_SETTLING_SECONDS):
                self.tell(LoadFailed(reason="appends are still under way"), to)
                return
            loaded = self._load(stream)
        except EventStoreError as exc:
            self.tell(LoadFailed(reason=str(exc)), to)
        except Exception as exc:  # noqa: BLE001 -- nobody would hear of it, and the actor would wait for ever
            self.tell(LoadFailed(reason=_unforeseen(f"reading {stream}", exc)), to)
        else:
            self.tell(loaded, to)

    def _load(self, stream: str) -> Loaded:
        codec = codec_of(stream)
        snapshot = None if self._snapshots is None or codec is None else restore(self._snapshots, stream, codec)
        if snapshot is None:
            return Loaded(events=tuple(self._reader.read_stream(stream)))
        tail = self._reader.read_stream(stream, after_version=snapshot.version, after_position=snapshot.position)
        return Loaded(events=tuple(tail), snapshot=snapshot)

    def recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        """Read what the log has of an order, on one of few threads for that."""
        self._recalling.submit(self._recall, stream, order_id, to)

    def _recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        try:
            events = tuple(event for event in self._reader.read_stream(stream) if order_id in event.payload)
        except EventStoreError as exc:
            logger.warning("%s cannot be read for what it has of order %s: %s", stream, order_id, exc)
            self.tell(Recalled(order_id=order_id, events=None), to)
        except Exception as exc:  # noqa: BLE001 -- as in _read
            _unforeseen(f"reading {stream} for order {order_id}", exc)
            self.tell(Recalled(order_id=order_id, events=None), to)
        else:
            self.tell(Recalled(order_id=order_id, events=events), to)

    def save(self, taken: Taken[Any]) -> None:
        """Keep a snapshot, on a thread of its own."""
        if self._saver is not None:
            self._saver.save(taken)

    def append(self, append: Append, ticket: int, to: Address) -> bool:
        """Write to the log."""
        return self._appends.write(append, ticket, to)

    def call(self, account: str, effect: Effect, to: Address) -> None:
        """Carry out an effect, unless the gate says no at this very moment, or the log may be another engine's."""
        name = name_of(to)
        if not isinstance(effect, PlaceOrder | CancelOrder):
            refusal = self._departures.refusal(name, effect, self._clock.now())
            if refusal is not None:
                self.tell(Called(outcome=refusal), to)
            else:
                self._gateway(account).submit(effect, lambda outcome: self._called(account, effect, outcome, to))
            return
        ticket = self.wire.begin(name, effect)
        # Asked once the call is noted: whoever shuts the gate and then looks at the wire misses none.
        refusal = self._departures.refusal(name, effect, self._clock.now())
        if refusal is not None:
            self._answered(ticket, refusal, to)
            return
        try:
            self._gateway(account).submit(effect, lambda outcome: self._answered(ticket, outcome, to))
        except BaseException:
            self.wire.end(ticket)
            raise

    def _answered(self, ticket: int, outcome: Outcome, to: Address) -> None:
        # Told first: whoever waits for the wire to be clear may ask the actor next, and hear of this answer.
        self.tell(Called(outcome=outcome), to)
        self.wire.end(ticket)

    def _called(self, account: str, effect: Effect, outcome: Outcome, to: Address) -> None:
        if isinstance(outcome, QuoteAnswered) and isinstance(outcome.result, Quote):
            market_type = effect.market_type if isinstance(effect, FetchQuote) else None
            if market_type is not None:
                self._board.note(account, market_type, outcome.result)
        self.tell(Called(outcome=outcome), to)

    def connect(self, account: str, to: Address) -> None:
        """Open the account's gateway, on a thread of its own."""
        self._connecting.start(lambda: self._connect(account, to))

    def _connect(self, account: str, to: Address) -> None:
        try:
            self._gateway(account).open()
        except ExchangeError as exc:
            self.tell(Unreachable(reason=str(exc)), to)
        except Exception as exc:  # noqa: BLE001 -- as in _read
            self.tell(Unreachable(reason=_unforeseen(f"connecting {account}", exc)), to)
        else:
            self.tell(Connected(), to)

    def survey(self, account: str, to: Address) -> None:
        """Ask for all open orders, on a thread of its own."""
        self._connecting.start(lambda: self._survey(account, to))

    def _survey(self, account: str, to: Address) -> None:
        try:
            asked_at = self._clock.now()
            orders = self._gateway(account).open_orders()
        except ExchangeError as exc:
            self.tell(Unreachable(reason=str(exc)), to)
        except Exception as exc:  # noqa: BLE001 -- as in _read
            self.tell(Unreachable(reason=_unforeseen(f"asking {account} for its open orders", exc)), to)
        else:
            self.tell(Surveyed(orders=orders, asked_at=asked_at), to)

    def after(self, delay: int, message: Mail, to: Address) -> None:
        """Deliver a message later."""
        self._timers.after(delay / SECOND, lambda: self.tell(message, to))

    def reply(self, ask: AskId, reply: Reply) -> None:
        """Answer somebody outside."""
        self._asks.reply(ask, reply)

    def spawn(self, name: str, at: Address) -> None:
        """Start an actor's thread and tell it to rebuild itself."""
        if self._is_closing:
            return
        self._appends.begin(at)
        room = self._make_room(name, at, self)
        self.open_mailbox(room, at)
        self.tell(Start(), at)

    def open_mailbox(self, room: Room, at: Address) -> None:
        """Give a room its mailbox, and turns to read it."""
        rests = codec_of(name_of(at)) is not None
        seat = Seat(
            room,
            at=at,
            hands=self._hands,
            mailbox_limit=self._limits.mailbox,
            is_current=lambda: at in self._seats,
            is_to_rest=lambda: rests and self._is_closing,
            ended=lambda reason: self._ended(at, reason),
            too_late=lambda mail: self._too_late(mail, at),
        )
        self._seats[at] = seat
        seat.begin()

    def stop(self, at: Address, reason: str, left: Sequence[Mail] = ()) -> None:
        """End an incarnation."""
        self._ended(at, reason, left)

    def _ended(self, at: Address, reason: str, left: Sequence[Mail] = ()) -> None:
        seat = self._seats.pop(at, None)
        self._appends.end(at)
        if seat is None:
            return
        unread = seat.mailbox.close()
        seat.end()
        self.tell(Stopped(at=at, reason=reason), SUPERVISOR)
        for mail in (*left, *unread):
            self._too_late(mail, at)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something short after a while, on a thread that others wait for."""
        self._timers.after(seconds, act)

    def is_alive(self, at: Address) -> bool:
        """Whether this incarnation has a thread that handles its messages."""
        seat = self._seats.get(at)
        return seat is not None and seat.is_alive

    def close(self, *, within: float = _CLOSING_SECONDS) -> tuple[str, ...]:
        """End every actor, those that came up last first, then every thread; the supervisor is the last actor.

        What an actor was told before is dealt with. Returns the names of what is still alive after `within` seconds.
        """
        self._is_closing = True
        ends = monotonic() + within
        stopping: dict[Address, Seat] = {}
        for stage in _LAST_UP_FIRST:
            stopping |= self._end_stage(stage, ends)
            if stage == _INBOXES:
                self.wire.wait_clear(lambda _name: True, min(_WIRE_SECONDS, max(0.0, ends - monotonic())))
        self._timers.close()
        self._connecting.close()
        self._recalling.shutdown(wait=False, cancel_futures=True)
        self._rebuilding.shutdown(wait=False, cancel_futures=True)
        self._hands.close()
        if self._saver is not None:
            self._saver.close()
        return tuple(at for at, seat in stopping.items() if not seat.join(0))

    def _end_stage(self, stage: str, ends: float) -> dict[Address, Seat]:
        # What an actor wrote last is told to it before it ends, so that the snapshot it leaves has that too.
        self._writer.wait_settled(min(_LAST_WORDS_SECONDS, max(0.0, ends - monotonic())))
        seats = {at: seat for at, seat in list(self._seats.items()) if at.startswith(stage)}
        for seat in seats.values():
            seat.end()
        # One that hangs does not take the time of those that come after it.
        ends = max(ends, monotonic() + _STAGE_SECONDS)
        for at, seat in seats.items():
            seat.join(max(0.0, ends - monotonic()))
            self._seats.pop(at, None)
        return seats

    def threads_left(self, *, within: float = 1.0) -> tuple[str, ...]:
        """Return the names of threads that are still at an exchange after `within` seconds, once all is closed."""
        ends = monotonic() + within
        threads = [thread for thread in threading.enumerate() if thread.name.startswith(self._pool_name)]
        for thread in threads:
            thread.join(max(0.0, ends - monotonic()))
        return tuple(thread.name for thread in threads if thread.is_alive())
