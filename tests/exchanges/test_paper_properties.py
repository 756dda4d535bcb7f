"""Whatever is traded: nothing is made or lost but fees, nothing is locked without an open order."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from orderwright.clock import SystemClock
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import is_active
from orderwright.engine.signals import OrderType, Side
from orderwright.exchanges.paper.books import BOOKS_FILE
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.markets import Fees, Venue
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.records import AccountBooks, NewOrder, OrderKey

START = {"USDT": Decimal(50_000), "BTC": Decimal(1)}

ORDERS = st.builds(
    NewOrder,
    client_order_id=st.integers(min_value=0, max_value=10**9).map(str),
    symbol=st.just("BTC/USDT"),
    side=st.sampled_from(Side),
    order_type=st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    amount=st.integers(min_value=1, max_value=3_000).map(lambda n: Decimal(n) / 1_000),
    price=st.integers(min_value=900_000, max_value=1_100_000).map(lambda n: Decimal(n) / 10),
    market_type=st.sampled_from([MarketType.SPOT, MarketType.FUTURES]),
    reduce_only=st.booleans(),
)
PRICES = st.integers(min_value=900_000, max_value=1_100_000).map(lambda n: Decimal(n) / 10)
CANCELS = st.integers(min_value=1, max_value=10)
STEPS = st.lists(st.one_of(ORDERS, PRICES, CANCELS), max_size=12)
FEES = st.builds(
    Fees, taker=st.just(Decimal("0.0007")), maker=st.just(Decimal("0.0003")), spot_buys_in_base=st.booleans()
)


@contextmanager
def traded(steps: list[NewOrder | Decimal | int], fees: Fees) -> Iterator[PaperExchange]:
    with TemporaryDirectory() as folder:
        exchange = PaperExchange(
            Path(folder) / BOOKS_FILE,
            clock=SystemClock(),
            prices=FixedPrices(),
            venue=Venue(fees=fees),
            tick_interval=60,
        )
        try:
            exchange.open_account("A1", START)
            for step in steps:
                match step:
                    case NewOrder():
                        exchange.place("A1", step)
                    case Decimal():
                        exchange.set_price("BTC/USDT", step)
                    case _:
                        exchange.cancel("A1", OrderKey(exchange_order_id=str(step)))
            yield exchange
        finally:
            exchange.close()


def expected_totals(books: AccountBooks) -> dict[str, Decimal]:
    """Return what the balances must be: what was there, less and plus what traded, less the fees."""
    totals = dict(START)
    for trade in books.trades:
        cost = trade.amount * trade.price * trade.side.sign
        totals["USDT"] -= cost
        if trade.market_type is MarketType.SPOT:
            totals["BTC"] += trade.amount * trade.side.sign
        totals[trade.fee_currency] -= trade.fee
    for position in books.positions:
        # What an open futures position cost has not been paid: only profit and loss are.
        totals["USDT"] += position.entry_cost
    return totals


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, fees=FEES)
def test_balances_are_what_fills_and_fees_make_of_them(steps: list[NewOrder | Decimal | int], fees: Fees) -> None:
    with traded(steps, fees) as exchange:
        books = exchange.account_books("A1")
        assert {currency: balance.total for currency, balance in books.balances.items()} == expected_totals(books)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, fees=FEES)
def test_locked_is_what_open_orders_lock_and_never_negative(steps: list[NewOrder | Decimal | int], fees: Fees) -> None:
    with traded(steps, fees) as exchange:
        books = exchange.account_books("A1")
        for currency, balance in books.balances.items():
            locked = sum((order.locked for order in books.orders if order.locked_currency == currency), Decimal(0))
            assert balance.locked == locked >= 0
        assert all(order.locked == 0 for order in books.orders if not is_active(order.status))
        for order in exchange.open_orders("A1"):
            exchange.cancel("A1", OrderKey(exchange_order_id=order.exchange_order_id))
        assert all(balance.locked == 0 for balance in exchange.balances("A1").values())


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, fees=FEES)
def test_filled_is_the_sum_of_fills_and_positions_the_sum_of_futures_trades(
    steps: list[NewOrder | Decimal | int], fees: Fees
) -> None:
    with traded(steps, fees) as exchange:
        books = exchange.account_books("A1")
        for order in books.orders:
            fills = [trade.amount for trade in books.trades if trade.order_number == order.number]
            assert order.filled == sum(fills) <= order.amount
        net = sum(t.amount * t.side.sign for t in books.trades if t.market_type is MarketType.FUTURES)
        assert sum(position.amount for position in books.positions) == net


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_no_open_order_is_left_beyond_the_price(steps: list[NewOrder | Decimal | int]) -> None:
    with traded(steps, Fees()) as exchange:
        quote = exchange.quote("BTC/USDT")
        assert quote is not None
        for order in exchange.account_books("A1").orders:
            if is_active(order.status) and order.price is not None:
                assert (quote.price - order.price) * order.side.sign > 0
