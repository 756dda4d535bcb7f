"""Everything is to be closed while a buy is in doubt: nothing is sold that was not bought."""

from collections.abc import Sequence

from orderwright.engine.signals import Side
from tests.simulation.evidence import Evidence
from tests.simulation.faults import Fault
from tests.simulation.scenario import Scenario, close_all, market, webhook


def _never_short(evidence: Evidence) -> Sequence[str]:
    return [f"more was sold than held: {place}" for place, held in evidence.positions.items() if held < 0]


SCENARIO = Scenario(
    name="close_while_in_doubt",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(3, "test1", market(Side.BUY, "0.2")),
        webhook(3.5, "test1", close_all()),
    ),
    mishaps={("place", 2): Fault.ANSWER_LOST},
    check=_never_short,
    steps=68,
)
