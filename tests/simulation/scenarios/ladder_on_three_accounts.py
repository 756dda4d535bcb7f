"""A ladder is replaced on three accounts at once: everything is cancelled, and two LIMIT orders follow."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, cancel_all, limit, webhook

SCENARIO = Scenario(
    name="ladder_on_three_accounts",
    links=(("test1", "A1"), ("test1", "A2"), ("test1", "A3")),
    script=(
        webhook(1, "test1", limit(Side.BUY, "0.1", "99000")),
        webhook(3, "test1", cancel_all(), limit(Side.BUY, "0.1", "98000"), limit(Side.BUY, "0.1", "97000")),
    ),
    steps=279,
)
