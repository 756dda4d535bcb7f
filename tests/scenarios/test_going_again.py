"""What never reached the exchange goes again under another id, where a request cannot be late; elsewhere it ends."""

from decimal import Decimal

import httpx
import pytest

from tests.processes import wait_until
from tests.scenarios.desk import Desk, only

LIMIT = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 90_000, "qty": "0.01"}


def test_an_order_that_was_turned_away_for_now_goes_again_and_is_there_once(desk: Desk) -> None:
    strategy = desk.strategy("again", "one")
    desk.exchange.fault("place", "rate_limited", count=2)

    answer = strategy.post(**LIMIT)

    assert answer.status_code in (httpx.codes.OK, httpx.codes.ACCEPTED)
    result = strategy.settled(answer.json()["signal_id"])
    (order,) = desk.placed("one")
    assert (order.client_order_id, str(order.number)) == (result["engine_order_id"], result["order_id"])


def test_a_cancel_that_was_turned_away_for_now_goes_again(desk: Desk) -> None:
    strategy = desk.strategy("again", "one")
    strategy.limit("buy", 90_000)
    desk.exchange.fault("cancel", "rate_limited", count=1)

    assert only(strategy.cancel_all())["status"] == "success"

    assert [order.status for order in desk.placed("one")] == ["CANCELLED"]


@pytest.mark.slow
def test_a_close_that_was_never_placed_goes_again_where_requests_expire(desk: Desk) -> None:
    strategy = desk.strategy("again", "one", profile="binance", market_type="SPOT")
    strategy.market("buy", qty="0.02")
    desk.exchange.fault("place", "drop_before", count=1)

    result = strategy.market("sell", qty=None, qty_per=-100)

    assert result["status"] in ("in_doubt", "working")
    wait_until(lambda: len(desk.placed("one")) == 2, what="the second attempt", within=40)
    wait_until(lambda: strategy.state()["orders"] == [], what="the close to end")
    assert Decimal(strategy.position()) < Decimal("0.0001")


@pytest.mark.slow
def test_elsewhere_it_ends_as_not_placed_and_an_alarm_says_so(desk: Desk) -> None:
    strategy = desk.strategy("ended", "one", profile="upbit", market_type="SPOT")
    desk.exchange.fault("place", "drop_before", count=1)

    reply = strategy.send(symbol="BTC/USDT", order_type="MARKET", side="buy", qty="0.02")

    story = strategy.settled(reply["signal_id"], "failed")
    assert story["code"] == "not_placed"
    assert desk.placed("one") == ()
    alarms = desk.client.alarms()
    assert story["engine_order_id"] in [alarm["what"] for alarm in alarms if alarm["kind"] == "not_placed"]


@pytest.mark.slow
def test_what_was_never_placed_and_arrives_late_all_the_same_is_found_by_the_watch_and_booked(desk: Desk) -> None:
    strategy = desk.strategy("late", "one", profile="bithumb", market_type="SPOT")
    desk.exchange.fault("place", "drop_before", count=1)
    reply = strategy.send(symbol="BTC/USDT", order_type="MARKET", side="buy", qty="0.02")
    order = {
        "client_order_id": strategy.settled(reply["signal_id"], "failed")["engine_order_id"],
        "symbol": "BTC/USDT",
        "side": "buy",
        "order_type": "MARKET",
        "amount": "0.02",
        "market_type": "SPOT",
    }
    # The request that was lost arrives after all, and trades at once: no list of open orders ever shows it.
    desk.exchange.request("POST", "/v1/orders", {"account": desk.name("one"), "order": order})

    wait_until(lambda: strategy.position() == "0.02", what="its fill to be booked", within=60)

    assert strategy.state()["condition"] == "paused"
