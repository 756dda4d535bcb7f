"""The paper exchange's books outlive its process, however that ends."""

import sqlite3
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from threading import Thread

import pytest

from orderwright.clock import SystemClock
from orderwright.engine.ids import OrderId
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import NotFound, Placed, Refused
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import ExchangeUnavailable
from orderwright.exchanges.paper.answers import order_of
from orderwright.exchanges.paper.books import BOOKS_FILE, PaperBooksError, PaperBooksInUse, read_books
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.records import OrderKey
from orderwright.exchanges.paper.server import AddressTaken, serve_paper_exchange
from orderwright.moments import Micros
from tests.exchanges.conftest import BALANCES
from tests.exchanges.paper_process import PaperProcess, Trader, cancel, look, place


def test_everything_answered_before_a_kill_is_there_after_it(factory: GatewayFactory, tmp_path: Path) -> None:
    process = PaperProcess(tmp_path / "exchange")
    port = process.port
    trader = Trader(factory.make("paper", account="A1", url=process.url, balances=BALANCES))
    effects = [place("buy", "0.001", "90000") for _ in range(50)]
    answered: list[str] = []

    def trade() -> None:
        answered.extend(effect.order_id for effect in effects if isinstance(trader.place(effect), Placed))

    burst = Thread(target=trade)
    burst.start()
    while len(answered) < 10:
        time.sleep(0.001)
    process.kill()
    burst.join()
    process = PaperProcess(tmp_path / "exchange", port=port)
    try:
        at_the_exchange = {order.client_order_id for order in trader.gateway.open_orders()}
        assert set(answered) <= at_the_exchange
        assert {effect.order_id for effect in effects} >= at_the_exchange
        assert isinstance(trader.place(place("buy", "0.001", "90000")), Placed)
    finally:
        process.kill()


def test_orders_that_rest_fill_after_a_restart(factory: GatewayFactory, tmp_path: Path) -> None:
    process = PaperProcess(tmp_path / "exchange")
    port = process.port
    trader = Trader(factory.make("paper", account="A1", url=process.url, balances=BALANCES))
    resting = place("buy", "0.1", "90000")
    trader.place(resting)
    process.kill()
    process = PaperProcess(tmp_path / "exchange", port=port)
    try:
        process.set_price("BTC/USDT", "89000")
        assert trader.look(look(resting.order_id)).status is OrderStatus.FILLED
    finally:
        process.kill()


def test_a_price_set_by_hand_wins_after_a_restart_until_it_is_cleared(tmp_path: Path) -> None:
    books = tmp_path / BOOKS_FILE
    exchange = PaperExchange(books, clock=SystemClock(), prices=FixedPrices())
    exchange.set_price("BTC/USDT", Decimal(90_000))
    exchange.close()
    exchange = PaperExchange(books, clock=SystemClock(), prices=FixedPrices())
    assert exchange.quote("BTC/USDT").price == 90_000  # type: ignore[union-attr]
    exchange.clear_price("BTC/USDT")
    assert exchange.quote("BTC/USDT").price == 100_000  # type: ignore[union-attr]
    exchange.close()


def test_sigterm_ends_the_process_cleanly(tmp_path: Path) -> None:
    process = PaperProcess(tmp_path / "exchange")
    assert process.terminate() == 0
    assert read_books(tmp_path / "exchange" / BOOKS_FILE).accounts == ()


def test_sigterm_does_not_wait_for_a_delayed_answer(factory: GatewayFactory, tmp_path: Path) -> None:
    process = PaperProcess(tmp_path / "exchange")
    trader = Trader(factory.make("paper", account="A1", url=process.url, balances=BALANCES))
    trader.gateway.open()
    process.fault("place", "delay_before", delay_ms=60_000)
    trader.gateway.submit(place("buy", "0.1"), lambda _: None)
    while process.served_books().requests.get("place") != 1:
        time.sleep(0.01)
    before = time.monotonic()
    assert process.terminate() == 0
    assert time.monotonic() - before < 5


def test_books_are_written_by_one_process_and_readable_by_all(tmp_path: Path, process: PaperProcess) -> None:
    books = tmp_path / "exchange" / BOOKS_FILE
    with pytest.raises(PaperBooksInUse):
        PaperExchange(books, clock=SystemClock())
    process.request("POST", "/v1/accounts", {"account": "A1", "balances": {"USDT": "5"}})
    assert [account.account for account in read_books(books).accounts] == ["A1"]


def test_a_taken_port_is_a_clear_error_and_lets_the_books_go(tmp_path: Path, process: PaperProcess) -> None:
    other = tmp_path / "other"
    with pytest.raises(AddressTaken, match=str(process.port)):
        serve_paper_exchange(other, process.port)
    PaperExchange(other / BOOKS_FILE, clock=SystemClock()).close()


def test_a_file_that_is_no_books_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / BOOKS_FILE).write_text("this is a letter, not a ledger")
    with pytest.raises(PaperBooksError, match="not a database"):
        PaperExchange(tmp_path / BOOKS_FILE, clock=SystemClock())
    with pytest.raises(PaperBooksError):
        read_books(tmp_path / "absent")


LAYOUT_1 = """
CREATE TABLE account (name TEXT PRIMARY KEY, leverage TEXT NOT NULL, opened_at INTEGER NOT NULL);
CREATE TABLE balance (account TEXT NOT NULL, currency TEXT NOT NULL, total TEXT NOT NULL,
    locked TEXT NOT NULL, PRIMARY KEY (account, currency)) WITHOUT ROWID;
CREATE TABLE position (account TEXT NOT NULL, symbol TEXT NOT NULL, amount TEXT NOT NULL,
    entry_cost TEXT NOT NULL, PRIMARY KEY (account, symbol)) WITHOUT ROWID;
CREATE TABLE placed (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
    client_order_id TEXT NOT NULL, market_type TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    order_type TEXT NOT NULL, amount TEXT NOT NULL, price TEXT, reduce_only INTEGER NOT NULL, status TEXT NOT NULL,
    filled TEXT NOT NULL, locked TEXT NOT NULL, locked_currency TEXT NOT NULL, placed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, UNIQUE (account, client_order_id));
CREATE INDEX open_placed ON placed (account, symbol, market_type, side) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE trade (number INTEGER PRIMARY KEY, order_number INTEGER NOT NULL,
    account TEXT NOT NULL, market_type TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, amount TEXT NOT NULL,
    price TEXT NOT NULL, fee TEXT NOT NULL, fee_currency TEXT NOT NULL, maker INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX trade_of_order ON trade (order_number);
CREATE TABLE arrival (sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    account TEXT NOT NULL, operation TEXT NOT NULL, client_order_id TEXT, exchange_order_id TEXT, symbol TEXT,
    answer TEXT NOT NULL);
CREATE TABLE set_price (symbol TEXT PRIMARY KEY, price TEXT NOT NULL, at INTEGER NOT NULL);
INSERT INTO account VALUES ('A1', '20', 1);
INSERT INTO balance VALUES ('A1', 'BTC', '1', '0.4');
INSERT INTO placed VALUES (7, 'A1', 'first', 'SPOT', 'BTC/USDT', 'sell', 'LIMIT', '0.4', '105000', 0, 'NEW', '0', '0.4',
    'BTC', 2, 2);
INSERT INTO set_price VALUES ('BTC/USDT', '90000', 3);
"""


def test_books_of_the_first_layout_are_brought_forward(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / BOOKS_FILE)) as db:
        db.executescript(LAYOUT_1)
    for _ in range(2):
        exchange = PaperExchange(tmp_path / BOOKS_FILE, clock=SystemClock(), prices=FixedPrices())
        (order,) = exchange.account_books("A1").orders
        assert (order.number, order.client_order_id, order.stop_price) == (7, "first", None)
        assert exchange.quote("BTC/USDT").price == 90_000  # type: ignore[union-attr]
        exchange.close()
    exchange = PaperExchange(tmp_path / BOOKS_FILE, clock=SystemClock(), prices=FixedPrices())
    again = exchange.place("A1", order_of(place("sell", "0.1", order_id=OrderId("first"))))
    assert again == Refused(code="duplicate_client_id", error="client order id first was used before")
    exchange.set_price("BTC/USDT", Decimal(106_000))
    seen = exchange.look("A1", OrderKey(exchange_order_id="7"))
    exchange.close()
    assert not isinstance(seen, NotFound)
    assert seen.status is OrderStatus.FILLED


def test_books_of_a_later_layout_are_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / BOOKS_FILE)) as db:
        db.execute("PRAGMA user_version = 3")
    with pytest.raises(PaperBooksError, match="layout 3"):
        PaperExchange(tmp_path / BOOKS_FILE, clock=SystemClock())


def test_a_closed_exchange_answers_with_doubt(factory: GatewayFactory) -> None:
    gateway = factory.make("paper", account="A1", balances=BALANCES)
    gateway.open()
    factory.paper().close()
    trader = Trader(gateway)
    assert "closed" in trader.place(place("buy", "0.1")).reason
    assert "closed" in trader.cancel(cancel("some0order")).reason
    with pytest.raises(ExchangeUnavailable):
        gateway.open_orders()


def test_resting_orders_fill_by_themselves_as_the_feed_moves(tmp_path: Path) -> None:
    class Falling(FixedPrices):
        def price(self, symbol: str, at: Micros) -> Decimal | None:
            del symbol, at
            return prices.pop() if len(prices) > 1 else prices[0]

    prices = [Decimal(80_000), Decimal(100_000), Decimal(100_000)]
    exchange = PaperExchange(tmp_path / BOOKS_FILE, clock=SystemClock(), prices=Falling(), tick_interval=0.01)
    exchange.open_account("A1", BALANCES)
    effect = place("buy", "0.1", "90000")
    exchange.place("A1", order_of(effect))
    deadline = time.monotonic() + 5
    while exchange.open_orders("A1") and time.monotonic() < deadline:
        time.sleep(0.01)
    seen = exchange.look("A1", OrderKey(client_order_id=effect.order_id))
    exchange.close()
    assert not isinstance(seen, NotFound)
    assert seen.status is OrderStatus.FILLED
