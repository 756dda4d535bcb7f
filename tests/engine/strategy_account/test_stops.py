"""STOP_MARKET and STOP_LIMIT: sized when placed, triggered at the exchange, sometimes as another order there."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import Cancelled, CancelOrder, LookUpOrder, NotFound, PlaceOrder, Unclear
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.traits import Traits
from tests.engine.given import (
    StrategyAccountUnderTest,
    a_fill,
    buy,
    cancel,
    cancel_orders,
    instruction,
    kinds,
    pause,
    refusals,
    requests,
    results,
    shown,
)

STOPS = Traits(native_stops=True)


def stop(
    side: Side | None = None,
    at: str = "95",
    *,
    price: str | None = None,
    qty: str | None = None,
    qty_per: str | None = None,
) -> Instruction:
    """Return a stop at `at`; with a price, a STOP_LIMIT."""
    kind = OrderType.STOP_MARKET if price is None else OrderType.STOP_LIMIT
    return instruction(kind, side=side, stop_price=at, price=price, qty=qty, qty_per=qty_per)


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest(traits=STOPS)


@pytest.fixture
def protected(account: StrategyAccountUnderTest) -> Order:
    """A long position of 2 with a stop that closes all of it."""
    account.bought("2")
    return account.rests(stop(qty_per="-100"))


@pytest.mark.parametrize("price", [None, "94"])
def test_a_stop_is_refused_where_the_exchange_has_none(price: str | None) -> None:
    account = StrategyAccountUnderTest(traits=Traits(native_stops=False))
    assert refusals(account.signal(stop(Side.SELL, qty="1", price=price))) == ["unsupported_by_exchange"]


def test_a_stop_is_sent_with_its_stop_price_and_its_limit_on_the_tick(account: StrategyAccountUnderTest) -> None:
    account.signal(stop(Side.BUY, "105.04", price="106.26", qty="1"))
    (effect,) = account.owes()
    assert isinstance(effect, PlaceOrder)
    assert (effect.order_type, effect.stop_price, effect.price) == (
        OrderType.STOP_LIMIT,
        Decimal(105),
        Decimal("106.2"),
    )


@pytest.mark.parametrize(("price", "amount"), [(None, "10"), ("125", "8")])
def test_a_stop_entry_is_sized_by_its_own_price_else_by_its_stop_price(
    account: StrategyAccountUnderTest, price: str | None, amount: str
) -> None:
    account.quotes = {}
    (request,) = requests(account.signal(stop(Side.BUY, "100", price=price, qty_per="10")))
    assert request.amount == Decimal(amount)
    assert request.inputs["price"] == Decimal(price or "100")


def test_a_stop_price_below_half_a_tick_is_refused(account: StrategyAccountUnderTest) -> None:
    assert refusals(account.signal(stop(Side.SELL, "0.01", price="90", qty="1"))) == ["invalid_field"]


def test_a_stop_that_closes_everything_is_sized_when_it_is_placed(
    account: StrategyAccountUnderTest, protected: Order
) -> None:
    account.signal(buy(qty="1"))
    account.filled(account.orders[-1])
    assert (protected.side, protected.amount, protected.reduce_only) == (Side.SELL, Decimal(2), True)
    assert account.state.orders[protected.order_id].amount == Decimal(2)


def test_a_paused_account_may_still_be_protected_by_a_stop(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.when(pause())
    assert refusals(account.signal(stop(Side.BUY, "105", qty="1"))) == ["paused"]
    account.signal(stop(qty_per="-100"))
    assert account.order.side is Side.SELL


def test_a_spot_stop_that_sells_is_limited_to_the_own_position() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT, traits=STOPS)
    account.bought("2")
    account.rests(stop(Side.SELL, qty="1.5"))
    account.signal(stop(Side.SELL, "90", qty="1"))
    assert refusals(account.nothing_new()) == ["insufficient_position"]


def test_a_triggered_stop_is_linked_to_its_child(account: StrategyAccountUnderTest, protected: Order) -> None:
    assert kinds(account.seen(protected, OrderStatus.TRIGGERED, child="c1")) == ["OrderTriggered"]
    order = account.order
    assert (order.status, order.exchange_order_id, order.child_exchange_order_id) == (
        OrderStatus.TRIGGERED,
        f"x-{order.order_id}",
        "c1",
    )
    assert account.seen(order, OrderStatus.TRIGGERED, child="c1") == []


def test_the_sender_is_told_that_the_stop_was_triggered(account: StrategyAccountUnderTest) -> None:
    account.signal(stop(Side.BUY, "105", qty="1"), stop(Side.BUY, "106", qty="1"))
    account.placed(account.order)
    account.seen(account.orders[0], OrderStatus.TRIGGERED, child="c1")
    result = results(account.state)[0]
    assert (result.status, result.order_status, result.stop_price) == (
        LegStatus.SUCCESS,
        OrderStatus.TRIGGERED,
        Decimal(105),
    )


def test_fills_of_the_child_count_through_the_stop_once(account: StrategyAccountUnderTest, protected: Order) -> None:
    first, second = a_fill("t1", "0.5", "94"), a_fill("t2", "1.5", "93")
    account.seen(protected, OrderStatus.PARTIALLY_FILLED, first, child="c1")
    assert account.order.status is OrderStatus.PARTIALLY_FILLED
    account.seen(protected, OrderStatus.PARTIALLY_FILLED, first, child="c1")
    assert account.holds() == Decimal("1.5")
    assert kinds(account.seen(protected, OrderStatus.FILLED, first, second, child="c1")) == [
        "FillRecorded",
        "OrderClosed",
    ]
    assert account.holds() == Decimal(0)


def test_a_triggered_stop_market_order_is_looked_at_until_it_ends(
    account: StrategyAccountUnderTest, protected: Order
) -> None:
    assert account.owes() == []
    account.seen(protected, OrderStatus.TRIGGERED, child="c1")
    (look,) = account.owes()
    assert isinstance(look, LookUpOrder)
    assert look.exchange_order_id == f"x-{protected.order_id}"


def test_a_triggered_stop_limit_order_rests_like_any_limit_order(account: StrategyAccountUnderTest) -> None:
    order = account.rests(stop(Side.SELL, price="94", qty="1"))
    account.seen(order, OrderStatus.TRIGGERED, child="c1")
    assert account.owes() == []


def test_a_cancel_of_a_triggered_stop_names_what_still_lives(
    account: StrategyAccountUnderTest, protected: Order
) -> None:
    account.seen(protected, OrderStatus.TRIGGERED, child="c1")
    account.when(cancel_orders(9))
    effect = next(effect for effect in account.owes() if isinstance(effect, CancelOrder))
    assert effect.exchange_order_id == "c1"
    child = replace(
        shown(protected, OrderStatus.CANCELLED, a_fill("t1", "0.5", "94")),
        client_order_id="",
        exchange_order_id="c1",
        parent_exchange_order_id=f"x-{protected.order_id}",
    )
    events = account.cancel_answered(protected.order_id, Cancelled(order=child))
    assert kinds(events)[:2] == ["FillRecorded", "OrderClosed"]
    assert account.holds() == Decimal("1.5")


def test_a_cancel_that_finds_the_stop_triggered_goes_on_to_its_child(
    account: StrategyAccountUnderTest, protected: Order
) -> None:
    account.when(cancel_orders(9))
    account.cancel_answered(protected.order_id, NotFound())
    assert kinds(account.seen(protected, OrderStatus.TRIGGERED, child="c1")) == ["OrderTriggered", "CancelRequested"]
    effect = next(effect for effect in account.owes() if isinstance(effect, CancelOrder))
    assert (effect.exchange_order_id, effect.attempt) == ("c1", 2)


@pytest.mark.parametrize("name", ["c1", None])
def test_a_stop_is_cancelled_by_its_own_id_or_by_its_childs(
    account: StrategyAccountUnderTest, protected: Order, name: str | None
) -> None:
    account.seen(protected, OrderStatus.TRIGGERED, child="c1")
    events = account.signal(cancel(order_id=name or f"x-{protected.order_id}"))
    assert kinds(events) == ["SignalAccepted", "CancelRequested"]


def test_a_stop_in_doubt_can_turn_out_to_be_triggered_already(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.signal(stop(qty_per="-100"))
    order = account.order
    account.unclear(order)
    events = account.seen(order, OrderStatus.FILLED, a_fill("t9", "2", "94"), child="c1")
    assert kinds(events)[:4] == ["OrderAccepted", "OrderTriggered", "FillRecorded", "OrderClosed"]
    assert account.holds() == Decimal(0)


def test_an_old_view_of_a_triggered_stop_changes_nothing(account: StrategyAccountUnderTest, protected: Order) -> None:
    account.seen(protected, OrderStatus.TRIGGERED, child="c1")
    assert account.seen(protected, OrderStatus.NEW) == []
    assert account.order.child_exchange_order_id == "c1"


def test_a_stop_that_keeps_its_id_is_triggered_without_a_child(
    account: StrategyAccountUnderTest, protected: Order
) -> None:
    account.seen(protected, OrderStatus.TRIGGERED)
    assert (account.order.status, account.order.child_exchange_order_id) == (OrderStatus.TRIGGERED, None)
    assert account.seen(protected, OrderStatus.TRIGGERED) == []


def test_a_triggered_stop_that_the_exchange_could_not_carry_out_ends_as_rejected(
    account: StrategyAccountUnderTest, protected: Order
) -> None:
    assert kinds(account.seen(protected, OrderStatus.REJECTED)) == ["OrderClosed"]
    assert account.holds() == Decimal(2)
    assert refusals(account.signal(stop(qty_per="-100"))) == []


def test_a_restart_after_the_trigger_changes_nothing(account: StrategyAccountUnderTest, protected: Order) -> None:
    account.seen(protected, OrderStatus.TRIGGERED, child="c1")
    assert account.when(Recover()) == []
    assert kinds(account.when(cancel_orders(9))) == ["CancellationOrdered", "CancelRequested"]
    assert kinds(account.when(Recover())) == ["CancelDoubted"]
    account.cancel_answered(protected.order_id, Unclear(reason="time-out"))
    assert account.order.in_doubt


def test_a_stop_is_cancelled_when_it_expires(account: StrategyAccountUnderTest) -> None:
    wanted = replace(stop(Side.BUY, "105", qty="1"), expires_at=account.now + 5_000_000)
    account.rests(wanted)
    assert kinds(account.later(5)) == ["CancelRequested"]
