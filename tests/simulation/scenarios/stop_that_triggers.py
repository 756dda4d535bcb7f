"""A position is protected by a stop, which is triggered: its child's fills close the position, once."""

from collections.abc import Sequence
from decimal import Decimal

from orderwright.engine.signals import Side
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, market, move, stop, webhook


def _never_short(evidence: Evidence) -> Sequence[str]:
    return [f"more was sold than held: {place}" for place, held in evidence.positions.items() if held < Decimal(0)]


SCENARIO = Scenario(
    name="stop_that_triggers",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.4")),
        webhook(15, "test1", stop(None, "98000", qty_per="-100"), key="k1"),
        move(22, "97500"),
        move(40, "97000"),
    ),
    check=_never_short,
    steps=63,
)
