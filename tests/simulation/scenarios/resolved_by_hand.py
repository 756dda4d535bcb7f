"""An exchange that cannot be asked by client order id leaves doubts, which an operator ends by looking for himself."""

from orderwright.engine.signals import Side
from tests.simulation.scenario import Scenario, Wish, close_all, limit, market, move, operation, webhook

SCENARIO = Scenario(
    name="resolved_by_hand",
    links=(("test1", "A1"),),
    can_be_asked=False,
    script=(
        webhook(1, "test1", market(Side.BUY, "0.2")),
        webhook(2, "test1", limit(Side.BUY, "0.1", "99000"), limit(Side.BUY, "0.1", "98000")),
        operation(30, "test1", "A1", Wish.RESOLVE),
        move(40, "98500"),
        webhook(60, "test1", close_all()),
        operation(90, "test1", "A1", Wish.RESOLVE),
        operation(120, "test1", "A1", Wish.RESOLVE),
    ),
    steps=176,
)
