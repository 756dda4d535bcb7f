"""Coins that were bought by hand are adopted once, however often the operator asks; then all that is owned is sold."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from orderwright.engine.instruments import MarketType
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import PositionAdopted
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import BTC, Scenario, Wish, close_all, market, operation, webhook


def _adopted_once(evidence: Evidence) -> Sequence[str]:
    return list(_wrongs(evidence))


def _wrongs(evidence: Evidence) -> Iterator[str]:
    adoptions = [event for _entry, event in evidence.of(PositionAdopted)]
    if len(adoptions) != 1:
        yield f"adopted {len(adoptions)} times"
    if any(held < 0 for held in evidence.positions.values()):
        yield f"more was sold than there was: {evidence.positions}"


SCENARIO = Scenario(
    name="adopted_coins",
    links=(("test1", "A1"),),
    market_type=MarketType.SPOT,
    held={("A1", BTC): Decimal("0.3")},
    script=(
        webhook(1, "test1", market(Side.BUY, "0.1")),
        operation(1, "test1", "A1", Wish.ADOPT),
        webhook(3, "test1", close_all()),
        webhook(25, "test1", close_all()),
    ),
    jitter=SECOND // 10,
    check=_adopted_once,
    steps=65,
)
