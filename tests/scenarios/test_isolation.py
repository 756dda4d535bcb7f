"""Strategies that share an account, accounts that share a strategy, and whose orders a cancel may touch."""

import pytest

from tests.scenarios.desk import Desk, Strategy, only


def test_cancel_all_of_one_strategy_leaves_the_orders_of_another_on_the_same_account_and_symbol(desk: Desk) -> None:
    first, second = desk.strategy("first", "shared"), desk.strategy("second", "shared")
    mine = [first.limit("buy", price)["order_id"] for price in (90_000, 90_001, 90_002)]
    others = [second.limit("buy", price)["order_id"] for price in (90_000, 90_003)]

    reply = first.cancel_all()

    (result,) = reply["results"]
    assert (result["status"], result["cancelled_orders"], result["failed_orders"]) == ("success", 3, 0)
    assert [str(order.number) for order in desk.open("shared")] == others
    by_number = {str(order.number): order.status for order in desk.placed("shared")}
    assert {by_number[number] for number in mine} == {"CANCELLED"}
    assert len(second.state()["orders"]) == 2
    assert first.state()["orders"] == []


def test_one_webhook_cancels_all_orders_of_a_strategy_on_three_accounts(desk: Desk) -> None:
    accounts = ("one", "two", "three")
    strategy = desk.strategy("wide", *accounts)
    for price in (90_000, 90_001, 90_002):
        reply = strategy.send(symbol="BTC/USDT", order_type="LIMIT", side="buy", price=price, qty="0.01")
        assert reply["summary"] == {
            "total_accounts": 3,
            "successful_trades": 3,
            "failed_trades": 0,
            "in_doubt": 0,
        }
    assert [len(desk.open(account)) for account in accounts] == [3, 3, 3]

    reply = strategy.cancel_all()

    assert [(row["account_name"], row["cancelled_orders"]) for row in reply["results"]] == [
        (desk.name(account), 3) for account in accounts
    ]
    assert [desk.open(account) for account in accounts] == [[], [], []]


@pytest.fixture
def mixed(desk: Desk) -> Strategy:
    """Two symbols, two sides, an order for each of the four."""
    strategy = desk.strategy("mixed", "one")
    for symbol, buy, sell in (("BTC/USDT", 90_000, 110_000), ("ETH/USDT", 3_600, 4_400)):
        strategy.limit("buy", buy, symbol=symbol, qty="0.1")
        strategy.limit("sell", sell, symbol=symbol, qty="0.1")
    return strategy


@pytest.mark.parametrize(
    ("wish", "left"),
    [
        ({"symbol": "BTC/USDT"}, [("ETH/USDT", "buy"), ("ETH/USDT", "sell")]),
        ({"symbol": "BINANCE:BTCUSDT.P"}, [("ETH/USDT", "buy"), ("ETH/USDT", "sell")]),
        ({"side": "buy"}, [("BTC/USDT", "sell"), ("ETH/USDT", "sell")]),
        ({"side": "short"}, [("BTC/USDT", "buy"), ("ETH/USDT", "buy")]),
        ({"symbol": "ETH/USDT", "side": "sell"}, [("BTC/USDT", "buy"), ("BTC/USDT", "sell"), ("ETH/USDT", "buy")]),
        ({}, []),
    ],
    ids=str,
)
def test_cancel_all_covers_the_symbol_and_the_side_it_names(
    desk: Desk, mixed: Strategy, wish: dict[str, str], left: list[tuple[str, str]]
) -> None:
    reply = mixed.cancel_all(**wish)

    assert reply["results"][0]["cancelled_orders"] == 4 - len(left)
    assert sorted((order.symbol, str(order.side)) for order in desk.open("one")) == left


@pytest.mark.parametrize("named_by", ["order_id", "engine_order_id", "ref"])
def test_cancel_ends_the_one_order_that_is_named(desk: Desk, named_by: str) -> None:
    strategy = desk.strategy("named", "one")
    kept = strategy.limit("buy", 90_000, ref="first rung")
    meant = strategy.limit("buy", 90_001, ref="second rung")

    field = "ref" if named_by == "ref" else "order_id"
    reply = strategy.send(order_type="CANCEL", **{field: meant[named_by]})

    assert reply["results"][0]["cancelled_orders"] == 1
    assert [str(order.number) for order in desk.open("one")] == [kept["order_id"]]


def test_cancel_by_ref_takes_all_open_orders_of_that_label(desk: Desk) -> None:
    strategy = desk.strategy("labels", "one")
    strategy.limit("buy", 90_000, ref="grid")
    strategy.limit("sell", 110_000, ref="grid")
    kept = strategy.limit("buy", 90_001, ref="other")

    reply = strategy.send(order_type="CANCEL", ref="grid")

    assert reply["results"][0]["cancelled_orders"] == 2
    assert [str(order.number) for order in desk.open("one")] == [kept["order_id"]]


def test_a_strategy_cannot_cancel_an_order_of_another_by_its_id(desk: Desk) -> None:
    first, second = desk.strategy("thief", "shared"), desk.strategy("owner", "shared")
    theirs = second.limit("buy", 90_000)

    for order_id in (theirs["order_id"], theirs["engine_order_id"]):
        (result,) = first.send(order_type="CANCEL", order_id=order_id)["results"]
        assert (result["status"], result["code"]) == ("refused", "order_not_found")

    assert [str(order.number) for order in desk.open("shared")] == [theirs["order_id"]]


def test_a_subscribers_token_acts_on_the_subscribers_own_accounts_only(desk: Desk) -> None:
    strategy = desk.strategy("public", "hers", "his", owners={"his": "bob"}, public=True)
    for price in (90_000, 90_001):
        strategy.send(symbol="BTC/USDT", order_type="LIMIT", side="buy", price=price, qty="0.01")

    reply = strategy.cancel_all(token=strategy.tokens["bob"])

    assert [row["account_name"] for row in reply["results"]] == [desk.name("his")]
    assert (len(desk.open("hers")), len(desk.open("his"))) == (2, 0)


def test_a_subscribers_order_goes_to_the_subscribers_own_accounts_only(desk: Desk) -> None:
    strategy = desk.strategy("copied", "hers", "his", owners={"his": "bob"}, public=True)

    placed = strategy.limit("buy", 90_000, token=strategy.tokens["bob"])

    assert placed["account_name"] == desk.name("his")
    assert (len(desk.open("hers")), len(desk.open("his"))) == (0, 1)


def test_subscriber_scope_all_lets_a_subscriber_act_on_every_account(desk: Desk) -> None:
    strategy = desk.strategy("open", "hers", "his", owners={"his": "bob"}, public=True, subscriber_scope="all")

    reply = strategy.send(
        token=strategy.tokens["bob"], symbol="BTC/USDT", order_type="LIMIT", side="buy", price=90_000, qty="0.01"
    )

    assert {row["account_name"] for row in reply["results"]} == {desk.name("hers"), desk.name("his")}


def test_futures_closes_are_reduce_only_exactly_when_no_other_strategy_on_the_account_is_exposed(desk: Desk) -> None:
    first, second = desk.strategy("long", "netted"), desk.strategy("short", "netted")
    first.market("buy", symbol="SOL/USDT", qty="3")
    second.market("sell", symbol="SOL/USDT", qty="1")

    plain = first.market("sell", symbol="SOL/USDT", qty=None, qty_per=-100)
    reduced = second.market("buy", symbol="SOL/USDT", qty=None, qty_per=-100)

    closes = desk.placed("netted")[2:]
    assert [(str(order.amount), order.reduce_only) for order in closes] == [("3", False), ("1", True)]
    assert (plain["status"], reduced["status"]) == ("success", "success")
    assert (first.position("SOL/USDT"), second.position("SOL/USDT")) == ("0", "0")


def test_a_cancel_by_ref_that_names_a_symbol_takes_only_orders_of_it(desk: Desk) -> None:
    strategy = desk.strategy("twofold", "one")
    strategy.limit("buy", 50_000, ref="tp")
    kept = strategy.limit("buy", 1_000, symbol="ETH/USDT", ref="tp")
    orders = [{"order_type": "CANCEL", "ref": "tp", "symbol": "BTC/USDT"}]
    assert only(strategy.send(orders=orders))["cancelled_orders"] == 1
    assert [str(order.number) for order in desk.open("one")] == [kept["order_id"]]
    assert only(strategy.send(symbol="BTC/USDT", orders=[{"order_type": "CANCEL", "ref": "tp"}]))["status"] == "success"
    assert desk.open("one") == []
