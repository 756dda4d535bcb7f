"""Signals ten milliseconds apart keep their order: what is closed was bought before."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, close_all, market, webhook

SCENARIO = Scenario(
    name="signals_in_a_row",
    links=(("test1", "A1"), ("test1", "A2")),
    script=(
        webhook(1.00, "test1", market(Side.BUY, "0.1"), key="k1"),
        webhook(1.01, "test1", close_all(), key="k2"),
        webhook(1.02, "test1", market(Side.SELL, "0.2"), key="k3"),
        webhook(1.03, "test1", close_all(), key="k4"),
        webhook(1.04, "test1", market(Side.BUY, "0.3"), key="k5"),
    ),
    steps=148,
)
