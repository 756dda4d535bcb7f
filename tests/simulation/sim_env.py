"""The port of the actors on one thread: whatever could happen next is a choice, and the seed makes it."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, get_args

from orderwright.actors.env import Room
from orderwright.actors.gate import Gate
from orderwright.actors.messages import (
    Address,
    AppendEnded,
    AskId,
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
)
from orderwright.actors.noticeboard import Noticeboard
from orderwright.actors.snapshots import codec_of
from orderwright.actors.supervisor import SUPERVISOR
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import Quote
from orderwright.engine.outcomes import Effect, FetchQuote, Outcome, PlacementAnswered, PlaceOrder, QuoteAnswered
from orderwright.eventstore.snapshots import Taken
from orderwright.eventstore.store import Append, AppendFailed
from orderwright.marketdata.board import Board
from orderwright.moments import Micros
from tests.simulation.faults import Faults
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.sim_log import SimLog
from tests.simulation.wire import Wire
from tests.simulation.world import World


class _Queued(NamedTuple):
    append: Append
    ticket: int
    to: Address


class SimEnv:
    """Implements `Env` for one life of the engine process; a crash ends it, and nothing of it is heard again.

    `choices` says how many things could happen right now, `take` makes one of them happen: a mailbox hands over its
    oldest message, the log commits a prefix of what is queued, a stream is read. What happens at a known moment
    (timers, requests and answers on the wire) is the world's.
    """

    def __init__(
        self,
        *,
        world: World,
        log: SimLog,
        exchange: SimExchange,
        wire: Wire,
        faults: Faults,
        make_room: Callable[[str, Address], Room],
        answer: Callable[[AskId, Reply], None],
    ) -> None:
        self._world = world
        self._log = log
        self._exchange = exchange
        self._wire = wire
        self._faults = faults
        self._make_room = make_room
        self._answer = answer
        self._mailboxes: dict[Address, deque[Mail]] = {}
        self._busy: list[Address] = []
        self._queue: deque[_Queued] = deque()
        self._loads: list[tuple[str, Address]] = []
        self._generation = 0
        self._generations: dict[Address, int] = {}
        self.rooms: dict[Address, Room] = {}
        self.connected: set[str] = set()
        self.board = Board()
        self.gate = Gate()
        self.noticeboard = Noticeboard(world)
        self.is_over = False
        self.rests = 0

    def choices(self) -> int:
        """Return how many things could happen right now."""
        return len(self._busy) + len(self._loads) + (1 if self._queue and not self._faults.log_is_away else 0)

    def take(self, index: int) -> None:
        """Make one of them happen."""
        if index < len(self._busy):
            self._hand_over(self._busy[index])
        elif index - len(self._busy) < len(self._loads):
            self._load(*self._loads.pop(index - len(self._busy)))
        else:
            self._commit()

    def crash(self, kept: Callable[[int], int]) -> None:
        """End this life. `kept` says how many of the queued appends the database still takes."""
        self.is_over = True
        for _ in range(kept(len(self._queue))):
            self._log.write(self._queue.popleft().append)

    def open_mailbox(self, room: Room, at: Address) -> None:
        """Give a room its mailbox."""
        self.rooms[at] = room
        self._mailboxes[at] = deque()

    def now(self) -> Micros:
        """Return the virtual moment."""
        return self._world.now()

    def tell(self, message: Mail, to: Address) -> None:
        """Put a message into a mailbox."""
        mailbox = self._mailboxes.get(to)
        if mailbox is None:
            self._too_late(message, to)
            return
        if not mailbox:
            self._busy.append(to)
        mailbox.append(message)

    def _too_late(self, message: Mail, to: Address) -> None:
        if isinstance(message, get_args(Command)):
            self.tell(Deliver(name=name_of(to), mail=message), SUPERVISOR)

    def load(self, stream: str, to: Address) -> None:
        """Read a stream, at some moment from now on."""
        self._loads.append((stream, to))

    def recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        """Read what the log has of an order, at some moment from now on."""
        self._later(lambda: self._recall(stream, order_id, to))

    def save(self, taken: Taken[Any]) -> None:
        """Keep a snapshot at once; one that is lost is as one that was never taken."""
        self._log.save(taken)

    def append(self, append: Append, ticket: int, to: Address) -> bool:
        """Queue an append, unless it may rest on what was never written."""
        if self._generations[to] != self._generation:
            self.tell(AppendEnded(ticket=ticket, outcome=AppendFailed(reason="an earlier append failed")), to)
            return False
        if len(self._queue) >= self._faults.mix.queue_limit:
            return False
        self._queue.append(_Queued(append, ticket, to))
        return True

    def call(self, account: str, effect: Effect, to: Address) -> None:
        """Send an effect to the exchange, unless the gate says no at this very moment."""
        if isinstance(effect, PlaceOrder):
            refusal = self.gate.refusal(name_of(to), effect, self._world.now())
            if refusal is not None:
                self.tell(Called(outcome=PlacementAnswered(order_id=effect.order_id, result=refusal)), to)
                return
        if self._world.is_traced:
            self._world.note("send", f"{to}: {effect}")
        self._wire.send(account, effect, lambda outcome: self._called(account, effect, outcome, to), self)

    def connect(self, account: str, to: Address) -> None:
        """Connect to an account."""
        self._later(lambda: self._connect(account, to))

    def survey(self, account: str, to: Address) -> None:
        """Ask for an account's open orders."""
        self._later(lambda: self._survey(account, to))

    def after(self, delay: int, message: Mail, to: Address) -> None:
        """Deliver a message later."""
        self._world.at(self._world.now() + delay, lambda: self.tell(message, to), self)

    def reply(self, ask: AskId, reply: Reply) -> None:
        """Answer somebody outside."""
        if self._world.is_traced:
            self._world.note("reply", f"{ask}: {reply}")
        self._answer(ask, reply)

    def spawn(self, name: str, at: Address) -> None:
        """Bring an actor to life."""
        self._generations[at] = self._generation
        self.open_mailbox(self._make_room(name, at), at)
        self.tell(Start(), at)

    def stop(self, at: Address, reason: str, left: Sequence[Mail] = ()) -> None:
        """End an incarnation."""
        mailbox = self._mailboxes.pop(at, None)
        if mailbox is None:
            return
        self.rests += not reason
        if self._world.is_traced:
            self._world.note("stop", f"{at}: {reason or 'rests'}")
        if mailbox:
            self._busy.remove(at)
        del self.rooms[at]
        self.tell(Stopped(at=at, reason=reason), SUPERVISOR)
        for mail in (*left, *mailbox):
            self._too_late(mail, at)

    def _hand_over(self, at: Address) -> None:
        mailbox = self._mailboxes[at]
        mail = mailbox.popleft()
        if not mailbox:
            self._busy.remove(at)
        if self._world.is_traced:
            self._world.note("mail", f"{at}: {mail}")
        self.rooms[at].handle(mail)

    def _load(self, stream: str, to: Address) -> None:
        if self._faults.log_is_away or self._faults.happens(self._faults.mix.load_fails):
            self.tell(LoadFailed(reason="the database cannot be reached"), to)
        else:
            snapshot = self._log.restored(stream, codec_of(stream))
            events = self._log.stream(stream, after_version=0 if snapshot is None else snapshot.version)
            self.tell(Loaded(events=events, snapshot=snapshot), to)

    def _recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        if self._faults.log_is_away or self._faults.happens(self._faults.mix.load_fails):
            self.tell(Recalled(order_id=order_id, events=None), to)
        else:
            events = tuple(event for event in self._log.stream(stream, after_version=0) if order_id in event.payload)
            self.tell(Recalled(order_id=order_id, events=events), to)

    def _commit(self) -> None:
        if self._faults.happens(self._faults.mix.append_fails):
            self._fail_all()
            return
        for _ in range(self._world.rng.randint(1, len(self._queue))):
            queued = self._queue.popleft()
            outcome = self._log.write(queued.append)
            if self._world.is_traced:
                events = ", ".join(event.type for event in queued.append.events)
                self._world.note("commit", f"{queued.append.stream}: {events}: {outcome}")
            self.tell(AppendEnded(ticket=queued.ticket, outcome=outcome), queued.to)

    def _fail_all(self) -> None:
        self._generation += 1
        if self._world.is_traced:
            self._world.note("fault", f"{len(self._queue)} appends fail")
        while self._queue:
            queued = self._queue.popleft()
            self.tell(AppendEnded(ticket=queued.ticket, outcome=AppendFailed(reason="the disk is full")), queued.to)

    def _called(self, account: str, effect: Effect, outcome: Outcome, to: Address) -> None:
        if isinstance(outcome, QuoteAnswered) and isinstance(outcome.result, Quote) and isinstance(effect, FetchQuote):
            assert effect.market_type is not None
            self.board.note(account, effect.market_type, outcome.result)
        self.tell(Called(outcome=outcome), to)

    def _connect(self, account: str, to: Address) -> None:
        if self._faults.happens(self._faults.mix.unreachable):
            self.tell(Unreachable(reason="no route"), to)
        else:
            self.connected.add(account)
            self.tell(Connected(), to)

    def _survey(self, account: str, to: Address) -> None:
        if self._faults.happens(self._faults.mix.unreachable):
            self.tell(Unreachable(reason="no route"), to)
        else:
            self.tell(Surveyed(orders=self._exchange.open_orders(account), asked_at=self._world.now()), to)

    def _later(self, act: Callable[[], None]) -> None:
        self._world.at(self._world.now() + self._faults.latency(), act, self)
