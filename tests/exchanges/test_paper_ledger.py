"""What the paper exchange works on is what its file says, and what could not be written never was."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from orderwright.clock import Clock, SystemClock
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import NotFound
from orderwright.exchanges.paper.answers import order_of
from orderwright.exchanges.paper.books import BOOKS_FILE, PaperBooksError, read_books
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.records import OrderKey
from tests.exchanges.conftest import BALANCES
from tests.exchanges.paper_process import place
from tests.exchanges.test_paper_properties import DEALS, START, STEPS, Deal, Step, Watch, carry_out

FULL = "CREATE TRIGGER full BEFORE INSERT ON arrival BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[PaperExchange]:
    exchange = opened(tmp_path / BOOKS_FILE)
    exchange.open_account("A1", BALANCES)
    yield exchange
    exchange.close()


def state(exchange: PaperExchange) -> tuple[object, ...]:
    return exchange.balances("A1"), exchange.positions("A1"), exchange.open_orders("A1"), exchange.dump()


def opened(books: Path, clock: Clock | None = None, venue: Venue | None = None) -> PaperExchange:
    return PaperExchange(books, clock=clock or SystemClock(), prices=FixedPrices(), venue=venue, tick_interval=60)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_the_file_says_what_the_exchange_says(steps: list[Step], deal: Deal) -> None:
    watch = Watch()
    with TemporaryDirectory() as folder:
        books = Path(folder) / BOOKS_FILE
        exchange = opened(books, watch, Venue(fees=deal.fees))
        exchange.open_account("A1", START, profile=deal.profile)
        for step in steps:
            carry_out(exchange, step, watch)
            assert read_books(books) == exchange.dump()
        before = state(exchange)
        exchange.close()
        exchange = opened(books, watch, Venue(fees=deal.fees))
        assert state(exchange) == before
        exchange.close()


@pytest.mark.parametrize("amount", ["0.1", "0.001"])
@pytest.mark.parametrize("price", [None, "90000"])
@pytest.mark.parametrize("market_type", [MarketType.SPOT, MarketType.FUTURES])
def test_an_order_that_cannot_be_written_never_was(
    exchange: PaperExchange, tmp_path: Path, *, amount: str, price: str | None, market_type: MarketType
) -> None:
    for side, size, limit in (("buy", "0.2", None), ("sell", "0.1", "110000")):
        exchange.place("A1", order_of(place(side, size, limit, market_type=market_type)))
    before = state(exchange)
    effect = place("buy", amount, price, market_type=market_type)
    with closing(sqlite3.connect(tmp_path / BOOKS_FILE, isolation_level=None)) as db:
        db.execute(FULL)
        with pytest.raises(PaperBooksError, match="the disk is full"):
            exchange.place("A1", order_of(effect))
        assert state(exchange) == before
        assert read_books(tmp_path / BOOKS_FILE) == before[-1]
        assert isinstance(exchange.look("A1", OrderKey(client_order_id=effect.order_id)), NotFound)
        db.execute("DROP TRIGGER full")
    exchange.place("A1", order_of(effect))
    assert not isinstance(exchange.look("A1", OrderKey(client_order_id=effect.order_id)), NotFound)
    assert exchange.dump() == read_books(tmp_path / BOOKS_FILE)


def test_prices_that_trade_more_than_one_order_are_one_change(exchange: PaperExchange, tmp_path: Path) -> None:
    for number in range(3):
        exchange.place("A1", order_of(place("buy", "0.1", str(90_000 + number))))
    before = state(exchange)
    with closing(sqlite3.connect(tmp_path / BOOKS_FILE, isolation_level=None)) as db:
        db.execute(FULL.replace("INSERT ON arrival", "INSERT ON trade WHEN NEW.number > 1"))
        with pytest.raises(PaperBooksError, match="the disk is full"):
            exchange.set_price("BTC/USDT", Decimal(80_000))
        assert state(exchange) == before
        db.execute("DROP TRIGGER full")
    exchange.set_price("BTC/USDT", Decimal(80_000))
    assert exchange.open_orders("A1") == ()
    assert exchange.dump() == read_books(tmp_path / BOOKS_FILE)


def test_amounts_in_other_spellings_read_the_same_before_and_after_a_restart(tmp_path: Path) -> None:
    exchange = opened(tmp_path / BOOKS_FILE)
    exchange.open_account("A1", {"USDT": Decimal("1E+7")})
    exchange.place("A1", order_of(place("buy", "1E+1", "9E+4")))
    before = [str(order.amount) for order in exchange.open_orders("A1")], str(exchange.balances("A1")["USDT"].total)
    exchange.close()
    assert before == (["10"], "10000000")
    reopened = opened(tmp_path / BOOKS_FILE)
    assert [str(order.amount) for order in reopened.open_orders("A1")] == ["10"]
    reopened.close()
