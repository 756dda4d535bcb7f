"""What an operator decides by name and reason: coins adopted into a strategy account, doubts that no evidence ends."""

from typing import Any

import httpx

from tests.processes import wait_until
from tests.scenarios.desk import Desk, Strategy, only

SOL = "SOL/USDT"


def decide(desk: Desk, strategy: Strategy, what: str, **members: object) -> httpx.Response:
    place = f"/api/v1/strategy-accounts/{strategy.group_name}/{strategy.accounts[0]}"
    return desk.client.post(f"{place}/{what}", **members)


def adopt(desk: Desk, strategy: Strategy, amount: str, **more: object) -> httpx.Response:
    return decide(desk, strategy, "adopt", symbol=SOL, amount=amount, price="150", why="bought by hand", **more)


def test_coins_of_the_owner_are_not_a_strategys_to_sell_until_it_adopts_them(desk: Desk) -> None:
    strategy = desk.strategy("adopts", "rich", market_type="SPOT", balances={"SOL": "10"})
    other = desk.strategy("other", "rich", market_type="SPOT", balances={"SOL": "10"})
    other.market("buy", symbol=SOL, qty="2")
    assert strategy.market("sell", symbol=SOL, qty="1")["code"] == "insufficient_position"

    too_much = adopt(desk, strategy, "10.001")
    adopted = adopt(desk, strategy, "4", id="first")
    again = adopt(desk, strategy, "4", id="first")

    assert (too_much.status_code, too_much.json()["code"]) == (httpx.codes.CONFLICT, "operation_refused")
    assert "holds 10 that no strategy account there owns" in too_much.json()["error"]
    assert [(answer.status_code, answer.json()["changed"]) for answer in (adopted, again)] == [
        (200, True),
        (200, False),
    ]
    assert (strategy.position(SOL), other.position(SOL)) == ("4", "2")
    assert strategy.market("sell", symbol=SOL, qty=None, qty_per=-100)["status"] == "success"
    assert strategy.position(SOL) == "0"
    assert other.position(SOL) == "2"


def test_a_futures_position_is_adopted_as_far_as_nobody_owns_it(desk: Desk) -> None:
    strategy = desk.strategy("margin", "netted")
    by_hand = {
        "client_order_id": "by-hand",
        "symbol": SOL,
        "side": "sell",
        "order_type": "MARKET",
        "amount": "3",
        "market_type": "FUTURES",
    }
    strategy.market("sell", symbol=SOL, qty="1")
    desk.exchange.request("POST", "/v1/orders", {"account": strategy.accounts[0], "order": by_hand})

    assert adopt(desk, strategy, "1").status_code == httpx.codes.CONFLICT
    assert adopt(desk, strategy, "-3.01").status_code == httpx.codes.CONFLICT
    assert adopt(desk, strategy, "-3").status_code == httpx.codes.OK
    assert strategy.position(SOL) == "-4"
    assert strategy.operate("liquidate", why="enough")["done"]
    assert strategy.position(SOL) == "0"


def test_a_doubt_that_the_exchange_does_not_end_is_ended_by_an_operators_named_decision(desk: Desk) -> None:
    strategy = desk.strategy("doubtful", "one")
    desk.exchange.request("POST", "/v1/faults", {"operation": "place", "kind": "drop_after", "count": 1})
    for operation in ("look", "open_orders"):
        desk.exchange.request("POST", "/v1/faults", {"operation": operation, "kind": "error_before"})
    result = only(strategy.send(symbol="BTC/USDT", order_type="LIMIT", side="buy", price=90_000, qty="0.01"))
    assert result["status"] == "in_doubt"
    order_id = result["engine_order_id"]
    (there,) = desk.open("one")

    def resolve(**members: object) -> httpx.Response:
        return decide(desk, strategy, f"orders/{order_id}/resolve", **members)

    assert resolve(decision="never_placed", why="perhaps").status_code == httpx.codes.CONFLICT
    claim = {"decision": "placed", "exchange_order_id": str(there.number), "why": "it is on their page"}
    unconfirmed = resolve(**claim)
    assert (unconfirmed.status_code, unconfirmed.json()["code"]) == (httpx.codes.CONFLICT, "operation_refused")
    assert "could not be asked" in unconfirmed.json()["error"]
    decided = resolve(**claim, unchecked=True)

    assert (decided.status_code, decided.json()["done"]) == (httpx.codes.OK, True)
    desk.exchange.request("DELETE", "/v1/faults")
    order: dict[str, Any] = wait_until(lambda: strategy.state()["orders"], what="the order")[0]
    assert (order["order_id"], order["in_doubt"]) == (str(there.number), False)
    assert only(strategy.cancel_all())["cancelled_orders"] == 1
    assert desk.open("one") == []


def test_an_order_of_another_strategy_cannot_be_claimed(desk: Desk) -> None:
    mine, theirs = desk.strategy("claims", "shared"), desk.strategy("owns", "shared")
    kept = theirs.limit("buy", 50_000)
    desk.exchange.fault("place", "drop_before")
    desk.exchange.request("POST", "/v1/faults", {"operation": "look", "kind": "error_before", "count": 3})
    result = only(mine.send(symbol=SOL, order_type="LIMIT", side="buy", price=100, qty="1"))
    assert result["status"] == "in_doubt"
    desk.exchange.request("DELETE", "/v1/faults")

    def claim(exchange_order_id: str) -> httpx.Response:
        members = {"decision": "placed", "exchange_order_id": exchange_order_id, "why": "it is on their page"}
        return decide(desk, mine, f"orders/{result['engine_order_id']}/resolve", **members)

    refused = claim(kept["order_id"])
    assert (refused.status_code, refused.json()["code"]) == (httpx.codes.CONFLICT, "operation_refused")
    assert "is another one: buy 0.01 BTC/USDT" in refused.json()["error"]
    assert claim("987654").status_code == httpx.codes.CONFLICT
    mine.post(order_type="CANCEL_ALL_ORDER")
    assert [str(order.number) for order in desk.open("shared")] == [kept["order_id"]]
