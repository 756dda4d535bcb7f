"""The port of the actors on one thread: whatever could happen next is a choice, and the seed makes it."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, get_args

from orderwright.actors.appends import Appends
from orderwright.actors.departures import Departures
from orderwright.actors.env import Room
from orderwright.actors.gate import Gate
from orderwright.actors.messages import (
    Address,
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
from orderwright.engine.outcomes import Effect, FetchQuote, OrderSeen, Outcome, QuoteAnswered
from orderwright.eventstore.batches import Place, plan_batch
from orderwright.eventstore.snapshots import Taken
from orderwright.eventstore.store import Append
from orderwright.eventstore.writer import GroupCommitWriter, WriterLimits
from orderwright.marketdata.board import Board
from orderwright.moments import SECOND, Micros
from tests.simulation.faults import OLDEST_COPY, Fault, Faults
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.sim_log import SimLog
from tests.simulation.sim_sink import SimSink
from tests.simulation.wire import Wire
from tests.simulation.world import World

_ECHOES_WITHIN = 10 * SECOND


class SimEnv:
    """Implements `Env` for one life of the engine process; a crash ends it, and nothing of it is heard again.

    `choices` says how many things could happen right now, `take` makes one of them happen: a mailbox hands over its
    oldest message, the writer commits a prefix of what is queued, a stream is read. What happens at a known moment
    (timers, requests and answers on the wire) is the world's. Its clock is apart from the world's by its own `skew`.
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
        self._loads: list[tuple[str, Address]] = []
        self._sink = SimSink(world, log, faults)
        self._writer = GroupCommitWriter(
            self._sink,
            clock=self,
            on_fenced=self._fenced,
            limits=WriterLimits(queue=faults.mix.queue_limit),
            timer=lambda: 0.0,
        )
        self._writer.open()
        self._appends = Appends(self._writer, self.tell)
        self.skew = self._draw_skew()
        self.rooms: dict[Address, Room] = {}
        self.connected: set[str] = set()
        self.board = Board()
        self.gate = Gate()
        self._departures = Departures(self.gate, holds_lease=lambda: self._writer.holds_lease)
        self.noticeboard = Noticeboard(self)
        self.is_over = False
        self.frozen_until = 0
        self.rests = 0
        if faults.mix.skew:
            world.at(world.now() + world.rng.randrange(faults.mix.lasts), self._jump, self)

    def choices(self) -> int:
        """Return how many things could happen right now."""
        can_write = self._writer.waiting and not self._faults.log_is_away
        return len(self._busy) + len(self._loads) + (1 if can_write else 0)

    def take(self, index: int) -> None:
        """Make one of them happen."""
        if index < len(self._busy):
            self._hand_over(self._busy[index])
        elif index - len(self._busy) < len(self._loads):
            self._load(*self._loads.pop(index - len(self._busy)))
        else:
            self._commit()

    def crash(self, kept: float) -> None:
        """End this life. `kept` is the share of the queued appends that the database still takes."""
        self.is_over = True
        self._commit_unheard(kept)

    def freeze(self, kept: float, until: int) -> None:
        """Do nothing more until then, while another engine takes over; `kept` as in a crash, and nobody is told."""
        self._commit_unheard(kept)
        self.frozen_until = until
        self._sink.is_broken = self._world.chance(0.5)

    def _commit_unheard(self, kept: float) -> None:
        taken = [waiting.append for waiting in self._writer._queue][: round(self._writer.waiting * kept)]
        tail, known = self._log.memory.tail, self._log.memory.known([append.stream for append in taken])
        plan = plan_batch(taken, known, Place(log_id=1, epoch=self._sink.epoch, tail=tail, now=self.now()))
        if plan.batch is not None and self._sink.holds_lease:
            self._log.write(plan.batch)

    def open_mailbox(self, room: Room, at: Address) -> None:
        """Give a room its mailbox."""
        self.rooms[at] = room
        self._mailboxes[at] = deque()

    def now(self) -> Micros:
        """Return what this engine's clock says."""
        return Micros(self._world.now() + self.skew)

    def _jump(self) -> None:
        self.skew = self._draw_skew()
        if self._world.is_traced:
            self._world.note("clock", f"now differs by {self.skew / SECOND:.3f} s")

    def _draw_skew(self) -> int:
        most = self._faults.mix.skew
        return self._world.rng.randint(-most, most) if most else 0

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
        """Queue an append."""
        return self._appends.write(append, ticket, to)

    def call(self, account: str, effect: Effect, to: Address) -> None:
        """Send an effect to the exchange, unless it must not leave at this very moment."""
        refusal = self._departures.refusal(name_of(to), effect, self.now())
        if refusal is not None:
            self.tell(Called(outcome=refusal), to)
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
        self._appends.begin(at)
        self.open_mailbox(self._make_room(name, at), at)
        self.tell(Start(), at)

    def stop(self, at: Address, reason: str, left: Sequence[Mail] = ()) -> None:
        """End an incarnation."""
        mailbox = self._mailboxes.pop(at, None)
        if mailbox is None:
            return
        self._appends.end(at)
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

    def _cannot_read(self) -> bool:
        if self._faults.log_is_away:
            self._faults.count(Fault.LOG_AWAY)
            return True
        fails = self._faults.happens(self._faults.mix.load_fails)
        if fails:
            self._faults.count(Fault.LOAD_FAILS)
        return fails

    def _load(self, stream: str, to: Address) -> None:
        if self._cannot_read():
            self.tell(LoadFailed(reason="the database cannot be reached"), to)
        else:
            snapshot = self._log.restored(stream, codec_of(stream))
            events = self._log.stream(stream, after_version=0 if snapshot is None else snapshot.version)
            self.tell(Loaded(events=events, snapshot=snapshot), to)

    def _recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        if self._cannot_read():
            self.tell(Recalled(order_id=order_id, events=None), to)
        else:
            events = tuple(event for event in self._log.stream(stream, after_version=0) if order_id in event.payload)
            self.tell(Recalled(order_id=order_id, events=events), to)

    def _commit(self) -> None:
        self._writer.turn(most=self._world.rng.randint(1, self._writer.waiting))

    def _fenced(self, reason: str) -> None:
        if self._world.is_traced:
            self._world.note("fenced", reason)

    def _called(self, account: str, effect: Effect, outcome: Outcome, to: Address) -> None:
        if isinstance(outcome, QuoteAnswered) and isinstance(outcome.result, Quote) and isinstance(effect, FetchQuote):
            assert effect.market_type is not None
            self.board.note(account, effect.market_type, outcome.result)
        self.tell(Called(outcome=outcome), to)
        if isinstance(outcome, OrderSeen):
            self._echo(Called(outcome=outcome), to)

    def _echo(self, mail: Called | Surveyed, to: Address) -> None:
        # As a stream may: what it told is told again, after other news.
        if self._faults.happens(self._faults.mix.echoes):
            self._faults.count(Fault.ECHO)
            self.after(self._world.rng.randrange(_ECHOES_WITHIN), mail, to)

    def _connect(self, account: str, to: Address) -> None:
        if self._faults.exchange_is_away or self._faults.happens(self._faults.mix.unreachable):
            self._faults.count(Fault.UNREACHABLE)
            self.tell(Unreachable(reason="no route"), to)
        else:
            self.connected.add(account)
            self.tell(Connected(), to)

    def _survey(self, account: str, to: Address) -> None:
        if self._faults.exchange_is_away or self._faults.happens(self._faults.mix.unreachable):
            self._faults.count(Fault.UNREACHABLE)
            self.tell(Unreachable(reason="no route"), to)
        else:
            stale = self._world.rng.randrange(OLDEST_COPY) if self._faults.happens(self._faults.mix.stale) else 0
            surveyed = Surveyed(orders=self._exchange.open_orders(account, stale=stale), asked_at=self.now())
            self.tell(surveyed, to)
            self._echo(surveyed, to)

    def _later(self, act: Callable[[], None]) -> None:
        self._world.at(self._world.now() + self._faults.latency(), act, self)
