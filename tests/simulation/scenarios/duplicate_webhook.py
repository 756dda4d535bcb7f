"""The same alert comes three times, by its id and by its body, close together and late."""

from collections.abc import Sequence
from decimal import Decimal

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, market, webhook


def _one_order_per_id(evidence: Evidence) -> Sequence[str]:
    # Only the id lasts a day: a body that is sent again after its window, by a sender who met a long crash, is new.
    placed = [order.exchange_order_id for order in evidence.orders if order.amount == Decimal("0.1")]
    return [f"one id came to {placed}"] if len(placed) > 1 else []


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
    check=_one_order_per_id,
    steps=57,
)
