"""No connection to the exchange for a while: closes and cancels get through when it is back, in their order."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import ETH, Scenario, cancel_all, close_all, limit, market, webhook

SCENARIO = Scenario(
    name="way_out_in_an_outage",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3"), market(Side.BUY, "1", ETH)),
        webhook(2, "test1", limit(Side.BUY, "2", "3500", ETH)),
        webhook(5, "test1", close_all()),
        webhook(6, "test1", cancel_all()),
        webhook(7, "test1", market(Side.BUY, "0.1")),
        webhook(8, "test1", close_all(ETH)),
    ),
    outage=(4 * SECOND, 30 * SECOND),
    jitter=SECOND,
    steps=222,
)
