"""The same alert comes three times, by its id and by its body, close together and late."""

from collections.abc import Sequence

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, market, webhook


def _two_orders_at_most(evidence: Evidence) -> Sequence[str]:
    placed = [order.exchange_order_id for order in evidence.orders]
    return [f"two alerts came to {placed}"] if len(placed) > 2 else []


SCENARIO = Scenario(
    name="duplicate_webhook",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1"), key="k1", body="one"),
        webhook(1.01, "test1", market(Side.BUY, "0.1"), key="k1", body="one"),
        webhook(1.01, "test1", market(Side.BUY, "0.2"), body="two"),
        webhook(1.02, "test1", market(Side.BUY, "0.2"), body="two"),
        webhook(6, "test1", market(Side.BUY, "0.1"), key="k1", body="one"),
        webhook(6, "test1", market(Side.BUY, "0.2"), body="two"),
    ),
    jitter=SECOND // 5,
    check=_two_orders_at_most,
)
