"""The leverage of a market is set at the exchange before the first order there, and a doubt about that is repeated."""

from decimal import Decimal

import httpx
import pytest

from tests.scenarios.desk import Desk


def leverage_at(desk: Desk, account: str) -> Decimal | None:
    """Return the leverage with which the exchange trades BTC/USDT for an account."""
    (books,) = [one for one in desk.exchange.served_books().books.accounts if one.account == desk.name(account)]
    return books.leverages.get("BTC/USDT")


@pytest.mark.parametrize("profile", [None, "binance", "bybit", "okx"])
def test_the_declared_leverage_is_set_before_the_first_order(desk: Desk, profile: str | None) -> None:
    strategy = desk.strategy("levered", "one", profile=profile)

    assert strategy.limit("buy", 90_000)["status"] == "success"

    assert leverage_at(desk, "one") == 2


def test_a_doubt_about_the_leverage_is_repeated_and_the_order_placed_once(desk: Desk) -> None:
    strategy = desk.strategy("levered", "one")
    desk.exchange.fault("leverage", "drop_after", count=1)

    answer = strategy.post(symbol="BTC/USDT", order_type="LIMIT", side="buy", price=90_000, qty="0.01")

    assert answer.status_code in (httpx.codes.OK, httpx.codes.ACCEPTED)
    strategy.settled(answer.json()["signal_id"])
    assert len(desk.placed("one")) == 1
    assert leverage_at(desk, "one") == 2
