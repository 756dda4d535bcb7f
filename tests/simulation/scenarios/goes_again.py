"""Entries, closes and cancels, each some time after the other, so that every one of them can be lost and go again."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, cancel_all, close_all, limit, market, webhook

SCENARIO = Scenario(
    name="goes_again",
    links=(("test1", "A1"), ("test1", "A2")),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1"), limit(Side.BUY, "0.1", "99000")),
        webhook(9, "test1", close_all()),
        webhook(18, "test1", cancel_all(), limit(Side.SELL, "0.1", "102000")),
        webhook(27, "test1", cancel_all()),
    ),
    jitter=SECOND,
    steps=172,
)
