"""Paper exchanges to trade on: one in this process, one in a process of its own, and either of the two."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import Struct

from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.records import BooksDump
from tests.exchanges.paper_process import CLOCK, PaperProcess, Trader

BALANCES = {"USDT": Decimal(100_000), "BTC": Decimal(1)}


class Floor(Struct, kw_only=True):
    """An exchange under test: a trader on account A1, and what only a test may do."""

    trader: Trader
    gateway_of: Callable[[str], Gateway]
    set_price: Callable[[str, str], None]
    books: Callable[[], BooksDump]


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[GatewayFactory]:
    factory = GatewayFactory(books_dir=tmp_path / "engine", clock=CLOCK, prices=FixedPrices())
    yield factory
    factory.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[PaperProcess]:
    process = PaperProcess(tmp_path / "exchange")
    yield process
    process.kill()


@pytest.fixture
def trader(factory: GatewayFactory, process: PaperProcess) -> Trader:
    """Trade on the exchange in its own process."""
    gateway = factory.make("paper", account="A1", url=process.url, balances=BALANCES)
    gateway.open()
    return Trader(gateway)


@pytest.fixture(params=["in_process", "http"])
def floor(request: pytest.FixtureRequest, factory: GatewayFactory) -> Floor:
    if request.param == "http":
        process: PaperProcess = request.getfixturevalue("process")
        url, set_price, books = process.url, process.set_price, lambda: process.served_books().books
    else:
        exchange = factory.paper()
        url, books = None, exchange.dump

        def set_price(symbol: str, price: str | None) -> None:
            exchange.set_price(symbol, Decimal(price or 0))

    def gateway_of(account: str) -> Gateway:
        gateway = factory.make("paper", account=account, url=url, balances=BALANCES)
        gateway.open()
        return gateway

    return Floor(trader=Trader(gateway_of("A1")), gateway_of=gateway_of, set_price=set_price, books=books)
