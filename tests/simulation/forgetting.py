"""An exchange that forgets orders which it had accepted, for a while or for ever; they trade on all the same."""

from collections.abc import Callable, Iterable
from typing import Protocol

from orderwright.moments import SECOND
from tests.simulation.world import World

_BEGINS_WITHIN = 40 * SECOND
_LASTS_AT_MOST = 90 * SECOND

FOR_EVER = 2**62


class Forgettable(Protocol):
    """An order in the exchange's books, which is `forgotten` from then until then, perhaps several times."""

    client_order_id: str
    forgotten: list[tuple[int, int]]

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        ...


class Forgetting:
    """Forgets only what the log has as accepted: before that, an order that is not shown may never have been placed."""

    def __init__(self, world: World, is_accepted: Callable[[str], bool]) -> None:
        self._world = world
        self._is_accepted = is_accepted
        self.until = 0

    def soon(self, order: Forgettable) -> None:
        """Forget an order in a while, for a while."""
        begins = self._world.now() + self._world.rng.randrange(_BEGINS_WITHIN)
        lasts = self._world.rng.randrange(_LASTS_AT_MOST)
        self.until = max(self.until, begins + lasts)
        self._world.at(begins, lambda: self._begin(order, begins + lasts))

    def now(self, orders: Iterable[Forgettable], lasts: int | None) -> None:
        """Forget those that are open, for so many microseconds; None: for ever."""
        until = FOR_EVER if lasts is None else self._world.now() + lasts
        for order in orders:
            if order.is_open:
                self._begin(order, until)
        if lasts is not None:
            self.until = max(self.until, until)

    def _begin(self, order: Forgettable, until: int) -> None:
        if not self._is_accepted(order.client_order_id):
            return
        order.forgotten.append((self._world.now(), until))
        if self._world.is_traced:
            self._world.note("exchange", f"forgets {order.client_order_id} until {until}")
