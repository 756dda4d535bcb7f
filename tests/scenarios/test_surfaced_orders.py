"""An order that contradicts the log is taken into the books of its strategy account, which pauses, and alarms."""

from typing import Any

from tests.processes import wait_until
from tests.scenarios.desk import Desk, Strategy, only

SOL = "SOL/USDT"


def place_behind_its_back(desk: Desk, strategy: Strategy, *, like: str) -> str:
    """Place a buy of 3 SOL at 190 at the exchange that bears the mark of the strategy account that placed `like`."""
    order_id = like[:10] + "z" * 22
    order = {
        "client_order_id": order_id,
        "symbol": SOL,
        "side": "buy",
        "order_type": "LIMIT",
        "amount": "3",
        "price": "190",
        "market_type": "FUTURES",
    }
    desk.exchange.request("POST", "/v1/orders", {"account": strategy.accounts[0], "order": order})
    return order_id


def alarm_of(desk: Desk, strategy: Strategy) -> dict[str, Any] | None:
    """Return the alarm about surfaced orders of the strategy account, if it is on."""
    name = f"strategy-account/{strategy.group_name}@{strategy.accounts[0]}"
    found = (alarm for alarm in desk.client.alarms() if (alarm["kind"], alarm["what"]) == ("surfaced_order", name))
    return next((alarm for alarm in found if alarm["cleared"] is None), None)


def test_an_order_that_no_log_knows_is_booked_pauses_and_alarms(desk: Desk) -> None:
    strategy = desk.strategy("marked", "one")
    own = strategy.limit("buy", 90_000)
    order_id = place_behind_its_back(desk, strategy, like=own["engine_order_id"])

    alarm = wait_until(lambda: alarm_of(desk, strategy), what="the alarm")

    assert order_id in alarm["why"]
    assert "unknown" in alarm["why"]
    desk.exchange.set_price(SOL, "189")
    wait_until(lambda: strategy.position(SOL) == "3", what="its fill to be booked")
    desk.exchange.set_price(SOL, None)
    assert strategy.state()["condition"] == "paused"
    assert strategy.limit("buy", 90_001)["code"] == "paused"
    assert strategy.operate("resume", why="seen")["done"]
    assert alarm_of(desk, strategy) is None
    assert strategy.limit("buy", 90_001)["status"] == "success"


def test_a_surfaced_order_that_rests_is_cancelled_with_all_others(desk: Desk) -> None:
    strategy = desk.strategy("resting", "one")
    own = strategy.limit("buy", 90_000)
    place_behind_its_back(desk, strategy, like=own["engine_order_id"])
    wait_until(lambda: len(strategy.state()["orders"]) == 2, what="the order to be in the books")

    reply = only(strategy.cancel_all())

    assert (reply["status"], reply["cancelled_orders"]) == ("success", 2)
    assert desk.open("one") == []


def test_an_order_whose_refusal_was_a_lie_is_found_and_booked_to_its_signal(desk: Desk) -> None:
    strategy = desk.strategy("lied", "one")
    desk.exchange.fault("place", "error_after", status=400)
    answer = strategy.send(symbol="BTC/USDT", order_type="LIMIT", side="buy", price=90_000, qty="0.01")
    refused = only(answer)
    assert refused["status"] == "failed"
    (there,) = desk.open("one")
    assert there.client_order_id == refused["engine_order_id"]

    wait_until(lambda: strategy.state()["orders"], what="the order to be in the books")

    result = only(strategy.story(answer["signal_id"]))
    assert (result["status"], result["order_id"]) == ("success", str(there.number))
    assert strategy.state()["condition"] == "paused"
