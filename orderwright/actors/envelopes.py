"""From decided events to what is written: ids, causes and the signal that each event belongs to."""

from collections.abc import Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

from orderwright.engine.ids import OrderId, event_id
from orderwright.engine.strategy_account.events import CancelRequested, Event, OrderRequested
from orderwright.eventstore.codec import encode
from orderwright.eventstore.store import NewEvent, StoredEvent


class Causes:
    """Which event asked for what: the cause of an order's later events is the latest request for it."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._own = uuid5(NAMESPACE_OID, stream)
        self._requests: dict[OrderId, tuple[UUID, UUID]] = {}

    def note(self, stored: StoredEvent | NewEvent, event: Event) -> None:
        """Remember a request that was written."""
        if isinstance(event, OrderRequested | CancelRequested):
            self._requests[event.order_id] = (stored.event_id, stored.correlation)

    def forget_all_but(self, orders: dict[OrderId, object]) -> None:
        """Drop what belongs to orders that have ended."""
        if len(self._requests) > len(orders):
            self._requests = {known: cause for known, cause in self._requests.items() if known in orders}

    def seal(self, events: Sequence[Event], *, version: int, command_id: UUID | None) -> tuple[NewEvent, ...]:
        """Return the events as they are to be written after `version`; `command_id` is what brought them about."""
        sealed = []
        for ordinal, event in enumerate(events, version + 1):
            cause, correlation = self._origin(event, command_id)
            tag, payload = encode(event)
            new = NewEvent(
                event_id=event_id(cause, self._stream, ordinal),
                type=tag,
                schema_version=1,
                payload=payload,
                causation=cause,
                correlation=correlation,
            )
            self.note(new, event)
            sealed.append(new)
        return tuple(sealed)

    def _origin(self, event: Event, command_id: UUID | None) -> tuple[UUID, UUID]:
        order_id = getattr(event, "order_id", None)
        known = self._requests.get(order_id) if order_id is not None else None
        if known is not None:
            return (known[0] if command_id is None else command_id), known[1]
        correlation = getattr(event, "signal_id", None) or getattr(event, "command_id", None) or command_id
        return command_id or correlation or self._own, correlation or self._own
