"""Stops are cancelled while the price runs over them: some end before their trigger, some are caught as children."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, cancel_all, move, stop, webhook

SCENARIO = Scenario(
    name="stop_cancelled_in_flight",
    links=(("test1", "A1"),),
    script=(
        webhook(
            1,
            "test1",
            stop(Side.BUY, "101000", qty="0.1"),
            stop(Side.BUY, "101500", qty="0.1", price="101200"),
            stop(Side.BUY, "102000", qty="0.1", price="102500"),
        ),
        move(3, "101600"),
        webhook(3, "test1", cancel_all()),
        move(3.02, "102100"),
        webhook(6, "test1", stop(Side.SELL, "101900", qty="0.1", price="103000")),
        move(8, "101800"),
        webhook(40, "test1", cancel_all()),
    ),
    jitter=SECOND // 10,
    steps=115,
)
