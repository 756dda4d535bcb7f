"""Whatever is traded: nothing is made or lost but fees, nothing locked without an open order, no stop forgotten."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus, is_active
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.signals import OrderType, Side
from orderwright.exchanges.paper.books import BOOKS_FILE
from orderwright.exchanges.paper.conditions import Conditions
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.markets import Fees, Venue
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.records import AccountBooks, NewOrder, OrderKey, PaperOrder
from orderwright.moments import SECOND, Micros

START = {"USDT": Decimal(50_000), "BTC": Decimal(1)}


class Leverage(Struct, frozen=True, kw_only=True):
    """A wish to trade BTC/USDT futures with this leverage."""

    leverage: Decimal


class Depth(Struct, frozen=True, kw_only=True):
    """How much BTC/USDT each price offers from now on; None: whatever is asked for."""

    depth: Decimal | None


class Cancel(Struct, frozen=True, kw_only=True):
    """A wish to cancel the order with this number, if it is there."""

    number: int


class Price(Struct, frozen=True, kw_only=True):
    """A new price, and a new second."""

    price: Decimal


class Deal(Struct, frozen=True, kw_only=True):
    """What a venue and an account are like."""

    fees: Fees
    profile: str | None


# Few different prices, so that they meet.
PRICES = st.integers(min_value=-4, max_value=4).map(lambda n: Decimal(100_000 + 1_000 * n))
ORDERS = st.builds(
    NewOrder,
    client_order_id=st.integers(min_value=0, max_value=60).map(str),
    symbol=st.just("BTC/USDT"),
    side=st.sampled_from(Side),
    order_type=st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_MARKET, OrderType.STOP_LIMIT]),
    amount=st.integers(min_value=1, max_value=1_200).map(lambda n: Decimal(n) / 1_000),
    price=PRICES,
    stop_price=PRICES,
    market_type=st.sampled_from([MarketType.SPOT, MarketType.FUTURES]),
    reduce_only=st.sampled_from([False, False, True]),
)
DEPTHS = st.one_of(st.none(), st.integers(min_value=0, max_value=600).map(lambda n: Decimal(n) / 1_000))
Step = NewOrder | Price | Cancel | Leverage | Depth
OTHERS = st.one_of(
    st.builds(Cancel, number=st.integers(min_value=1, max_value=10)),
    st.builds(Leverage, leverage=st.integers(min_value=1, max_value=125).map(Decimal)),
    st.builds(Depth, depth=DEPTHS),
)
ROUNDS = st.lists(st.tuples(ORDERS, ORDERS, OTHERS, st.builds(Price, price=PRICES)), min_size=1, max_size=6)
STEPS: st.SearchStrategy[list[Step]] = ROUNDS.map(lambda rounds: [step for each in rounds for step in each])
DEALS = st.builds(
    Deal,
    fees=st.builds(
        Fees, taker=st.just(Decimal("0.0007")), maker=st.just(Decimal("0.0003")), spot_buys_in_base=st.booleans()
    ),
    profile=st.sampled_from(["binance", "bybit", "okx", "upbit", "bithumb", None]),
)


class Watch:
    """A clock that goes on by a second with each price."""

    def __init__(self) -> None:
        self.at = Micros(1_760_000_000 * SECOND)

    def now(self) -> Micros:
        return self.at


@contextmanager
def traded(steps: list[Step], deal: Deal) -> Iterator[PaperExchange]:
    watch = Watch()
    with TemporaryDirectory() as folder:
        exchange = PaperExchange(
            Path(folder) / BOOKS_FILE,
            clock=watch,
            prices=FixedPrices(),
            venue=Venue(fees=deal.fees),
            tick_interval=60,
        )
        try:
            exchange.open_account("A1", START, profile=deal.profile)
            for step in steps:
                carry_out(exchange, step, watch)
            yield exchange
        finally:
            exchange.close()


def carry_out(exchange: PaperExchange, step: Step, watch: Watch) -> None:
    match step:
        case NewOrder():
            exchange.place("A1", step)
        case Price():
            watch.at = Micros(watch.at + SECOND)
            exchange.set_price("BTC/USDT", step.price)
        case Cancel():
            exchange.cancel("A1", OrderKey(exchange_order_id=str(step.number)))
        case Leverage():
            exchange.set_leverage("A1", "BTC/USDT", step.leverage)
        case Depth():
            exchange.set_conditions(Conditions(depth={} if step.depth is None else {"BTC/USDT": step.depth}))


def expected_totals(books: AccountBooks) -> Mapping[str, Decimal]:
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


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_balances_are_what_fills_and_fees_make_of_them(steps: list[Step], deal: Deal) -> None:
    with traded(steps, deal) as exchange:
        books = exchange.account_books("A1")
        assert {currency: balance.total for currency, balance in books.balances.items()} == expected_totals(books)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_locked_is_what_open_orders_lock_and_never_negative(steps: list[Step], deal: Deal) -> None:
    with traded(steps, deal) as exchange:
        books = exchange.account_books("A1")
        for currency, balance in books.balances.items():
            locked = sum((order.locked for order in books.orders if order.locked_currency == currency), Decimal(0))
            assert balance.locked == locked >= 0
        assert all(order.locked == 0 for order in books.orders if not order.is_open)
        for order in exchange.open_orders("A1"):
            exchange.cancel("A1", OrderKey(exchange_order_id=order.exchange_order_id))
        assert all(balance.locked == 0 for balance in exchange.balances("A1").values())


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_coins_are_never_sold_that_are_not_there(steps: list[Step], deal: Deal) -> None:
    with traded(steps, deal) as exchange:
        coins = exchange.balances("A1")["BTC"]
        assert 0 <= coins.locked <= coins.total


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_filled_is_the_sum_of_fills_and_positions_the_sum_of_futures_trades(steps: list[Step], deal: Deal) -> None:
    with traded(steps, deal) as exchange:
        books = exchange.account_books("A1")
        for order in books.orders:
            fills = [trade.amount for trade in books.trades if trade.order_number == order.number]
            assert order.filled == sum(fills) <= order.amount
            shown = exchange.look("A1", OrderKey(exchange_order_id=str(order.number)))
            assert isinstance(shown, ExchangeOrder)
            assert shown.filled == sum(fill.amount for fill in shown.fills)
        net = sum(t.amount * t.side.sign for t in books.trades if t.market_type is MarketType.FUTURES)
        assert sum(position.amount for position in books.positions) == net


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_no_limit_is_ever_broken(steps: list[Step], deal: Deal) -> None:
    with traded(steps, deal) as exchange:
        books = exchange.account_books("A1")
        limits = {order.number: order.price for order in books.orders}
        for trade in books.trades:
            limit = limits[trade.order_number]
            assert limit is None or (trade.price - limit) * trade.side.sign <= 0


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_no_open_order_is_left_that_the_price_has_reached_unless_nothing_is_on_offer(
    steps: list[Step], deal: Deal
) -> None:
    with traded([*steps, Depth(depth=None)], deal) as exchange:
        quote = exchange.quote("BTC/USDT")
        assert quote is not None
        for order in exchange.account_books("A1").orders:
            if order.is_waiting and order.stop_price is not None:
                assert (order.stop_price - quote.price) * order.side.sign > 0
            elif order.is_open and order.price is not None:
                assert (quote.price - order.price) * order.side.sign > 0


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, deal=DEALS)
def test_a_stop_and_its_child_belong_to_each_other(steps: list[Step], deal: Deal) -> None:
    with traded(steps, deal) as exchange:
        orders = {order.number: order for order in exchange.account_books("A1").orders}
        for order in orders.values():
            if order.parent is not None:
                assert orders[order.parent].child == order.number
            if order.child is not None:
                assert_belongs(order, orders[order.child])
            elif order.stop_price is not None:
                assert order.status is not OrderStatus.TRIGGERED


def assert_belongs(stop: PaperOrder, child: PaperOrder) -> None:
    assert (child.parent, child.amount, child.side, child.price) == (stop.number, stop.amount, stop.side, stop.price)
    assert (stop.filled, child.stop_price, child.client_order_id) == (Decimal(0), None, "")
    assert is_active(stop.status) == is_active(child.status)
    assert stop.status is (OrderStatus.TRIGGERED if is_active(child.status) else child.status)
