"""The same alert comes again and again while the engine comes back from a crash: it is one order all the same."""

from collections.abc import Sequence

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, market, webhook


def _one_order(evidence: Evidence) -> Sequence[str]:
    placed = [order.exchange_order_id for order in evidence.orders]
    return [f"one id came to {placed}"] if len(placed) > 1 else []


SCENARIO = Scenario(
    name="duplicate_during_recovery",
    links=(("test1", "A1"),),
    # A crash of the exhaustive driver keeps the engine down for a second: these come right when it is back.
    script=tuple(
        webhook(at, "test1", market(Side.BUY, "0.1"), key="k1", body="one")
        for at in (1, 2, 2.0005, 2.001, 2.002, 2.004, 2.01, 2.02, 2.04)
    ),
    jitter=SECOND // 500,
    check=_one_order,
    steps=51,
)
