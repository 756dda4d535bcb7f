"""Resting orders fill while nobody looks, and closes come a moment later: every fill of before counts in them."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, Wish, close, close_all, limit, move, operation, webhook

SCENARIO = Scenario(
    name="close_after_unseen_fills",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", limit(Side.BUY, "0.2", "99000"), limit(Side.BUY, "0.1", "98000")),
        move(2, "98500"),
        webhook(2.5, "test1", close("50", "101000"), close("25", "102000")),
        move(3, "97000"),
        webhook(3.2, "test1", close_all()),
        move(4, "101500"),
        operation(4.5, "test1", "A1", Wish.LIQUIDATE),
    ),
    jitter=SECOND // 4,
    steps=117,
)
