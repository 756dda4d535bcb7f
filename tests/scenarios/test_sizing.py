"""How much is traded: each rule of sizing, seen in what arrived at the exchange."""

from decimal import Decimal

import httpx
import pytest

from tests.scenarios.desk import Desk, Strategy


@pytest.fixture
def spot(desk: Desk) -> Strategy:
    """Return a SPOT strategy with a capital of 100,000 USDT."""
    return desk.strategy("coins", "cash", market_type="SPOT")


def test_spot_amounts_are_capital_times_percent_by_price_rounded_down_to_the_step(desk: Desk, spot: Strategy) -> None:
    spot.limit("buy", "70000", qty=None, qty_per=10)
    (order,) = desk.open("cash")
    # 10,000 / 70,000 = 0.142857..., and the step is 0.00001.
    assert order.amount == Decimal("0.14285")


def test_limits_are_rounded_to_the_tick_and_never_to_a_worse_price(desk: Desk) -> None:
    strategy = desk.strategy("ticks", "one")
    strategy.limit("buy", "90000.07")
    strategy.limit("sell", "110000.01")
    assert [order.price for order in desk.open("one")] == [Decimal("90000.0"), Decimal("110000.1")]


@pytest.mark.parametrize(
    "sizes",
    [{"qty": "0.0009"}, {"qty": None, "qty_per": "0.0001"}, {"symbol": "SOL/USDT", "price": "1", "qty": "0.1"}],
    ids=["below the step", "a percentage below the step", "below the least notional"],
)
def test_what_is_below_the_minimum_is_refused_and_never_rounded_up(desk: Desk, sizes: dict[str, str]) -> None:
    strategy = desk.strategy("small", "one")
    result = strategy.limit(**({"side": "buy", "price": "90000"} | sizes))
    assert (result["status"], result["code"]) == ("refused", "below_minimum")
    assert desk.placed("one") == ()


def test_more_than_a_hundred_percent_is_for_futures_only(desk: Desk, spot: Strategy) -> None:
    refused = spot.market("buy", qty=None, qty_per=101)
    assert (refused["status"], refused["code"]) == ("refused", "invalid_field")
    futures = desk.strategy("lever", "margin")
    # 150 % is understood, and is more than there is.
    assert futures.limit("buy", "90000", qty=None, qty_per=150)["code"] == "insufficient_capital"
    assert futures.limit("buy", "90000", qty=None, qty_per=100)["amount"] == "2.222"


def test_an_entry_needs_capital_that_positions_and_open_orders_do_not_tie_up(desk: Desk, spot: Strategy) -> None:
    assert spot.market("buy", qty=None, qty_per=50)["status"] == "success"
    assert spot.limit("buy", "50000", qty=None, qty_per=40)["status"] == "success"
    before = len(desk.placed("cash"))
    assert spot.limit("buy", "50000", qty=None, qty_per=20)["code"] == "insufficient_capital"
    assert len(desk.placed("cash")) == before
    spot.cancel_all()
    assert spot.limit("buy", "50000", qty=None, qty_per=20)["status"] == "success"


def test_a_position_is_net_of_fees_taken_in_coins_and_what_is_left_below_the_minimum_counts_as_flat(
    desk: Desk,
) -> None:
    strategy = desk.strategy("net", "coins", market_type="SPOT", profile="binance")
    strategy.market("buy", qty="0.01")
    held = Decimal(strategy.position())
    assert Decimal("0.0099") < held < Decimal("0.01")
    result = strategy.market("sell", qty=None, qty_per=-100)
    # On the step of 0.00001; what is left is dust.
    assert Decimal(result["amount"]) == held.quantize(Decimal("0.00001"), rounding="ROUND_DOWN")
    assert strategy.market("sell", qty=None, qty_per=-100)["code"] in {"no_long_position", "below_minimum"}


def test_a_part_is_closed_of_what_is_left_after_the_own_open_closes(desk: Desk) -> None:
    strategy = desk.strategy("parts", "one")
    strategy.market("buy", qty="0.04")
    assert strategy.limit("sell", "120000", qty=None, qty_per=-75)["amount"] == "0.03"
    assert strategy.market("sell", qty=None, qty_per=-50)["amount"] == "0.01"
    assert strategy.market("sell", qty=None, qty_per=-50)["code"] in {"no_long_position", "insufficient_position"}
    assert strategy.position() == "0.03"


def test_a_second_strategy_with_another_leverage_on_the_same_account_is_refused(desk: Desk) -> None:
    strategy = desk.strategy("first", "shared")
    second = desk.strategy("second", "other")
    link = f'[[links]]\nstrategy = "{second.group_name}"\naccount = "{strategy.accounts[0]}"\nleverage = 5\n'
    with pytest.raises(AssertionError, match="leverage"):
        desk.client.apply(link)


def test_the_price_of_a_market_order_is_what_the_exchange_said_last(desk: Desk, spot: Strategy) -> None:
    desk.exchange.set_price("SOL/USDT", "50")
    try:
        assert spot.market("buy", symbol="SOL/USDT", qty=None, qty_per=1)["amount"] == "20"
    finally:
        desk.exchange.set_price("SOL/USDT", None)


def test_no_price_no_order(desk: Desk, spot: Strategy) -> None:
    desk.exchange.request("POST", "/v1/faults", {"operation": "price", "kind": "error_before"})
    answer = spot.post(symbol="SOL/USDT", order_type="MARKET", side="buy", qty_per=1)
    assert answer.status_code in {httpx.codes.OK, httpx.codes.ACCEPTED}
    assert spot.settled(answer.json()["signal_id"], "refused")["code"] == "price_unavailable"
