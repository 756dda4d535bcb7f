"""Resting limit orders in price-time order, so that a new price finds what it crosses without a search."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal

from orderwright.engine.money import ZERO
from orderwright.engine.signals import Side
from orderwright.exchanges.paper.matching import crosses
from orderwright.exchanges.paper.records import PaperOrder


class RestingOrders:
    """The open orders of all accounts, by symbol and side; best price first, then the older one."""

    def __init__(self, orders: Iterable[PaperOrder] = ()) -> None:
        self._queues: dict[tuple[str, Side], list[tuple[Decimal, int]]] = {}
        for order in orders:
            self.add(order)

    def add(self, order: PaperOrder) -> None:
        """Let an order rest."""
        insort(self._queues.setdefault((order.symbol, order.side), []), _place(order))

    def remove(self, order: PaperOrder) -> None:
        """Take an order out, if it rests."""
        queue = self._queues.get((order.symbol, order.side), [])
        index = bisect_left(queue, _place(order))
        if index < len(queue) and queue[index] == _place(order):
            del queue[index]

    def symbols(self) -> list[str]:
        """Return the symbols in which something rests."""
        return sorted({symbol for (symbol, _), queue in self._queues.items() if queue})

    def crossed(self, symbol: str, price: Decimal) -> int | None:
        """Return the number of the order that trades next at `price`, or None."""
        for side in Side:
            queue = self._queues.get((symbol, side))
            if queue and crosses(side, queue[0][0].copy_abs(), price):
                return queue[0][1]
        return None


def _place(order: PaperOrder) -> tuple[Decimal, int]:
    # Dearest buy first: negated, since no price is below zero.
    price = order.price or ZERO
    return (price.copy_negate() if order.side is Side.BUY else price), order.number
