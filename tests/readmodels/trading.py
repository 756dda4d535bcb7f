"""A small, fixed day of trading, decided by the core and written to a log as the engine would write it."""

from uuid import UUID

from msgspec.structs import replace

from orderwright.actors.envelopes import Causes
from orderwright.actors.messages import inbox_name, strategy_account_name
from orderwright.engine.ids import SignalId, event_id
from orderwright.engine.inbox import InboxEvent, SignalFinished, SignalReceived
from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import Instruction, Side, Signal
from orderwright.engine.strategy_account.commands import ExecuteSignal, Message
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.state import Context, Identity
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import ANY_VERSION, Append, NewEvent
from orderwright.moments import SECOND, Micros
from tests.engine.given import START, StrategyAccountUnderTest, a_fill, buy, cancel_all, close

_INBOX: EventCodec[InboxEvent] = EventCodec(InboxEvent)


class DayClock:
    """Goes on by a second with every question."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> Micros:
        self.moment = Micros(self.moment + SECOND)
        return self.moment


class Trader(StrategyAccountUnderTest):
    """A strategy account whose events go to a log."""

    def __init__(self, log: MemoryLog, strategy: str, account: str, number: int) -> None:
        self.strategy, self.account = strategy, account
        self.name = strategy_account_name(strategy, account)
        self._number = number
        self._journal = log
        self._causes = Causes(self.name)
        super().__init__()

    @property
    def context(self) -> Context:
        identity = Identity(name=self.name, number=self._number, salt="salt5")
        return replace(super().context, identity=identity)

    def when(self, message: Message) -> list[Event]:
        version = len(self.log)
        events = super().when(message)
        command_id: UUID | None = message.signal_id if isinstance(message, ExecuteSignal) else None
        if events:
            sealed = self._causes.seal(events, version=version, command_id=command_id)
            write(self._journal, self.name, *sealed)
        return events


def write(log: MemoryLog, stream: str, *events: NewEvent) -> None:
    log.append(Append(stream=stream, expected_version=ANY_VERSION, events=events), lambda _outcome: None)


class Day:
    """Sends signals to strategies, as their inboxes would."""

    def __init__(self) -> None:
        self.clock = DayClock()
        self.log = MemoryLog(self.clock)
        self._count = 0
        self._sequences: dict[str, int] = {}

    def trader(self, strategy: str, account: str, number: int) -> Trader:
        return Trader(self.log, strategy, account, number)

    def send(self, *instructions: Instruction, to: tuple[Trader, ...]) -> SignalId:
        """Store a signal and let every trader execute it."""
        self._count += 1
        strategy, signal_id = to[0].strategy, SignalId(UUID(int=self._count))
        sequence = self._sequences[strategy] = self._sequences.get(strategy, 0) + 1
        legs = tuple(replace(item, leg=leg) for leg, item in enumerate(instructions))
        now = self.clock.now()
        signal = Signal(signal_id=signal_id, strategy=strategy, holder="alice", received_at=now, instructions=legs)
        received = SignalReceived(
            at=now,
            sequence=sequence,
            signal=signal,
            recipients=tuple(trader.name for trader in to),
            body_hash=f"hash {self._count}",
            dedupe_window=0,
        )
        self._write(strategy, received, signal_id)
        for trader in to:
            trader.now = self.clock.now()
            trader.price("BTC/USDT", "100")
            trader.price("ETH/USDT", "10")
            trader.when(ExecuteSignal(signal_id=signal_id, sequence=sequence, born_at=now, instructions=legs))
        return signal_id

    def finish(self, strategy: str, signal_id: SignalId) -> None:
        finished = SignalFinished(at=self.clock.now(), sequence=self._sequences[strategy], signal_id=signal_id)
        self._write(strategy, finished, signal_id)

    def _write(self, strategy: str, event: InboxEvent, signal_id: SignalId) -> None:
        stream = inbox_name(strategy)
        version = sum(1 for _ in self.log.read_stream(stream))
        identity = event_id(signal_id, stream, version + 1)
        write(self.log, stream, _INBOX.new_event(event, event_id=identity, causation=signal_id, correlation=signal_id))


def a_day() -> MemoryLog:
    """Return the log of a day on which most of what the lists can show has happened."""
    day = Day()
    alpha1, alpha2, beta = day.trader("alpha", "A1", 1), day.trader("alpha", "A2", 2), day.trader("beta", "B1", 3)
    both = (alpha1, alpha2)

    bought = day.send(buy(qty="2.5"), buy(qty="1", price="90", ref="ladder"), to=both)
    for trader in both:
        trader.now = day.clock.now()
        trader.filled(trader.orders[0], fee="0.25", fee_currency="USDT")
        trader.placed(next(order for order in trader.orders if order.ref == "ladder"))
    day.finish("alpha", bought)

    in_parts = day.send(buy(qty="30", symbol="ETH/USDT", price="10"), to=(beta,))
    order = beta.order
    beta.now = day.clock.now()
    beta.placed(order, OrderStatus.PARTIALLY_FILLED, a_fill("part 1", "10", "10"))
    beta.seen(order, OrderStatus.PARTIALLY_FILLED, a_fill("part 1", "10", "10"), a_fill("part 2", "10", "9.9"))
    day.finish("beta", in_parts)

    refused = day.send(close(side=Side.SELL), to=(beta,))
    day.finish("beta", refused)

    closed = day.send(close(), to=(alpha1,))
    alpha1.now = day.clock.now()
    alpha1.nothing_new()
    alpha1.filled(next(order for order in alpha1.orders if order.side is Side.SELL), price="110")
    day.finish("alpha", closed)

    cancelled = day.send(cancel_all(), to=(alpha2,))
    alpha2.now = day.clock.now()
    alpha2.cancelled(alpha2.order)
    day.finish("alpha", cancelled)

    rejected = day.send(buy(qty="0.5"), to=(alpha2,))
    alpha2.now = day.clock.now()
    alpha2.refused(alpha2.order)
    day.finish("alpha", rejected)

    day.send(buy(qty="0.7"), to=(beta,))
    beta.now = day.clock.now()
    beta.unclear(beta.orders[-1])
    return day.log
