"""Before a close is sized, the own unfinished orders of its symbol are refreshed: a fill one second old counts."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.processes import wait_until
from tests.scenarios.desk import Desk, only

XRP = "XRP/USDT"
PROFILES = ("binance", "bybit", "okx", "upbit", "bithumb")


@pytest.fixture
def dropped(desk: Desk) -> Iterator[str]:
    """The price to which a market falls when a test says so; afterwards it goes back to where it was."""
    yield "2.3"
    desk.exchange.set_price(XRP, None)


def test_a_close_counts_a_fill_that_nobody_told_of(desk: Desk, dropped: str) -> None:
    strategy = desk.strategy("fresh", "one")
    only(strategy.send(symbol=XRP, order_type="LIMIT", side="buy", price="2.4", qty="100"))
    desk.exchange.set_price(XRP, dropped)

    result = only(strategy.send(symbol=XRP, order_type="MARKET", qty_per=-100))

    assert (result["status"], result["amount"]) == ("success", "100")
    assert Decimal(strategy.position(XRP)) == 0


def test_a_liquidation_sells_what_is_left_after_fills_that_nobody_told_of(desk: Desk, dropped: str) -> None:
    strategy = desk.strategy("fresh", "one")
    only(strategy.send(symbol=XRP, order_type="LIMIT", side="buy", price="2.4", qty="100"))
    desk.exchange.set_price(XRP, dropped)

    assert strategy.operate("liquidate")["done"]

    assert Decimal(strategy.position(XRP)) == 0
    assert [(str(order.side), int(order.filled)) for order in desk.placed("one")] == [("buy", 100), ("sell", 100)]


@pytest.mark.parametrize("profile", PROFILES)
def test_what_was_bought_a_moment_ago_is_closed_at_every_exchange(desk: Desk, profile: str) -> None:
    strategy = desk.strategy("fresh", "one", market_type="SPOT", profile=profile)
    strategy.market("buy", qty="0.03")

    result = strategy.market("sell", qty=None, qty_per=-100)

    assert result["status"] == "success"
    assert Decimal(result["amount"]) == Decimal("0.03") * (Decimal("0.999") if _takes_coins(profile) else 1)
    wait_until(lambda: strategy.state()["orders"] == [], what="the close to end")
    assert Decimal(strategy.position()) == 0


@pytest.mark.parametrize("profile", PROFILES)
def test_coins_bought_a_moment_ago_can_be_sold_by_amount_at_every_exchange(desk: Desk, profile: str) -> None:
    strategy = desk.strategy("fresh", "one", market_type="SPOT", profile=profile)
    strategy.market("buy", qty="0.03")
    assert strategy.market("sell", qty="0.02")["status"] == "success"


def _takes_coins(profile: str) -> bool:
    return profile in ("binance", "bybit", "okx")
