"""The exchange forgets resting orders for good; an operator ends them by hand and says so, and a liquidation ends."""

from collections.abc import Sequence

from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import LiquidationEnded, LiquidationStarted
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, Wish, forget, limit, market, operation, webhook


def _the_liquidation_ends(evidence: Evidence) -> Sequence[str]:
    started, ended = (len(list(evidence.of(kind))) for kind in (LiquidationStarted, LiquidationEnded))
    if not evidence.has_evidence or any(order.is_forgotten_for_ever and order.fills for order in evidence.orders):
        return []
    return [] if started == ended >= 1 else [f"{started} liquidations started and {ended} ended"]


SCENARIO = Scenario(
    name="forgotten_and_resolved",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(3, "test1", limit(Side.SELL, "0.1", "120000"), limit(Side.BUY, "0.1", "80000")),
        forget(40),
        operation(130, "test1", "A1", Wish.LIQUIDATE),
        *(operation(250 + 30 * look, "test1", "A1", Wish.RESOLVE) for look in range(4)),
    ),
    jitter=SECOND,
    check=_the_liquidation_ends,
)
