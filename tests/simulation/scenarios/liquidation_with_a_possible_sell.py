"""A sell is in doubt when everything is to be liquidated: what it may sell is not sold a second time."""

from collections.abc import Sequence

from orderwright.engine.instruments import MarketType
from orderwright.engine.signals import Side
from tests.simulation.evidence import Evidence
from tests.simulation.faults import Fault
from tests.simulation.scenario import Scenario, Wish, limit, market, operation, webhook


def _never_short(evidence: Evidence) -> Sequence[str]:
    return [f"more was sold than held: {place}" for place, held in evidence.positions.items() if held < 0]


SCENARIO = Scenario(
    name="liquidation_with_a_possible_sell",
    links=(("test1", "A1"),),
    market_type=MarketType.SPOT,
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(3, "test1", limit(Side.SELL, "0.1", "99000")),
        operation(3.2, "test1", "A1", Wish.LIQUIDATE),
    ),
    mishaps={("place", 2): Fault.ANSWER_LOST},
    check=_never_short,
    steps=63,
)
