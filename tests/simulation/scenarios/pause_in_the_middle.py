"""An operator pauses while signals come in, and resumes later; closes pass, entries do not."""

from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.scenario import Scenario, Wish, close_all, market, operation, webhook

SCENARIO = Scenario(
    name="pause_in_the_middle",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1")),
        operation(1.01, "test1", "A1", Wish.PAUSE),
        webhook(1.02, "test1", market(Side.BUY, "0.2")),
        webhook(5, "test1", close_all()),
        operation(20, "test1", "A1", Wish.RESUME),
        webhook(21, "test1", market(Side.BUY, "0.3")),
    ),
    jitter=SECOND // 20,
    steps=92,
)
