"""A liquidation begins while orders are open, on their way, and perhaps in doubt: it ends with nothing held."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import FillRecorded, LiquidationEnded, LiquidationStarted
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, Wish, limit, market, operation, webhook


def _ends_flat(evidence: Evidence) -> Sequence[str]:
    return list(_wrongs(evidence))


def _wrongs(evidence: Evidence) -> Iterator[str]:
    held, started, ended = Decimal(0), [], []
    for entry in evidence.entries:
        match entry.event:
            case FillRecorded(side=side, fill=fill):
                held += fill.amount * side.sign
            case LiquidationStarted(command_id=command_id):
                started.append(command_id)
            case LiquidationEnded(command_id=command_id):
                ended.append(command_id)
                if held:
                    yield f"the liquidation ended with {held} held"
    if evidence.has_evidence and (started != ended or not started):
        yield f"liquidations {started} started and {ended} ended"
    if any(quantity < 0 for quantity in evidence.positions.values()):
        yield f"more was sold than held: {evidence.positions}"


SCENARIO = Scenario(
    name="liquidation_in_doubt",
    links=(("test1", "A1"),),
    also=(),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(3, "test1", limit(Side.BUY, "0.1", "99000"), limit(Side.SELL, "0.1", "101000")),
        webhook(4, "test1", market(Side.BUY, "0.2")),
        operation(4, "test1", "A1", Wish.LIQUIDATE),
    ),
    jitter=SECOND // 10,
    check=_ends_flat,
    steps=84,
)
