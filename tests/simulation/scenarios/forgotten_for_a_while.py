"""The exchange forgets orders, which trade on, and shows them again: nothing is lost or doubled, or closed twice."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, cancel_all, close_all, forget, limit, market, move, webhook

SCENARIO = Scenario(
    name="forgotten_for_a_while",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(3, "test1", limit(Side.SELL, "0.1", "101000"), limit(Side.BUY, "0.1", "99000")),
        forget(30, lasts=100),
        move(60, "98500"),
        webhook(90, "test1", close_all()),
        webhook(95, "test1", limit(Side.BUY, "0.1", "90000")),
        move(120, "101500"),
        webhook(125, "test1", cancel_all()),
    ),
    jitter=SECOND,
)
