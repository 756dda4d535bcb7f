"""The exchange forgets orders for good, and they trade on: they stay visibly in doubt, and nothing is oversold."""

from collections.abc import Sequence
from decimal import Decimal

from orderwright.engine.signals import OrderType, Side
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, Wish, close_all, forget, limit, market, move, operation, webhook


def _never_short(evidence: Evidence) -> Sequence[str]:
    if not any(order.order_type is OrderType.MARKET and order.side is Side.BUY for order in evidence.orders):
        # Without the first one there was nothing to close, and the sell was an entry.
        return []
    return [f"more was sold than held: {place}" for place, held in evidence.positions.items() if held < Decimal(0)]


SCENARIO = Scenario(
    name="forgotten_for_ever",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(3, "test1", limit(Side.SELL, "0.1", "101000"), limit(Side.BUY, "0.1", "99000")),
        forget(40),
        move(60, "98500"),
        webhook(120, "test1", close_all()),
        operation(130, "test1", "A1", Wish.LIQUIDATE),
        move(200, "101500"),
    ),
    jitter=SECOND,
    check=_never_short,
)
