"""A standby takes over while signals come in; an operator pauses the new engine, and the old one may not go on."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.faults import Fault
from tests.simulation.scenario import Scenario, Wish, close_all, limit, market, operation, webhook

SCENARIO = Scenario(
    name="standby_takes_over",
    links=(("test1", "A1"),),
    # The exhaustive driver lets a standby take over at every step, four seconds after the engine at work hung.
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1"), limit(Side.BUY, "0.1", "99000")),
        webhook(2, "test1", market(Side.BUY, "0.2")),
        operation(5.2, "test1", "A1", Wish.PAUSE),
        webhook(5.3, "test1", market(Side.BUY, "0.3")),
        webhook(8, "test1", close_all()),
        operation(20, "test1", "A1", Wish.RESUME),
    ),
    mishaps={("place", 1): Fault.LATE},
    jitter=SECOND // 10,
    steps=104,
)
