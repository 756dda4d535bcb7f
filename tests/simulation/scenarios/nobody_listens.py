"""A signal of a strategy that trades on no account is stored all the same, and leaves nothing to look after."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, market, webhook

SCENARIO = Scenario(
    name="nobody_listens",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "lonely", market(Side.BUY, "0.1"), key="k1"),
        webhook(1, "test1", market(Side.BUY, "0.1"), key="k1"),
    ),
    steps=44,
)
