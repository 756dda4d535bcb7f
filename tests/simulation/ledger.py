"""The log retold for the invariants: what was asked for, and what became of it, by a reading of its own."""

from decimal import Decimal

from orderwright.engine.inbox import SignalFinished, SignalReceived
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import (
    CancelDoubted,
    CancellationEnded,
    CancellationOrdered,
    CancelPostponed,
    CancelRefused,
    CancelRequested,
    FillRecorded,
    LegRefused,
    LiquidationStarted,
    OrderAccepted,
    OrderClosed,
    OrderDoubted,
    OrderNeverPlaced,
    OrderReappeared,
    OrderRejected,
    OrderRequested,
    OrderSurfaced,
    OrderVanished,
    PositionAdopted,
    SignalAccepted,
    SignalEnded,
)
from tests.simulation.evidence import Entry, Evidence


class OrderStory:
    """One requested order as the log tells of it; `cancel` is the last word on cancelling it."""

    def __init__(self, stream: str, step: int, request: OrderRequested) -> None:
        self.stream = stream
        self.step = step
        self.request = request
        self.exchange_order_id: str | None = None
        self.ends: list[str] = []
        self.closed_as: OrderStatus | None = None
        self.is_doubted = False
        self.has_vanished = False
        self.vanished_at: list[int] = []
        self.has_surfaced = False
        self.fills: list[Fill] = []
        self.cancel_steps: list[int] = []
        self.cancel = ""

    def is_in_doubt_for_good(self, evidence: Evidence) -> bool:
        """Return whether nothing can end its doubt, since the exchange offers no evidence."""
        return not evidence.has_evidence and self.is_doubted and not self.ends


class SignalStory:
    """One signal at one strategy account."""

    def __init__(self, accepted: SignalAccepted, position: int) -> None:
        self.accepted = accepted
        self.position = position
        self.answers: dict[int, int] = {}
        self.ends = 0


class Ledger:
    """Stories by order id and by (stream, signal); `strays` are events that belong to nothing in their stream."""

    def __init__(self, evidence: Evidence) -> None:
        self.orders: dict[str, OrderStory] = {}
        self.signals: dict[tuple[str, object], SignalStory] = {}
        self.accepted_order: dict[str, list[SignalAccepted]] = {}
        self.received: dict[str, list[tuple[Entry, SignalReceived]]] = {}
        self.finished: dict[object, int] = {}
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.causes: set[tuple[str, object]] = set()
        self.strays: list[str] = []
        for entry in evidence.entries:
            self._read(entry)

    def _read(self, entry: Entry) -> None:
        stream = entry.stored.stream
        match entry.event:
            case SignalReceived() as event:
                self.received.setdefault(stream, []).append((entry, event))
            case SignalFinished() as event:
                self.finished[event.signal_id] = self.finished.get(event.signal_id, 0) + 1
            case SignalAccepted() as event:
                self._accept(stream, event, entry.stored.position)
            case CancellationOrdered(command_id=cause) | LiquidationStarted(command_id=cause):
                self.causes.add((stream, cause))
            case LegRefused() | CancellationEnded() as event:
                self._answer_leg(stream, event.signal_id, event.leg)
            case SignalEnded(signal_id=signal_id):
                if (stream, signal_id) in self.signals:
                    self.signals[stream, signal_id].ends += 1
            case OrderRequested() as event:
                self._request(entry, event)
            case PositionAdopted(symbol=symbol, amount=amount):
                self.positions[stream, symbol] = self.positions.get((stream, symbol), Decimal(0)) + amount
            case event:
                order_id = getattr(event, "order_id", None)
                if order_id is not None:
                    self._read_of_order(entry, order_id)

    def _accept(self, stream: str, event: SignalAccepted, position: int) -> None:
        if (stream, event.signal_id) in self.signals:
            self.strays.append(f"{stream} accepted {event.signal_id} twice")
        self.signals[stream, event.signal_id] = SignalStory(event, position)
        self.accepted_order.setdefault(stream, []).append(event)
        self.causes.add((stream, event.signal_id))

    def _answer_leg(self, stream: str, signal_id: object, leg: int) -> None:
        story = self.signals.get((stream, signal_id))
        if story is not None:
            story.answers[leg] = story.answers.get(leg, 0) + 1

    def _request(self, entry: Entry, event: OrderRequested) -> None:
        if event.order_id in self.orders:
            self.strays.append(f"{event.order_id} was requested twice")
        if (entry.stored.stream, event.signal_id) not in self.causes:
            self.strays.append(f"{event.order_id} in {entry.stored.stream} was asked for by nobody there")
        self.orders[event.order_id] = OrderStory(entry.stored.stream, entry.step, event)
        if event.attempt == 1:
            self._answer_leg(entry.stored.stream, event.signal_id, event.leg)

    def _read_of_order(self, entry: Entry, order_id: str) -> None:
        story = self.orders.get(order_id)
        if story is None or story.stream != entry.stored.stream:
            self.strays.append(
                f"{entry.stored.type} in {entry.stored.stream} is about {order_id}, which is not its own"
            )
            return
        match entry.event:
            case OrderAccepted(exchange_order_id=exchange_order_id):
                story.exchange_order_id = exchange_order_id
                story.is_doubted = story.has_vanished = False
            case OrderDoubted():
                story.is_doubted = True
            case OrderVanished(at=at):
                story.has_vanished = True
                story.vanished_at.append(at)
            case OrderReappeared():
                story.has_vanished = False
            case OrderRejected():
                story.ends.append("rejected")
            case OrderNeverPlaced():
                story.ends.append("never placed")
            case OrderClosed(status=status):
                story.ends.append("closed")
                story.closed_as = status
            case OrderSurfaced(exchange_order_id=exchange_order_id):
                story.exchange_order_id = exchange_order_id
                story.ends, story.closed_as, story.has_surfaced = [], None, True
            case FillRecorded(fill=fill):
                self._fill(story, fill)
            case _:
                self._read_of_cancel(entry, story)

    def _read_of_cancel(self, entry: Entry, story: OrderStory) -> None:
        match entry.event:
            case CancelRequested(order_id=order_id, signal_id=cause):
                story.cancel_steps.append(entry.step)
                story.cancel = "requested"
                if cause is not None and (story.stream, cause) not in self.causes:
                    self.strays.append(f"{order_id} was cancelled for {cause}, which {story.stream} never had")
            case CancelPostponed():
                story.cancel = "postponed"
            case CancelDoubted():
                story.cancel = "in doubt"
            case CancelRefused():
                story.cancel = ""

    def _fill(self, story: OrderStory, fill: Fill) -> None:
        story.fills.append(fill)
        key = (story.stream, story.request.symbol)
        self.positions[key] = self.positions.get(key, Decimal(0)) + change_by(story, fill)


def change_by(story: OrderStory, fill: Fill) -> Decimal:
    """Return what a fill of the order does to the position, in base units: a fee in the base coin takes its part."""
    change = fill.amount if story.request.side is Side.BUY else -fill.amount
    return change - fill.fee if fill.fee_currency == story.request.base else change
