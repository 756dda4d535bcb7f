"""Native stops through every gateway: when they are triggered, what trades then, and under which id it is found."""

from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import Cancelled, ExchangeOrder, NotFound, PlaceOrder, Refused
from orderwright.exchanges.paper.profiles import StopStyle
from orderwright.exchanges.paper.records import Balance
from tests.exchanges.conftest import Floor
from tests.exchanges.paper_process import cancel, look, place

MARKETS = pytest.mark.parametrize("market_type", [MarketType.SPOT, MarketType.FUTURES])


def stopped(floor: Floor, effect: PlaceOrder) -> ExchangeOrder:
    """Place a stop that is to wait."""
    order = floor.placed(effect)
    assert (order.status, order.filled, order.child_exchange_order_id) == (OrderStatus.NEW, Decimal(0), None)
    assert floor.listed() == [order.exchange_order_id]
    return order


def working_id(seen: ExchangeOrder, style: StopStyle) -> str:
    """Return the exchange's id of what trades for a triggered stop: its own, or its child's."""
    if style is StopStyle.CHILD:
        assert seen.child_exchange_order_id not in {None, seen.exchange_order_id}
        return seen.child_exchange_order_id or ""
    assert seen.child_exchange_order_id is None
    return seen.exchange_order_id


def test_a_stop_is_unsupported_where_the_exchange_has_none(floor: Floor) -> None:
    if floor.traits.native_stops:
        pytest.skip("this exchange takes stop orders")
    for limit in (None, "90000"):
        refused = floor.trader.place(place("sell", "0.1", limit, stop="95000"))
        assert isinstance(refused, Refused)
        assert refused.code == "unsupported_by_exchange"


@MARKETS
@pytest.mark.parametrize(("side", "before", "reached"), [("sell", "95001", "94000"), ("buy", "104999", "105500")])
def test_a_stop_market_order_waits_for_its_price_and_fills_at_the_one_that_came(
    floor: Floor, market_type: MarketType, side: str, before: str, reached: str
) -> None:
    style = floor.needs_stops(market_type)
    effect = place(side, "0.1", stop="95000" if side == "sell" else "105000", market_type=market_type)
    order = stopped(floor, effect)
    floor.set_price("BTC/USDT", before)
    assert floor.seen(order.client_order_id) == order
    floor.set_price("BTC/USDT", reached)
    seen = floor.seen(order.client_order_id)
    assert (seen.status, seen.filled) == (OrderStatus.FILLED, Decimal("0.1"))
    assert [fill.price for fill in seen.fills] == [Decimal(reached)]
    working_id(seen, style)
    assert floor.listed() == []


@MARKETS
def test_a_triggered_stop_limit_order_rests_at_its_limit(floor: Floor, market_type: MarketType) -> None:
    style = floor.needs_stops(market_type)
    order = stopped(floor, place("sell", "0.1", "96000", stop="95000", market_type=market_type))
    floor.set_price("BTC/USDT", "94000")
    seen = floor.seen(order.client_order_id)
    assert seen.status is (OrderStatus.TRIGGERED if style is StopStyle.CHILD else OrderStatus.NEW)
    assert seen.filled == 0
    assert floor.listed() == [working_id(seen, style)]
    floor.set_price("BTC/USDT", "97000")
    seen = floor.seen(order.client_order_id)
    assert seen.status is OrderStatus.FILLED
    assert [fill.price for fill in seen.fills] == [Decimal(96_000)]


@MARKETS
def test_a_triggered_stop_limit_order_that_crosses_fills_at_once(floor: Floor, market_type: MarketType) -> None:
    floor.needs_stops(market_type)
    order = stopped(floor, place("buy", "0.1", "106000", stop="105000", market_type=market_type))
    floor.set_price("BTC/USDT", "105500")
    assert [fill.price for fill in floor.seen(order.client_order_id).fills] == [Decimal(105_500)]


def test_a_stop_keeps_its_id_or_trades_as_a_child_as_the_exchange_has_it(floor: Floor) -> None:
    style = floor.needs_stops(MarketType.FUTURES)
    parent = stopped(floor, place("sell", "0.1", "96000", stop="95000", market_type=MarketType.FUTURES))
    floor.set_price("BTC/USDT", "94000")
    number = working_id(floor.seen(parent.client_order_id), style)
    working = floor.seen(parent.client_order_id, exchange_order_id=number)
    if style is StopStyle.CHILD:
        assert working.parent_exchange_order_id == parent.exchange_order_id
        assert working.client_order_id == ""
    else:
        assert working.parent_exchange_order_id is None
        assert working.client_order_id == parent.client_order_id
    floor.set_price("BTC/USDT", "97000")
    assert floor.seen("", exchange_order_id=number).fills == floor.seen(parent.client_order_id).fills


@MARKETS
def test_a_stop_that_would_be_triggered_at_once_is_refused(floor: Floor, market_type: MarketType) -> None:
    floor.needs_stops(market_type)
    for side, stop in (("sell", "100000"), ("sell", "101000"), ("buy", "100000"), ("buy", "99000")):
        refused = floor.trader.place(place(side, "0.1", stop=stop, market_type=market_type))
        assert isinstance(refused, Refused), (side, stop)
        assert refused.code == "exchange_rejected"
        assert "trigger" in refused.error


def test_a_stop_needs_a_price_on_the_tick(floor: Floor) -> None:
    floor.needs_stops()
    for stop in ("95000.005", "0", "-1", "NaN"):
        assert isinstance(floor.trader.place(place("sell", "0.1", stop=stop)), Refused), stop


@MARKETS
def test_a_waiting_stop_is_cancelled_like_any_order(floor: Floor, market_type: MarketType) -> None:
    floor.needs_stops(market_type)
    order = stopped(floor, place("sell", "0.1", stop="95000", market_type=market_type))
    assert isinstance(floor.trader.cancel(cancel(order.client_order_id)), Cancelled)
    floor.set_price("BTC/USDT", "94000")
    seen = floor.seen(order.client_order_id)
    assert (seen.status, seen.filled) == (OrderStatus.CANCELLED, Decimal(0))


@MARKETS
def test_a_triggered_stop_is_cancelled_by_the_id_of_what_trades(floor: Floor, market_type: MarketType) -> None:
    style = floor.needs_stops(market_type)
    order = stopped(floor, place("sell", "0.1", "96000", stop="95000", market_type=market_type))
    floor.set_price("BTC/USDT", "94000")
    number = working_id(floor.seen(order.client_order_id), style)
    assert [balance.locked for balance in floor.books().balances.values() if balance.locked] != []
    if style is StopStyle.CHILD:
        assert floor.trader.cancel(cancel(order.client_order_id)) == NotFound(), "which is no news of the child"
    assert isinstance(floor.trader.cancel(cancel(order.client_order_id, exchange_order_id=number)), Cancelled)
    assert floor.seen(order.client_order_id).status is OrderStatus.CANCELLED
    assert floor.listed() == []
    assert [balance.locked for balance in floor.books().balances.values() if balance.locked] == []


def test_a_waiting_stop_holds_its_funds_only_where_the_exchange_does(floor: Floor) -> None:
    style = floor.needs_stops(MarketType.SPOT)
    order = stopped(floor, place("sell", "0.7", stop="95000"))
    held = Decimal("0.7") if style is StopStyle.HELD else Decimal(0)
    assert floor.books().balances["BTC"] == Balance(total=Decimal(1), locked=held)
    again = floor.trader.place(place("sell", "0.7", "105000"))
    assert isinstance(again, Refused) == (style is StopStyle.HELD)
    floor.set_price("BTC/USDT", "94000")
    status = floor.seen(order.client_order_id).status
    assert status is (OrderStatus.FILLED if style is StopStyle.HELD else OrderStatus.REJECTED)


def test_a_stop_that_cannot_be_paid_when_its_price_comes_ends_as_rejected(floor: Floor) -> None:
    floor.needs_stops(MarketType.FUTURES)
    order = stopped(floor, place("sell", "15", stop="95000", market_type=MarketType.FUTURES))
    opened = floor.placed(place("buy", "10", market_type=MarketType.FUTURES))
    assert opened.status is OrderStatus.FILLED
    floor.set_price("BTC/USDT", "94000")
    seen = floor.seen(order.client_order_id)
    assert (seen.status, seen.child_exchange_order_id) == (OrderStatus.REJECTED, None)
    assert floor.listed() == []


def test_a_reduce_only_stop_closes_what_is_there_when_its_price_comes(floor: Floor) -> None:
    floor.needs_stops(MarketType.FUTURES)
    floor.needs_reduce_only()
    floor.placed(place("buy", "0.3", market_type=MarketType.FUTURES))
    order = stopped(floor, place("sell", "0.5", stop="95000", market_type=MarketType.FUTURES, reduce_only=True))
    floor.set_price("BTC/USDT", "94000")
    seen = floor.seen(order.client_order_id)
    assert (seen.status, seen.filled) == (OrderStatus.CANCELLED, Decimal("0.3"))
    assert floor.books().positions == ()


def test_a_reduce_only_stop_without_a_position_ends_as_rejected(floor: Floor) -> None:
    floor.needs_stops(MarketType.FUTURES)
    floor.needs_reduce_only()
    effect = place("sell", "0.5", stop="95000", market_type=MarketType.FUTURES, reduce_only=True)
    floor.placed(effect)
    floor.set_price("BTC/USDT", "94000")
    assert floor.seen(effect.order_id).status is OrderStatus.REJECTED


@MARKETS
def test_a_triggered_stop_fills_in_parts(floor: Floor, market_type: MarketType) -> None:
    style = floor.needs_stops(market_type)
    order = stopped(floor, place("sell", "0.1", "93000", stop="95000", market_type=market_type))
    floor.conditions(depth={"BTC/USDT": "0.04"})
    for price, filled in (("94000", "0.04"), ("94001", "0.08")):
        floor.set_price("BTC/USDT", price)
        seen = floor.seen(order.client_order_id)
        assert (seen.status, seen.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal(filled))
    assert floor.listed() == [working_id(seen, style)]
    floor.set_price("BTC/USDT", "94002")
    seen = floor.seen(order.client_order_id)
    assert (seen.status, len(seen.fills)) == (OrderStatus.FILLED, 3)


def test_a_stop_whose_client_id_is_open_blocks_another_order_with_it(floor: Floor) -> None:
    floor.needs_stops()
    effect = place("sell", "0.1", stop="95000")
    stopped(floor, effect)
    again = floor.trader.place(place("sell", "0.1", order_id=effect.order_id))
    assert not isinstance(again, Refused)
    assert len(floor.books().orders) == 1


def test_a_look_at_a_stop_that_never_arrived_is_not_found(floor: Floor) -> None:
    floor.needs_stops()
    assert floor.trader.look(look("never0stopped")) == NotFound()
