"""From decided events to what is written: ids, causes and the signal that each event belongs to."""

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_OID, UUID, uuid5

from orderwright.engine.ids import OrderId, event_id
from orderwright.engine.strategy_account.events import CancelRequested, Event, OrderRequested, OrderSurfaced
from orderwright.eventstore.codec import encode
from orderwright.eventstore.store import NewEvent, StoredEvent


class Causes:
    """Which event asked for what: the cause of an order's later events is the latest request for it."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._own = uuid5(NAMESPACE_OID, stream)
        self._requests: dict[OrderId, tuple[UUID, UUID]] = {}

    @property
    def requests(self) -> dict[OrderId, tuple[UUID, UUID]]:
        """The event that asked for each order last, and the signal that it belongs to; a copy."""
        return dict(self._requests)

    def restore(self, requests: Mapping[OrderId, tuple[UUID, UUID]]) -> None:
        """Begin with what a snapshot remembers."""
        self._requests = dict(requests)

    def note(self, written: StoredEvent | NewEvent, event: Event) -> None:
        """Remember a request that was written; an order's events all belong to the signal that asked for the order."""
        if isinstance(event, OrderRequested | OrderSurfaced):
            self._requests[event.order_id] = (written.event_id, written.correlation)
        elif isinstance(event, CancelRequested) and event.order_id in self._requests:
            self._requests[event.order_id] = (written.event_id, self._requests[event.order_id][1])

    def forget_all_but(self, orders: Mapping[OrderId, object]) -> None:
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
        named = getattr(event, "signal_id", None) or getattr(event, "command_id", None)
        request = self._requests.get(getattr(event, "order_id", OrderId("")))
        if request is not None:
            return command_id or request[0], named or request[1]
        correlation = named or command_id or self._own
        return command_id or correlation, correlation
