"""How fills are booked: by trade where the exchange tells trades, else by what has filled in all; never by both."""

from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Fill, Order, OrderStatus
from orderwright.engine.outcomes import ExchangeOrder, OrderSeen
from orderwright.engine.strategy_account.events import Event, FillRecorded
from orderwright.engine.traits import Traits
from tests.engine.given import StrategyAccountUnderTest, a_fill, buy, kinds, shown


def silent(kind: MarketType = MarketType.FUTURES) -> StrategyAccountUnderTest:
    """Return a strategy account at an exchange that tells no trades."""
    return StrategyAccountUnderTest(kind, traits=Traits(tells_trades=False))


def grown(
    account: StrategyAccountUnderTest,
    order: Order,
    filled: str,
    *fills: Fill,
    average: str | None = "100",
    fee: str = "0",
    currency: str = "USDT",
    status: OrderStatus = OrderStatus.PARTIALLY_FILLED,
) -> list[Event]:
    """Let the exchange show how much of the order has filled in all."""
    seen: ExchangeOrder = replace(
        shown(order, status, *fills, filled=filled),
        average_price=None if average is None else Decimal(average),
        fee=Decimal(fee),
        fee_currency=currency,
    )
    return account.when(OrderSeen(order_id=order.order_id, asked_at=account.now, result=seen))


def booked(events: list[Event]) -> list[tuple[Decimal, Decimal, Decimal]]:
    """Return amount, price and fee of the fills recorded."""
    fills = [event.fill for event in events if isinstance(event, FillRecorded)]
    return [(fill.amount, fill.price, fill.fee) for fill in fills]


def test_where_no_trades_are_told_the_growth_of_the_filled_amount_is_booked() -> None:
    account = silent()
    order = account.rests(buy(qty="4", price="110"))
    assert booked(grown(account, order, "1", average="100", fee="0.1")) == [
        (Decimal(1), Decimal(100), Decimal("0.1")),
    ]
    assert booked(grown(account, order, "1", average="100", fee="0.1")) == []
    # 4 at 103 in all, of which 1 at 100: the other 3 cost 312.
    events = grown(account, order, "4", average="103", fee="0.4", status=OrderStatus.FILLED)
    assert booked(events) == [(Decimal(3), Decimal(104), Decimal("0.3"))]
    assert kinds(events)[:2] == ["FillRecorded", "OrderClosed"]
    assert account.holds() == Decimal(4)
    assert account.state.position("BTC/USDT").average_price == Decimal(103)


def test_an_older_view_of_the_filled_amount_books_nothing() -> None:
    account = silent()
    order = account.rests(buy(qty="4", price="110"))
    grown(account, order, "3")
    assert grown(account, order, "1") == []
    assert account.holds() == Decimal(3)


def test_an_order_whose_first_fill_was_a_difference_is_never_booked_by_trades() -> None:
    account = silent()
    order = account.rests(buy(qty="4", price="110"))
    grown(account, order, "1")
    account.traits = Traits(tells_trades=True)
    trades = a_fill("t1", "1", "100"), a_fill("t2", "3", "100")
    assert booked(grown(account, order, "4", *trades)) == [(Decimal(3), Decimal(100), Decimal(0))]
    assert account.holds() == Decimal(4)


def test_an_order_whose_first_fill_was_a_trade_is_never_booked_by_differences() -> None:
    account = silent()
    order = account.rests(buy(qty="4", price="110"))
    grown(account, order, "1", a_fill("t1", "1", "100"))
    assert grown(account, order, "3") == []
    assert booked(grown(account, order, "3", a_fill("t1", "1", "100"), a_fill("t2", "2", "101"))) == [
        (Decimal(2), Decimal(101), Decimal(0))
    ]
    assert account.holds() == Decimal(3)


def test_where_trades_are_told_a_filled_amount_ahead_of_them_is_waited_for() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="4", price="110"))
    assert grown(account, order, "4", status=OrderStatus.FILLED) == []
    assert kinds(grown(account, order, "4", a_fill("t1", "4", "100"), status=OrderStatus.FILLED))[:2] == [
        "FillRecorded",
        "OrderClosed",
    ]


def test_a_difference_without_an_average_price_is_booked_at_the_orders_own() -> None:
    account = silent()
    order = account.rests(buy(qty="4", price="99"))
    assert booked(grown(account, order, "1", average=None)) == [(Decimal(1), Decimal(99), Decimal(0))]


def test_a_fee_in_the_coin_bought_lowers_what_is_held() -> None:
    account = silent(MarketType.SPOT)
    order = account.rests(buy(qty="4", price="110"))
    grown(account, order, "2", fee="0.002", currency="BTC")
    grown(account, order, "4", fee="0.004", currency="BTC", status=OrderStatus.FILLED)
    assert account.holds() == Decimal("3.996")


def test_each_difference_has_a_name_of_its_own() -> None:
    account = silent()
    order = account.rests(buy(qty="4", price="110"))
    events = [*grown(account, order, "1"), *grown(account, order, "2.5")]
    assert [event.fill.trade_id for event in events if isinstance(event, FillRecorded)] == ["filled 1", "filled 2.5"]
