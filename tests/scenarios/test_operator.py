"""What an operator can do: pause, resume, cancel everything, liquidate."""

from decimal import Decimal

from tests.processes import wait_until
from tests.scenarios.desk import Desk


def test_a_pause_blocks_entries_and_lets_closes_and_cancels_through(desk: Desk) -> None:
    strategy = desk.strategy("paused", "one")
    strategy.market("buy", qty="0.02")
    strategy.limit("buy", 90_000)
    strategy.operate("pause", why="lunch")

    refused = strategy.limit("buy", 91_000)
    cancelled = strategy.cancel_all()
    closed = strategy.market("sell", qty=None, qty_per=-100)

    assert (refused["status"], refused["code"]) == ("refused", "paused")
    assert "lunch" in refused["error"]
    assert cancelled["results"][0]["cancelled_orders"] == 1
    assert closed["status"] == "success"
    assert (strategy.state()["condition"], Decimal(strategy.position())) == ("paused", Decimal(0))


def test_a_pause_blocks_turning_a_long_into_a_short(desk: Desk) -> None:
    strategy = desk.strategy("turning", "one")
    strategy.market("buy", qty="0.02")
    strategy.operate("pause")

    assert strategy.market("sell", qty="0.05")["code"] == "paused"
    assert strategy.market("sell", qty="0.01")["status"] == "success"


def test_after_a_resume_entries_are_placed_again(desk: Desk) -> None:
    strategy = desk.strategy("resumed", "one")
    assert strategy.operate("pause")["changed"] is True
    assert strategy.operate("pause")["changed"] is False
    assert strategy.limit("buy", 90_000)["code"] == "paused"

    assert strategy.operate("resume")["changed"] is True

    assert strategy.limit("buy", 90_001)["status"] == "success"
    assert strategy.state()["condition"] == "active"


def test_an_operators_cancel_all_ends_the_strategy_accounts_own_orders_only(desk: Desk) -> None:
    first, second = desk.strategy("swept", "shared"), desk.strategy("spared", "shared")
    for price in (90_000, 90_001):
        first.limit("buy", price)
    kept = second.limit("buy", 90_000)

    done = first.operate("cancel-all", why="tidy up")

    assert (done["done"], done["cancelled"], done["failed"], done["in_doubt"]) == (True, 2, 0, 0)
    assert [str(order.number) for order in desk.open("shared")] == [kept["order_id"]]


def test_a_liquidation_cancels_sells_what_is_held_and_leaves_the_neighbour_alone(desk: Desk) -> None:
    strategy, neighbour = desk.strategy("leaving", "shared"), desk.strategy("staying", "shared")
    strategy.market("buy", qty="0.03")
    strategy.market("sell", symbol="ETH/USDT", qty="0.5")
    strategy.limit("buy", 90_000)
    neighbour.market("buy", qty="0.01")

    strategy.operate("liquidate", why="over")

    assert {Decimal(held["quantity"]) for held in strategy.state()["positions"]} == {Decimal(0)}
    assert strategy.state()["orders"] == []
    assert Decimal(neighbour.position()) == Decimal("0.01")
    (books,) = [one for one in desk.exchange.served_books().books.accounts if one.account == desk.name("shared")]
    assert [(held.symbol, held.amount) for held in books.positions] == [("BTC/USDT", Decimal("0.01"))]
    assert strategy.limit("buy", 90_000)["status"] == "success"


def test_a_liquidation_goes_on_when_the_sale_is_in_doubt_and_sells_no_more_than_is_held(desk: Desk) -> None:
    strategy = desk.strategy("doubtful", "one")
    strategy.market("buy", qty="0.03")
    desk.exchange.fault("place", "drop_after")

    desk.client.operate(strategy.group_name, strategy.accounts[0], "liquidate")
    wait_until(lambda: strategy.state()["condition"] == "active", what="the end of the liquidation")

    assert [(str(order.side), order.filled) for order in desk.placed("one")] == [
        ("buy", Decimal("0.03")),
        ("sell", Decimal("0.03")),
    ]
    assert Decimal(strategy.position()) == 0


def test_nobody_operates_without_an_administrators_token(desk: Desk) -> None:
    strategy = desk.strategy("guarded", "one")
    path = f"/api/v1/strategy-accounts/{strategy.group_name}/{strategy.accounts[0]}"

    assert desk.client.get(path).status_code == 401
    assert desk.client.get(path, "owa_nonsense").status_code == 401
    assert desk.client.get(path, strategy.tokens["alice"]).status_code == 403
