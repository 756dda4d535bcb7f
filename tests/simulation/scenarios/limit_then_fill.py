"""A LIMIT order rests, and fills when the price comes to it."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, limit, move, webhook

SCENARIO = Scenario(
    name="limit_then_fill",
    links=(("test1", "A1"),),
    script=(webhook(1, "test1", limit(Side.BUY, "0.5", "99000"), key="k1"), move(8, "98500")),
    steps=44,
)
