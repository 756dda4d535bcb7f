"""Requests arrive long after the orders counted as never placed, and trade at once: each is found and booked."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.faults import Fault
from tests.simulation.scenario import Scenario, close_all, limit, market, webhook

SCENARIO = Scenario(
    name="arrives_much_later",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1"), limit(Side.BUY, "0.1", "98000")),
        webhook(4, "test1", market(Side.BUY, "0.2")),
        webhook(20, "test1", close_all()),
    ),
    mishaps={("place", 1): Fault.TARDY},
    jitter=SECOND,
    tardiness=0.5,
    steps=210,
)
