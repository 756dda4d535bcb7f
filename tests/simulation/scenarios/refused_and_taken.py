"""An exchange takes orders and says that it did not: they are found, booked, and nothing is opened after that."""

from collections.abc import Iterator, Sequence

from orderwright.engine.orders import Purpose
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import OrderRequested, OrderSurfaced, TradingPaused
from orderwright.engine.strategy_account.surfacing import ENGINE
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, limit, move, webhook


def _nothing_is_opened_after(evidence: Evidence) -> Sequence[str]:
    return list(_opened(evidence))


def _opened(evidence: Evidence) -> Iterator[str]:
    surfaced, paused = 0, 0
    for entry in evidence.entries:
        match entry.event:
            case OrderSurfaced():
                surfaced += 1
            case TradingPaused(by=by) if by == ENGINE:
                paused += 1
            case OrderRequested(purpose=Purpose.ENTRY) if paused:
                yield "an entry was requested after an order had surfaced"
    if bool(surfaced) != bool(paused) or paused > 1:
        yield f"{surfaced} orders surfaced and trading was paused {paused} times"


SCENARIO = Scenario(
    name="refused_and_taken",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", limit(Side.BUY, "0.1", "99000"), limit(Side.BUY, "0.1", "98000")),
        webhook(3, "test1", limit(Side.SELL, "0.1", "102000")),
        webhook(100, "test1", limit(Side.BUY, "0.1", "97000")),
        # Only what is open can be found: nothing fills before there was time for many a look at the whole account.
        *(move(150 + 50 * wait, "100100") for wait in range(12)),
        move(800, "98500"),
        move(900, "96500"),
    ),
    jitter=SECOND // 10,
    lies=0.3,
    check=_nothing_is_opened_after,
    steps=632,
)
