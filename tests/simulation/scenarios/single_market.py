"""One MARKET order on one account."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, market, webhook

SCENARIO = Scenario(
    name="single_market",
    links=(("test1", "A1"),),
    script=(webhook(1, "test1", market(Side.BUY, "0.5"), key="k1"),),
    steps=36,
)
