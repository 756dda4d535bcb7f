"""The orders that wait for a price, in the order in which prices reach them, so that nothing has to be searched."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal

from orderwright.engine.money import ZERO
from orderwright.engine.signals import Side
from orderwright.exchanges.paper.records import PaperOrder


class Ladder:
    """Resting limit orders and waiting stops of all accounts: the nearest price first, then the older order.

    A buy limit and a stop that sells are reached by a price at or below theirs, the other two by one at or above.
    """

    def __init__(self, orders: Iterable[PaperOrder] = ()) -> None:
        self._below: dict[str, list[tuple[Decimal, int]]] = {}
        self._above: dict[str, list[tuple[Decimal, int]]] = {}
        for order in orders:
            self.add(order)

    def add(self, order: PaperOrder) -> None:
        """Let an order wait: for its trigger if it is a stop that waits, else for its limit."""
        rungs, place = self._place(order)
        insort(rungs.setdefault(order.symbol, []), place)

    def remove(self, order: PaperOrder) -> None:
        """Take an order out, if it is there as it was added."""
        rungs, place = self._place(order)
        queue = rungs.get(order.symbol, [])
        index = bisect_left(queue, place)
        if index < len(queue) and queue[index] == place:
            del queue[index]

    def symbols(self) -> list[str]:
        """Return the symbols in which something waits."""
        return sorted({symbol for rungs in (self._below, self._above) for symbol, queue in rungs.items() if queue})

    def is_reached(self, symbol: str, price: Decimal) -> bool:
        """Return whether `price` reaches any order."""
        below, above = self._below.get(symbol), self._above.get(symbol)
        return bool((below and below[0][0].copy_abs() >= price) or (above and above[0][0] <= price))

    def reached(self, symbol: str, price: Decimal) -> list[int]:
        """Return the numbers of the orders that `price` reaches."""
        below, above = self._below.get(symbol, []), self._above.get(symbol, [])
        upto = _ANY_NUMBER
        first = below[: bisect_left(below, (price.copy_negate(), upto))]
        return [number for _, number in (*first, *above[: bisect_left(above, (price, upto))])]

    def _place(self, order: PaperOrder) -> tuple[dict[str, list[tuple[Decimal, int]]], tuple[Decimal, int]]:
        price = (order.stop_price if order.is_waiting else order.price) or ZERO
        if (order.side is Side.BUY) is order.is_waiting:
            return self._above, (price, order.number)
        # Dearest first: negated, since no price is below zero.
        return self._below, (price.copy_negate(), order.number)


_ANY_NUMBER = 2**63
