"""A ladder is replaced on two accounts at once: cancel everything, then two LIMIT orders."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, cancel_all, limit, webhook

SCENARIO = Scenario(
    name="batch_two_accounts",
    links=(("test1", "A1"), ("test1", "A2")),
    script=(
        webhook(1, "test1", limit(Side.BUY, "0.1", "99000"), limit(Side.BUY, "0.1", "98000")),
        webhook(3, "test1", cancel_all(), limit(Side.SELL, "0.1", "105000"), limit(Side.SELL, "0.1", "104000")),
    ),
    steps=225,
)
