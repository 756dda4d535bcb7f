"""Two strategies on one account and symbol; one cancels all it has, the other's orders stay."""

from collections.abc import Iterator, Sequence

from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.ledger import Ledger
from tests.simulation.scenario import Scenario, cancel_all, limit, market, webhook


def _others_are_untouched(evidence: Evidence) -> Sequence[str]:
    return list(_touched(evidence))


def _touched(evidence: Evidence) -> Iterator[str]:
    ledger = Ledger(evidence)
    for order in evidence.orders:
        story = ledger.orders.get(order.client_order_id)
        is_beta = story is not None and story.stream.startswith("strategy-account/beta@")
        if is_beta and order.status is OrderStatus.CANCELLED:
            yield f"beta's {order.client_order_id} was cancelled"


SCENARIO = Scenario(
    name="two_strategies",
    links=(("alpha", "A1"), ("beta", "A1")),
    script=(
        webhook(1, "alpha", limit(Side.BUY, "0.1", "99000"), limit(Side.BUY, "0.1", "98000")),
        webhook(1, "beta", limit(Side.BUY, "0.1", "99000"), limit(Side.SELL, "0.1", "105000")),
        webhook(2, "beta", market(Side.BUY, "0.1")),
        webhook(4, "alpha", cancel_all()),
    ),
    jitter=SECOND,
    check=_others_are_untouched,
    steps=171,
)
