"""The placements and cancels that are on their way to an exchange, so that a halt knows when nothing is."""

import threading
from collections.abc import Callable
from itertools import count

from msgspec import Struct

from orderwright.clock import monotonic
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import CancelOrder, PlaceOrder


class Trip(Struct, frozen=True, kw_only=True):
    """A call under way, of the strategy account `name` for one order."""

    name: str
    order_id: OrderId


class Wire:
    """A call is noted before the gate is asked about it: whoever closes the gate and then looks here misses none."""

    def __init__(self) -> None:
        self._tickets = count(1)
        self._under_way: dict[int, Trip] = {}
        self._changed = threading.Condition()

    def begin(self, name: str, effect: PlaceOrder | CancelOrder) -> int:
        """Note a call that may be about to leave; return the ticket to end it with."""
        ticket = next(self._tickets)
        with self._changed:
            self._under_way[ticket] = Trip(name=name, order_id=effect.order_id)
        return ticket

    def end(self, ticket: int) -> None:
        """Note that a call was answered, or never left."""
        with self._changed:
            if self._under_way.pop(ticket, None) is not None:
                self._changed.notify_all()

    def wait_clear(self, concerns: Callable[[str], bool], timeout: float) -> tuple[Trip, ...]:
        """Wait until what is under way now for strategy accounts that this `concerns` has ended.

        Returns what is under way still, after `timeout` seconds at most.
        """
        ends = monotonic() + timeout
        with self._changed:
            awaited = {ticket: trip for ticket, trip in self._under_way.items() if concerns(trip.name)}
            while left := awaited.keys() & self._under_way.keys():
                patience = ends - monotonic()
                if patience <= 0:
                    return tuple(awaited[ticket] for ticket in sorted(left))
                self._changed.wait(patience)
        return ()
