"""Futures through every gateway that trades them: netting positions, margin, leverage, reduce-only."""

from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import ExchangeOrder, Placed, PlaceOrder, Refused
from orderwright.exchanges.gateway import LeverageRefused, MarginGateway
from tests.exchanges.conftest import BALANCES, Floor
from tests.exchanges.paper_process import cancel, place


def futures(side: str, amount: str, price: str | None = None, *, reduce_only: bool = False) -> PlaceOrder:
    return place(side, amount, price, market_type=MarketType.FUTURES, reduce_only=reduce_only)


def margin_gateway(floor: Floor) -> MarginGateway:
    gateway = floor.trader.gateway
    assert isinstance(gateway, MarginGateway)
    return gateway


def test_futures_are_refused_where_none_are_traded(floor: Floor) -> None:
    if MarketType.FUTURES in floor.profile.market_types:
        pytest.skip("this exchange trades futures")
    assert isinstance(floor.trader.place(futures("buy", "0.1")), Refused)
    with pytest.raises(LeverageRefused):
        margin_gateway(floor).set_leverage("BTC/USDT", Decimal(2))


def test_a_short_nets_with_what_is_bought_back(floor: Floor) -> None:
    floor.needs_futures()
    floor.placed(futures("sell", "0.5"))
    (position,) = floor.books().positions
    assert position.amount == Decimal("-0.5")
    assert margin_gateway(floor).positions() == {"BTC/USDT": Decimal("-0.5")}
    floor.set_price("BTC/USDT", "90000")
    floor.placed(futures("buy", "0.5"))
    assert floor.books().positions == ()
    assert margin_gateway(floor).positions() == {}
    assert floor.trader.gateway.balances()["USDT"] == Decimal(100_000) + 5_000 - 50 - 45


def test_an_order_beyond_the_margin_is_refused(floor: Floor) -> None:
    floor.needs_futures()
    refused = floor.trader.place(futures("buy", "20"))
    assert isinstance(refused, Refused)
    assert refused.code == "exchange_rejected"
    assert isinstance(floor.trader.place(futures("buy", "10")), Placed)


def test_a_position_can_be_closed_without_margin_but_only_once(floor: Floor) -> None:
    floor.needs_futures()
    floor.placed(futures("buy", "10"))
    assert isinstance(floor.trader.place(futures("sell", "10", "105000")), Placed)
    assert isinstance(floor.trader.place(futures("sell", "10", "105000")), Refused)


def test_leverage_says_what_margin_an_order_needs(floor: Floor) -> None:
    floor.needs_futures()
    gateway = margin_gateway(floor)
    gateway.set_leverage("BTC/USDT", Decimal(2))
    assert isinstance(floor.trader.place(futures("buy", "2.1")), Refused)
    gateway.set_leverage("BTC/USDT", Decimal(3))
    assert isinstance(floor.trader.place(futures("buy", "2.1")), Placed)
    assert floor.books().leverages == {"BTC/USDT": Decimal(3)}


def test_leverage_belongs_to_the_account_and_the_symbol(floor: Floor) -> None:
    floor.needs_futures()
    margin_gateway(floor).set_leverage("ETH/USDT", Decimal(1))
    assert isinstance(floor.trader.place(futures("buy", "10")), Placed)
    other = floor.gateway_of("other")
    assert isinstance(other, MarginGateway)
    other.set_leverage("BTC/USDT", Decimal(1))
    assert floor.books().leverages == {"ETH/USDT": Decimal(1)}


@pytest.mark.parametrize("leverage", ["0", "0.5", "126", "-3", "NaN"])
def test_a_leverage_out_of_range_is_refused(floor: Floor, leverage: str) -> None:
    floor.needs_futures()
    with pytest.raises(LeverageRefused):
        margin_gateway(floor).set_leverage("BTC/USDT", Decimal(leverage))


def test_a_leverage_too_low_for_what_is_open_is_refused(floor: Floor) -> None:
    floor.needs_futures()
    gateway = margin_gateway(floor)
    floor.placed(futures("buy", "5"))
    with pytest.raises(LeverageRefused):
        gateway.set_leverage("BTC/USDT", Decimal(4))
    assert floor.books().leverages == {}
    gateway.set_leverage("BTC/USDT", Decimal(6))
    gateway.set_leverage("BTC/USDT", Decimal(100))


def test_the_leverage_of_an_unknown_market_is_refused(floor: Floor) -> None:
    floor.needs_futures()
    with pytest.raises(LeverageRefused):
        margin_gateway(floor).set_leverage("DOGE/USDT", Decimal(2))


def test_reduce_only_without_a_position_is_refused(floor: Floor) -> None:
    floor.needs_reduce_only()
    refused = floor.trader.place(futures("sell", "0.1", reduce_only=True))
    assert isinstance(refused, Refused)
    assert refused.code == "exchange_rejected"


def test_reduce_only_never_flips_a_position(floor: Floor) -> None:
    floor.needs_reduce_only()
    floor.placed(futures("buy", "0.2"))
    order = floor.placed(futures("sell", "0.5", reduce_only=True))
    assert (order.status, order.filled) == (OrderStatus.CANCELLED, Decimal("0.2"))
    assert floor.books().positions == ()


def test_a_resting_reduce_only_order_ends_when_nothing_is_left_to_reduce(floor: Floor) -> None:
    floor.needs_reduce_only()
    floor.placed(futures("buy", "0.2"))
    resting = floor.placed(futures("sell", "0.2", "105000", reduce_only=True))
    floor.placed(futures("sell", "0.2"))
    floor.set_price("BTC/USDT", "106000")
    seen = floor.seen(resting.client_order_id)
    assert isinstance(seen, ExchangeOrder)
    assert (seen.status, seen.filled) == (OrderStatus.CANCELLED, Decimal(0))


def test_a_reduce_only_order_fills_in_parts_and_ends_with_the_position(floor: Floor) -> None:
    floor.needs_reduce_only()
    floor.placed(futures("buy", "0.2"))
    floor.conditions(depth={"BTC/USDT": "0.15"})
    order = floor.placed(futures("sell", "0.5", "99000", reduce_only=True))
    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.15"))
    floor.set_price("BTC/USDT", "99500")
    seen = floor.seen(order.client_order_id)
    assert (seen.status, seen.filled) == (OrderStatus.CANCELLED, Decimal("0.2"))
    assert floor.books().positions == ()


def test_a_partly_filled_order_holds_margin_for_its_rest_only(floor: Floor) -> None:
    floor.needs_futures()
    floor.conditions(depth={"BTC/USDT": "0.5"})
    order = floor.placed(futures("buy", "2", "100000"))
    whole = (Decimal(200_000) / 20) + Decimal(200)
    assert floor.books().balances["USDT"].locked == whole * 3 / 4
    floor.trader.cancel(cancel(order.client_order_id))
    assert floor.books().balances["USDT"].locked == 0
    assert floor.trader.gateway.balances() == BALANCES | {"USDT": Decimal(99_950)}
