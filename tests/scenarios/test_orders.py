"""Orders as traders send them: closes, market orders, ladders, fills, and what is missing from a message."""

from decimal import Decimal

import pytest

from tests.processes import wait_until
from tests.scenarios.desk import Desk, only


@pytest.mark.parametrize(("opened", "closed"), [("buy", "sell"), ("sell", "buy")])
@pytest.mark.parametrize("says_side", [True, False], ids=["with side", "without side"])
def test_minus_100_closes_the_whole_position(desk: Desk, opened: str, closed: str, *, says_side: bool) -> None:
    strategy = desk.strategy("closer", "one")
    strategy.market(opened, qty="0.03")

    result = strategy.market(closed if says_side else None, qty=None, qty_per=-100)  # type: ignore[arg-type]

    assert (result["status"], result["side"], result["order_status"]) == ("success", closed, "FILLED")
    assert Decimal(result["amount"]) == Decimal("0.03")
    assert Decimal(strategy.position()) == 0
    assert [(str(order.side), order.filled) for order in desk.placed("one")] == [
        (opened, Decimal("0.03")),
        (closed, Decimal("0.03")),
    ]


@pytest.mark.parametrize(
    ("held", "side", "code"),
    [
        (None, "sell", "no_long_position"),
        (None, "buy", "no_short_position"),
        ("buy", "buy", "no_short_position"),
        ("sell", "sell", "no_long_position"),
    ],
)
def test_minus_100_without_the_position_it_means_is_refused(desk: Desk, held: str | None, side: str, code: str) -> None:
    strategy = desk.strategy("flat", "one")
    if held is not None:
        strategy.market(held)
    before = len(desk.placed("one"))

    result = strategy.market(side, qty=None, qty_per=-100)

    assert (result["status"], result["code"]) == ("refused", code)
    assert len(desk.placed("one")) == before


def test_minus_100_closes_the_own_position_and_not_that_of_another_strategy_on_the_account(desk: Desk) -> None:
    first, second = desk.strategy("mine", "shared"), desk.strategy("theirs", "shared")
    first.market("buy", qty="0.02")
    second.market("buy", qty="0.05")

    result = first.market("sell", qty=None, qty_per=-100)

    assert Decimal(result["amount"]) == Decimal("0.02")
    assert (Decimal(first.position()), Decimal(second.position())) == (Decimal(0), Decimal("0.05"))
    (account,) = [one for one in desk.exchange.served_books().books.accounts if one.account == desk.name("shared")]
    assert [(held.symbol, held.amount) for held in account.positions] == [("BTC/USDT", Decimal("0.05"))]


def test_spot_sells_never_exceed_the_strategys_own_position(desk: Desk) -> None:
    strategy = desk.strategy("spot", "one", market_type="SPOT")
    strategy.market("buy", qty="0.02")

    result = strategy.market("sell", qty="0.03")

    assert (result["status"], result["code"]) == ("refused", "insufficient_position")
    assert strategy.market("sell", qty=None, qty_per=-50)["amount"] == "0.01"


def test_a_market_order_with_a_price_is_sent_without_one_and_the_reply_says_so(desk: Desk) -> None:
    strategy = desk.strategy("market", "one")

    reply = strategy.send(
        symbol="BTC/USDT", order_type="market", side="buy", qty="0.01", price="50000", stop_price="40000"
    )

    assert reply["results"][0]["status"] == "success"
    assert reply["warnings"] == [
        "price is not used by MARKET and was dropped.",
        "stop_price is not used by MARKET and was dropped.",
    ]
    (order,) = desk.placed("one")
    assert (order.order_type, order.price, order.status) == ("MARKET", None, "FILLED")


def test_percent_of_capital_times_leverage_is_what_is_bought(desk: Desk) -> None:
    strategy = desk.strategy("sized", "one")

    result = strategy.limit("buy", 80_000, qty=None, qty_per=10)

    # 100,000 capital x 10 % x 2 (leverage) / 80,000
    assert Decimal(result["amount"]) == Decimal("0.25")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTCUSDT.P", "BINANCE:BTCUSDT", "btc/usdt"])
def test_tradingviews_spellings_of_a_symbol_are_understood(desk: Desk, symbol: str) -> None:
    assert desk.strategy("spelled", "one").limit("buy", 90_000, symbol=symbol)["symbol"] == "BTC/USDT"


ORDER = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": "90000", "qty_per": "1"}


@pytest.mark.parametrize(
    ("wrong", "status", "code", "field"),
    [
        ({"order_type": None}, 400, "missing_field", "order_type"),
        ({"symbol": None}, 400, "missing_field", "symbol"),
        ({"side": None}, 400, "missing_field", "side"),
        ({"qty_per": None}, 400, "missing_field", "qty_per"),
        ({"price": None}, 400, "price_required", "price"),
        ({"order_type": "STOP_MARKET"}, 400, "stop_price_required", "stop_price"),
        ({"order_type": "STOP_LIMIT", "price": None}, 400, "price_required", "price"),
        ({"order_type": "STOP_LIMIT"}, 400, "stop_price_required", "stop_price"),
        ({"order_type": "CANCEL"}, 400, "missing_field", "order_id"),
        ({"order_type": "ICEBERG"}, 400, "unknown_order_type", "order_type"),
        ({"price": "NaN"}, 400, "invalid_field", "price"),
        ({"price": "-1"}, 400, "invalid_field", "price"),
        ({"side": "up"}, 400, "invalid_field", "side"),
        ({"qty_per": "0"}, 400, "invalid_field", "qty_per"),
        ({"market_type": "SPOT"}, 422, "market_type_mismatch", "market_type"),
        ({"token": None}, 401, "token_missing", "token"),
        ({"group_name": None}, 400, "missing_field", "group_name"),
        ({"orders": [ORDER, {**ORDER, "price": None}]}, 400, "price_required", "orders[1].price"),
        ({"orders": [ORDER] * 31}, 400, "too_many_orders", "orders"),
    ],
    ids=str,
)
def test_what_is_missing_or_wrong_is_named_by_code_and_field_and_nothing_is_placed(
    desk: Desk, wrong: dict[str, object], status: int, code: str, field: str
) -> None:
    strategy = desk.strategy("faulty", "one")

    answer = strategy.post(**(ORDER | wrong))

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (status, code, field)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert problem["error"]
    assert desk.placed("one") == ()


def test_an_unknown_symbol_is_refused_per_account(desk: Desk) -> None:
    result = desk.strategy("lost", "one").limit("buy", 1, symbol="DOGE/USDT")
    assert (result["status"], result["code"]) == ("refused", "unknown_symbol")


def test_a_batch_cancels_first_and_then_places_its_ladder_in_list_order(desk: Desk) -> None:
    strategy = desk.strategy("ladder", "one")
    old = [strategy.limit("sell", price)["order_id"] for price in (106_000, 107_000)]
    rung = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "sell", "qty": "0.01"}

    reply = strategy.send(
        orders=[
            {"order_type": "CANCEL_ALL_ORDER", "symbol": "BTC/USDT"},
            {**rung, "price": 105_000},
            {**rung, "price": 104_000},
        ]
    )

    assert [result["status"] for result in reply["results"]] == ["success"] * 3
    new = [result["order_id"] for result in reply["results"][1:]]
    arrivals = [(arrival.operation, arrival.exchange_order_id) for arrival in desk.arrivals("one")[2:]]
    assert sorted(arrivals[:2]) == sorted(("cancel", order_id) for order_id in old)
    assert arrivals[2:] == [("place", order_id) for order_id in new]
    assert [(order.price, str(order.number)) for order in desk.open("one")] == [
        (Decimal(105_000), new[0]),
        (Decimal(104_000), new[1]),
    ]


def test_a_batch_sends_market_orders_before_cancels_and_cancels_before_limits(desk: Desk) -> None:
    strategy = desk.strategy("classes", "one")
    strategy.limit("buy", 90_000)

    strategy.send(
        orders=[
            {"symbol": "ETH/USDT", "order_type": "LIMIT", "side": "buy", "price": 3_000, "qty": "0.1"},
            {"order_type": "CANCEL_ALL_ORDER"},
            {"symbol": "BTC/USDT", "order_type": "MARKET", "side": "buy", "qty": "0.01"},
        ]
    )

    assert [(arrival.operation, arrival.symbol) for arrival in desk.arrivals("one")[1:]] == [
        ("place", "BTC/USDT"),
        ("cancel", "BTC/USDT"),
        ("place", "ETH/USDT"),
    ]


def test_a_resting_order_that_the_price_crosses_is_filled_in_the_engine_too(desk: Desk) -> None:
    strategy = desk.strategy("resting", "one")
    reply = strategy.send(symbol="XRP/USDT", order_type="LIMIT", side="buy", price="2.4", qty="100")
    assert only(reply)["order_status"] == "NEW"
    try:
        desk.exchange.set_price("XRP/USDT", "2.3")
        position = wait_until(lambda: Decimal(strategy.position("XRP/USDT")), what="the fill")
    finally:
        desk.exchange.set_price("XRP/USDT", None)

    assert position == 100
    assert strategy.state()["orders"] == []
    story = strategy.story(reply["signal_id"])
    assert story["results"][0]["order_status"] == "FILLED"
