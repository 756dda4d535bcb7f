"""The log as an auditor reads it: every order with what became of it, every signal with its legs."""

from collections.abc import Iterable
from uuid import UUID

from orderwright.engine.inbox import InboxEvent, SignalFinished, SignalReceived
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.strategy_account.events import (
    CancelDoubted,
    CancelRefused,
    CancelRequested,
    Event,
    FillRecorded,
    LegRefused,
    OrderAccepted,
    OrderClosed,
    OrderDoubted,
    OrderNeverPlaced,
    OrderRejected,
    OrderRequested,
)
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros

_INBOX: EventCodec[InboxEvent] = EventCodec(InboxEvent)
_ACCOUNT: EventCodec[Event] = EventCodec(Event)


class OrderEntry:
    """One order: its intent, and what the log says of it since; `end` is rejected, never placed, or a final status."""

    def __init__(self, stored: StoredEvent, request: OrderRequested) -> None:
        self.stream = stored.stream
        self.position = stored.position
        self.recorded_at: Micros = stored.recorded_at
        self.request = request
        self.exchange_order_id: str | None = None
        self.is_answered = False
        self.in_doubt = False
        self.end: str = ""
        self.fills: dict[str, Fill] = {}
        self.cancel_position = 0
        self.cancel_in_doubt = False

    @property
    def account(self) -> str:
        """The exchange account's name."""
        return self.stream.rpartition("@")[2]

    @property
    def is_doubtful(self) -> bool:
        return not self.end and (self.in_doubt or self.cancel_in_doubt)


class SignalEntry:
    """One stored signal, and for each recipient the legs that something has been decided about."""

    def __init__(self, stored: StoredEvent, received: SignalReceived) -> None:
        self.position = stored.position
        self.received = received
        self.decided: set[tuple[str, int]] = set()
        self.finished = 0

    def undecided(self) -> Iterable[tuple[str, int]]:
        """Return (strategy account, leg) of every instruction that nothing has been decided about."""
        legs = [instruction.leg for instruction in self.received.signal.instructions]
        wanted = [(recipient, leg) for recipient in self.received.recipients for leg in legs]
        return [each for each in wanted if each not in self.decided]


class Ledger:
    """All orders by client order id, all signals by id; `strange` is what should not be in any log."""

    def __init__(self, events: Iterable[StoredEvent]) -> None:
        self.orders: dict[str, OrderEntry] = {}
        self.signals: dict[UUID, SignalEntry] = {}
        self.strange: list[str] = []
        self.head = 0
        for stored in events:
            self.head = stored.position
            if stored.stream.startswith("inbox/"):
                self._of_inbox(stored, _INBOX.decode(stored))
            elif stored.stream.startswith("strategy-account/"):
                self._of_account(stored, _ACCOUNT.decode(stored))

    def by_key(self) -> dict[str, list[SignalEntry]]:
        """Return the signals by the id that their sender chose."""
        found: dict[str, list[SignalEntry]] = {}
        for signal in self.signals.values():
            found.setdefault(signal.received.key or "", []).append(signal)
        return found

    def _of_inbox(self, stored: StoredEvent, event: InboxEvent) -> None:
        if isinstance(event, SignalReceived):
            self.signals[event.signal.signal_id] = SignalEntry(stored, event)
        elif isinstance(event, SignalFinished):
            self.signals[event.signal_id].finished += 1

    def _of_account(self, stored: StoredEvent, event: Event) -> None:
        if isinstance(event, OrderRequested):
            if event.order_id in self.orders:
                self.strange.append(f"{event.order_id} was requested twice")
            self.orders[event.order_id] = OrderEntry(stored, event)
        leg = getattr(event, "leg", None)
        signal = self.signals.get(getattr(event, "signal_id", None) or UUID(int=0))
        if leg is not None and signal is not None:
            signal.decided.add((stored.stream, leg))
        elif isinstance(event, OrderRequested | LegRefused):
            self.strange.append(f"{stored.type} at {stored.position} belongs to no signal that was stored before it")
        order = self.orders.get(getattr(event, "order_id", ""))
        if order is not None:
            if order.stream != stored.stream:
                self.strange.append(f"{stored.stream} has touched {order.request.order_id} of {order.stream}")
            self._of_order(order, stored, event)

    def _of_order(self, order: OrderEntry, stored: StoredEvent, event: Event) -> None:
        match event:
            case OrderAccepted():
                order.exchange_order_id, order.is_answered, order.in_doubt = event.exchange_order_id, True, False
            case OrderDoubted():
                order.is_answered = order.in_doubt = True
            case OrderRejected():
                self._end(order, "rejected")
            case OrderNeverPlaced():
                self._end(order, "never placed")
            case OrderClosed():
                self._end(order, event.status)
            case FillRecorded():
                if event.fill.trade_id in order.fills:
                    self.strange.append(f"trade {event.fill.trade_id} of {order.request.order_id} was recorded twice")
                order.fills[event.fill.trade_id] = event.fill
            case CancelRequested():
                order.cancel_position, order.cancel_in_doubt = stored.position, False
            case CancelDoubted():
                order.cancel_position, order.cancel_in_doubt = 0, True
            case CancelRefused():
                order.cancel_position = 0

    def _end(self, order: OrderEntry, end: str | OrderStatus) -> None:
        if order.end:
            self.strange.append(f"{order.request.order_id} ended as {order.end} and again as {end}")
        order.end, order.is_answered, order.in_doubt = str(end), True, False
        order.cancel_position, order.cancel_in_doubt = 0, False
