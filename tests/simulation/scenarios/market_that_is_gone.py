"""An exchange drops a market in which something is held: a liquidation closes the rest, and ends with words."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import LiquidationEnded, LiquidationStarted
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import BTC, ETH, Scenario, Wish, delist, limit, market, operation, webhook

DUST = Decimal("0.001")


def _ends_all_the_same(evidence: Evidence) -> Sequence[str]:
    return list(_wrongs(evidence))


def _wrongs(evidence: Evidence) -> Iterator[str]:
    started = [event.command_id for _entry, event in evidence.of(LiquidationStarted)]
    ends = [event for _entry, event in evidence.of(LiquidationEnded)]
    held = {symbol: amount for (_account, symbol), amount in evidence.positions.items() if amount >= DUST}
    if evidence.has_evidence and (not started or started != [event.command_id for event in ends]):
        yield f"liquidations {started} started, and {ends} ended"
    for end in ends[-1:]:
        if set(end.unclosed) != set(held):
            yield f"{held} is held, and the liquidation left {end.unclosed}"
    if held.get(BTC, Decimal(0)) and evidence.has_evidence:
        yield f"{held} is held where it could have been closed"


SCENARIO = Scenario(
    name="market_that_is_gone",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1"), market(Side.BUY, "1", ETH)),
        webhook(5, "test1", limit(Side.BUY, "1", "3900", ETH)),
        delist(100, ETH),
        operation(110, "test1", "A1", Wish.LIQUIDATE),
    ),
    check=_ends_all_the_same,
    steps=120,
)
