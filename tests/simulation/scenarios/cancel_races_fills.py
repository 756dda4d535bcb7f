"""A cancel of everything is on its way while the price runs through the ladder."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, cancel_all, limit, move, webhook

SCENARIO = Scenario(
    name="cancel_races_fills",
    links=(("test1", "A1"),),
    script=(
        webhook(
            1,
            "test1",
            limit(Side.BUY, "0.1", "99000"),
            limit(Side.BUY, "0.1", "98000"),
            limit(Side.BUY, "0.1", "97000"),
        ),
        webhook(3, "test1", cancel_all()),
        move(3, "98500"),
        move(3.02, "96000"),
    ),
    jitter=SECOND // 10,
    steps=79,
)
