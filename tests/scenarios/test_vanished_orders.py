"""An order that the exchange accepted and forgets: in doubt and alarmed, counted as what may trade, and resolved."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.processes import wait_until
from tests.scenarios.desk import Desk, Strategy, only

_LONGEST = 40


@pytest.fixture
def remembering(desk: Desk) -> Iterator[Desk]:
    """Yield a desk at whose end the exchange remembers everything, and has nothing open of it."""
    yield desk
    desk.exchange.conditions()
    for order in desk.open("one"):
        desk.exchange.request("DELETE", f"/v1/orders?account={order.account}&exchange_order_id={order.number}")


def alarm_of(desk: Desk, order_id: str) -> dict[str, Any] | None:
    found = (alarm for alarm in desk.client.alarms() if (alarm["kind"], alarm["what"]) == ("vanished_order", order_id))
    return next((alarm for alarm in found if alarm["cleared"] is None), None)


def in_doubt(strategy: Strategy) -> set[str]:
    return {order["engine_order_id"] for order in strategy.state()["orders"] if order["in_doubt"]}


def listed_in_doubt(desk: Desk, strategy: Strategy) -> set[str]:
    return {order["engine_order_id"] for order in desk.client.orders(strategy.group_name) if order["in_doubt"]}


def test_a_forgotten_order_is_alarmed_and_counted_and_comes_back_or_is_resolved(remembering: Desk) -> None:
    desk = remembering
    strategy = desk.strategy("forgotten", "one")
    strategy.market("buy", qty="0.03")
    answer = strategy.send(symbol="BTC/USDT", order_type="LIMIT", side="sell", price=400_000, qty="0.02")
    back, gone = only(answer), strategy.limit("buy", 90_000)
    desk.exchange.conditions(forgotten=[back["order_id"], gone["order_id"]])

    both = {back["engine_order_id"], gone["engine_order_id"]}
    wait_until(lambda: in_doubt(strategy) == both, within=_LONGEST, what="the doubts")
    assert all(alarm_of(desk, order_id) for order_id in both)
    assert only(strategy.story(answer["signal_id"]))["status"] == "in_doubt"
    closed = strategy.market("sell", qty=None, qty_per=-100)
    assert (closed["status"], closed["amount"]) == ("success", "0.01")
    wait_until(lambda: listed_in_doubt(desk, strategy) == both, what="the doubts to be in the list")

    place = f"/api/v1/strategy-accounts/{strategy.group_name}/{strategy.accounts[0]}/orders/{gone['engine_order_id']}"
    never = desk.client.post(f"{place}/resolve", decision="never_placed", why="not on their page")
    assert (never.status_code, never.json()["code"]) == (httpx.codes.CONFLICT, "operation_refused")
    ended = desk.client.post(f"{place}/resolve", decision="cancelled", why="their page says cancelled")
    assert ended.json()["done"]
    assert alarm_of(desk, gone["engine_order_id"]) is None

    desk.exchange.conditions(forgotten=[gone["order_id"]])
    wait_until(lambda: not in_doubt(strategy), what="the other one to come back")
    desk.exchange.set_price("BTC/USDT", "400001")
    wait_until(lambda: not Decimal(strategy.position()), what="the fill of the order that came back")
    desk.exchange.set_price("BTC/USDT", None)
    assert strategy.state()["orders"] == []
    assert alarm_of(desk, back["engine_order_id"]) is None
    assert only(strategy.story(answer["signal_id"]))["order_status"] == "FILLED"
