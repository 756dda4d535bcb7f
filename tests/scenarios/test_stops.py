"""Stop orders from the webhook to the exchange and back: sized, triggered, filled as a child, cancelled, refused."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.processes import wait_until
from tests.scenarios.desk import Desk, Strategy, only

SOL = "SOL/USDT"


@pytest.fixture
def long(desk: Desk) -> Iterator[Strategy]:
    """A strategy that holds 3 SOL, on a market whose price goes back to where it was."""
    strategy = desk.strategy("stops", "one")
    strategy.market("buy", symbol=SOL, qty="3")
    yield strategy
    desk.exchange.set_price(SOL, None)


def stop(strategy: Strategy, stop_price: str, **fields: object) -> dict[str, Any]:
    """Send a stop for the whole position, or as the fields say; return its result."""
    order: dict[str, object] = {"symbol": SOL, "order_type": "STOP_MARKET", "stop_price": stop_price, "qty_per": -100}
    return only(strategy.send(**(order | fields)))


def shown(strategy: Strategy) -> dict[str, Any]:
    """Return the only open order of the strategy account."""
    (order,) = strategy.state()["orders"]
    return dict(order)


def test_a_stop_for_all_of_the_position_closes_it_once_when_its_price_comes(desk: Desk, long: Strategy) -> None:
    result = stop(long, "190")
    assert (result["status"], result["order_status"], result["amount"]) == ("success", "NEW", "3")
    assert (result["stop_price"], result["side"]) == ("190", "sell")
    assert (shown(long)["stop_price"], shown(long)["child_order_id"]) == ("190", None)
    assert long.position(SOL) == "3"

    desk.exchange.set_price(SOL, "189")

    wait_until(lambda: long.position(SOL) == "0", what="the stop to have closed the position")
    wait_until(lambda: not long.state()["orders"], what="the stop to have ended")
    kinds = [(str(order.order_type), order.status.value) for order in desk.placed("one")]
    assert kinds == [("MARKET", "FILLED"), ("STOP_MARKET", "FILLED"), ("MARKET", "FILLED")]


def test_a_triggered_stop_shows_its_child_and_a_cancel_reaches_it(desk: Desk, long: Strategy) -> None:
    placed = stop(long, "190", order_type="STOP_LIMIT", price="195")
    desk.exchange.set_price(SOL, "189")
    wait_until(lambda: shown(long)["status"] == "TRIGGERED", what="the stop to be triggered")
    (child,) = desk.open("one")
    order = shown(long)
    assert (order["order_id"], order["child_order_id"]) == (placed["order_id"], str(child.number))

    result = only(long.send(order_type="CANCEL", order_id=placed["engine_order_id"]))

    assert (result["status"], result["cancelled_orders"]) == ("success", 1)
    assert desk.open("one") == []
    assert (long.state()["orders"], long.position(SOL)) == ([], "3")


def test_a_signals_story_and_the_list_of_orders_tell_of_the_trigger(desk: Desk, long: Strategy) -> None:
    answer = long.send(symbol=SOL, order_type="STOP", stop_price="190", price="1", qty_per=-50)
    engine_order_id = only(answer)["engine_order_id"]
    desk.exchange.set_price(SOL, "189")
    wait_until(lambda: long.position(SOL) == "1.5", what="the stop to have closed half")

    steps = [(step["what"], step["detail"]) for step in long.story(answer["signal_id"])["steps"]]
    (request,) = [detail for what, detail in steps if what == "order_requested"]
    assert request == "STOP_MARKET sell 1.5 SOL/USDT once at 190"
    assert [detail for what, detail in steps if what == "order_triggered"] == [str(desk.placed("one")[-1].number)]

    def listed() -> dict[str, Any] | None:
        rows = desk.client.orders(long.group_name)
        return next((row for row in rows if row["engine_order_id"] == engine_order_id and row["ended_at"]), None)

    row = wait_until(listed, what="the list to have the end of the stop")
    assert (row["stop_price"], row["status"], row["filled"]) == ("190", "FILLED", "1.5")


def test_stops_are_refused_where_the_exchange_has_none(desk: Desk) -> None:
    strategy = desk.strategy("korean", "seoul", market_type="SPOT", profile="upbit")
    result = stop(strategy, "190", side="buy", qty_per=10)
    assert (result["status"], result["code"]) == ("refused", "unsupported_by_exchange")
    assert desk.placed("seoul") == ()


@pytest.mark.parametrize("priorities", [(None, None), (1, 2)])
def test_a_close_sent_with_the_cancel_of_its_stop_goes_after_it(
    desk: Desk, long: Strategy, priorities: tuple[int | None, int | None]
) -> None:
    stop(long, "190")
    legs: list[dict[str, object]] = [
        {"order_type": "CANCEL_ALL_ORDER", "priority": priorities[0]},
        {"order_type": "MARKET", "symbol": SOL, "qty_per": -100, "priority": priorities[1]},
    ]

    cancelled, closed = long.send(orders=legs)["results"]

    assert (cancelled["status"], cancelled["cancelled_orders"]) == ("success", 1)
    assert (closed["status"], closed["order_status"]) == ("success", "FILLED")
    assert Decimal(long.position(SOL)) == 0
    assert [str(order.order_type) for order in desk.placed("one")] == ["MARKET", "STOP_MARKET", "MARKET"]


def test_a_close_that_is_to_go_first_by_its_own_priority_does(long: Strategy) -> None:
    stop(long, "190")
    legs: list[dict[str, object]] = [
        {"order_type": "CANCEL_ALL_ORDER"},
        {"order_type": "MARKET", "symbol": SOL, "qty_per": -100, "priority": 1},
    ]

    cancelled, refused = long.send(orders=legs)["results"]

    assert (refused["status"], refused["code"]) == ("refused", "insufficient_position")
    assert cancelled["cancelled_orders"] == 1
    assert long.position(SOL) == "3"
