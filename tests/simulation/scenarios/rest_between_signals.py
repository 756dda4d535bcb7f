"""Actors rest whenever nothing happens for a millisecond, and signals and commands come right then."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, Wish, cancel_all, close_all, limit, market, operation, webhook

SCENARIO = Scenario(
    name="rest_between_signals",
    links=(("test1", "A1"), ("test1", "A2"), ("test2", "A1")),
    script=(
        webhook(1.000, "test1", market(Side.BUY, "0.1")),
        webhook(1.005, "test1", limit(Side.BUY, "0.1", "90000")),
        operation(1.007, "test1", "A2", Wish.PAUSE),
        webhook(1.009, "test1", cancel_all()),
        webhook(1.012, "test1", close_all()),
        webhook(1.015, "test2", market(Side.BUY, "0.2")),
        operation(1.017, "test1", "A2", Wish.RESUME),
        webhook(1.020, "test1", market(Side.BUY, "0.3")),
        webhook(1.021, "test2", close_all()),
        operation(1.030, "test1", "A1", Wish.LIQUIDATE),
    ),
    jitter=SECOND // 100,
    idle_after=SECOND // 1000,
    steps=309,
)
