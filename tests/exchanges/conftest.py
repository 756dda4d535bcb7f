"""Paper exchanges to trade on: one in this process, one in its own, and either of them as any of the real exchanges."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import ExchangeOrder, Placed, PlaceOrder
from orderwright.engine.traits import Traits
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway
from orderwright.exchanges.paper.conditions import Conditions
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.profiles import PROFILES, Profile, StopStyle, profile_named
from orderwright.exchanges.paper.records import AccountBooks, Arrival, ComingPrice
from tests.exchanges.paper_process import CLOCK, PaperProcess, Trader, cancel, look

BALANCES = {"USDT": Decimal(100_000), "BTC": Decimal(1)}
_NUMBERS = count(1)


class Floor(Struct, kw_only=True):
    """An exchange under test: a trader on an account of its own, and what only a test may do."""

    account: str
    profile: Profile
    trader: Trader
    gateway_of: Callable[[str], Gateway]
    set_price: Callable[[str, str], None]
    clear_price: Callable[[str], None]
    script: Callable[..., None]
    conditions: Callable[..., None]
    books: Callable[[], AccountBooks]
    all_arrivals: Callable[[], tuple[Arrival, ...]]

    @property
    def traits(self) -> Traits:
        return self.trader.gateway.traits

    def placed(self, effect: PlaceOrder) -> ExchangeOrder:
        """Place an order and return it as a look shows it at once: not every exchange tells with its answer."""
        answer = self.trader.place(effect)
        assert isinstance(answer, Placed), answer
        assert answer.order.client_order_id == effect.order_id
        return self.seen(effect.order_id, exchange_order_id=answer.order.exchange_order_id)

    def seen(self, order_id: str, *, exchange_order_id: str | None = None) -> ExchangeOrder:
        seen = self.trader.look(look(order_id, exchange_order_id=exchange_order_id))
        assert isinstance(seen, ExchangeOrder), seen
        return seen

    def listed(self) -> list[str]:
        return [order.exchange_order_id for order in self.trader.gateway.open_orders()]

    def arrivals(self) -> list[Arrival]:
        return [arrival for arrival in self.all_arrivals() if arrival.account == self.account]

    def needs_futures(self) -> None:
        if MarketType.FUTURES not in self.profile.market_types:
            pytest.skip("this exchange trades no futures")

    def needs_stops(self, market_type: MarketType = MarketType.SPOT) -> StopStyle:
        if not self.traits.native_stops:
            pytest.skip("this exchange takes no stop orders")
        return self.profile.stops[market_type]

    def needs_reduce_only(self) -> None:
        self.needs_futures()
        if not self.traits.reduce_only:
            pytest.skip("this exchange knows no reduce-only orders")


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


@pytest.fixture(scope="session")
def common_factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayFactory]:
    """Yield a factory whose in-process exchange is for all tests that trade on accounts of their own."""
    factory = GatewayFactory(books_dir=tmp_path_factory.mktemp("engine"), clock=CLOCK, prices=FixedPrices())
    yield factory
    factory.close()


@pytest.fixture(scope="session")
def common_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperProcess]:
    """Yield an exchange in its own process, likewise for all."""
    process = PaperProcess(tmp_path_factory.mktemp("exchange"))
    yield process
    process.kill()


@pytest.fixture(params=[None, *PROFILES], ids=lambda name: name or "plain")
def profile_name(request: pytest.FixtureRequest) -> str | None:
    name: str | None = request.param
    return name


@pytest.fixture(params=["in_process", "http"])
def floor(request: pytest.FixtureRequest, common_factory: GatewayFactory, profile_name: str | None) -> Iterator[Floor]:
    if request.param == "http":
        floor = _served(request.getfixturevalue("common_process"), common_factory, profile_name)
    else:
        floor = _in_process(common_factory, profile_name)
    yield floor
    # As it was, for the next one.
    floor.conditions()
    for number in floor.listed():
        floor.trader.cancel(cancel("", exchange_order_id=number))
    floor.clear_price("BTC/USDT")


def _served(process: PaperProcess, factory: GatewayFactory, profile: str | None) -> Floor:
    account = f"A{next(_NUMBERS)}"
    return Floor(
        account=account,
        profile=profile_named(profile),
        trader=Trader(_opened(factory, account, profile, process.url)),
        gateway_of=lambda short: _opened(factory, account + short, profile, process.url),
        set_price=process.set_price,
        clear_price=lambda symbol: process.set_price(symbol, None),
        script=process.script,
        conditions=process.conditions,
        books=lambda: process.account(account),
        all_arrivals=lambda: process.served_books().books.arrivals,
    )


def _in_process(factory: GatewayFactory, profile: str | None) -> Floor:
    exchange = factory.paper()

    def script(symbol: str, *prices: tuple[int, str]) -> None:
        exchange.script_prices(ComingPrice(symbol=symbol, price=Decimal(price), after_ms=ms) for ms, price in prices)

    def conditions(**changed: Any) -> None:
        exchange.set_conditions(msgspec.convert(changed, Conditions))

    account = f"A{next(_NUMBERS)}"
    return Floor(
        account=account,
        profile=profile_named(profile),
        trader=Trader(_opened(factory, account, profile, None)),
        gateway_of=lambda short: _opened(factory, account + short, profile, None),
        set_price=lambda symbol, price: exchange.set_price(symbol, Decimal(price)),
        clear_price=exchange.clear_price,
        script=script,
        conditions=conditions,
        books=lambda: exchange.account_books(account),
        all_arrivals=lambda: exchange.dump().arrivals,
    )


def _opened(factory: GatewayFactory, account: str, profile: str | None, url: str | None) -> Gateway:
    gateway = factory.make("paper", account=account, url=url, balances=BALANCES, profile=profile)
    gateway.open()
    return gateway
