"""Nothing leaves over the network for an engine that may not act for its log any more, not even what was on its way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orderwright.engine.outcomes import ExchangeOrder, Placed, Refused, Unclear
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import ExchangeUnavailable
from tests.exchanges.conftest import BALANCES
from tests.exchanges.paper_process import CLOCK, PaperProcess, Trader, cancel, look, place


class Lease:
    """A lease that can be lost."""

    is_held = True

    def __call__(self) -> bool:
        return self.is_held


@pytest.fixture
def lease() -> Lease:
    return Lease()


@pytest.fixture
def trader(lease: Lease, process: PaperProcess, tmp_path: Path) -> Iterator[Trader]:
    factory = GatewayFactory(books_dir=tmp_path, clock=CLOCK, may_send=lease)
    gateway = factory.make("paper", account="leased", url=process.url, balances=BALANCES)
    gateway.open()
    yield Trader(gateway)
    gateway.close()
    factory.close()


def test_without_the_lease_nothing_reaches_the_exchange_and_that_is_known(
    trader: Trader, lease: Lease, process: PaperProcess
) -> None:
    kept = place("buy", "0.1", "90000")
    assert isinstance(trader.place(kept), Placed)
    before = process.served_books()
    lease.is_held = False

    assert isinstance(trader.place(place("buy", "0.1", "90000")), Refused)
    assert isinstance(trader.cancel(cancel(kept.order_id)), Refused)
    assert isinstance(trader.look(look(kept.order_id)), Unclear)
    with pytest.raises(ExchangeUnavailable, match="may not act"):
        trader.gateway.open_orders()
    assert process.served_books().requests == before.requests
    assert process.served_books().books == before.books


def test_with_the_lease_back_everything_goes_on(trader: Trader, lease: Lease) -> None:
    lease.is_held = False
    assert isinstance(trader.place(place("buy", "0.1", "90000")), Refused)
    lease.is_held = True

    effect = place("buy", "0.1", "90000")
    assert isinstance(trader.place(effect), Placed)
    assert isinstance(trader.look(look(effect.order_id)), ExchangeOrder)
