"""Orders at the exchange that contradict the log: booked, and nothing more is opened until a person has looked."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.ids import NO_SIGNAL, OrderId
from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.strategy_account.commands import TakeInOrder
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.past import Contradiction, LastKnown, last_known
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.strategy_account.surfacing import surface
from tests.engine.given import (
    StrategyAccountUnderTest,
    a_fill,
    buy,
    cancel_orders,
    close,
    kinds,
    pause,
    refusals,
    results,
    sell,
    shown,
)


def surfaced(
    account: StrategyAccountUnderTest, order: Order, seen: ExchangeOrder, why: Contradiction = Contradiction.CLOSED
) -> list[str]:
    """Let the exchange show the order; return what happens, by name."""
    events = surface(account.state, order, seen, why, account.context)
    account.state = evolve_all(account.state, events)
    account.log.extend(events)
    return kinds(events)


@pytest.fixture
def account() -> StrategyAccountUnderTest:
    return StrategyAccountUnderTest()


@pytest.fixture
def gone(account: StrategyAccountUnderTest) -> Order:
    """An order for 2 at 99 that the exchange refused."""
    account.signal(buy(qty="2", price="99", ref="rung"))
    order = account.order
    account.refused(order)
    return order


def test_a_surfaced_order_is_booked_and_pauses_trading(account: StrategyAccountUnderTest, gone: Order) -> None:
    assert surfaced(account, gone, shown(gone), Contradiction.REJECTED) == ["OrderSurfaced", "TradingPaused"]
    order = account.order
    assert (order.order_id, order.amount, order.price, order.ref) == (gone.order_id, Decimal(2), Decimal(99), "rung")
    assert (order.exchange_order_id, order.status) == (f"x-{gone.order_id}", OrderStatus.NEW)
    assert refusals(account.signal(buy(qty="1"))) == ["paused"]


def test_what_a_surfaced_order_has_filled_is_booked_with_it(account: StrategyAccountUnderTest, gone: Order) -> None:
    seen = shown(gone, OrderStatus.FILLED, a_fill("t1", "2", "99"))
    assert surfaced(account, gone, seen) == ["OrderSurfaced", "TradingPaused", "FillRecorded", "OrderClosed"]
    assert account.holds() == Decimal(2)
    assert account.orders == []


def test_of_an_order_that_had_ended_only_the_new_fills_are_booked(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="2", price="99"))
    account.seen(order, OrderStatus.PARTIALLY_FILLED, a_fill("t1", "0.5", "99"))
    known = account.order
    account.seen(order, OrderStatus.CANCELLED, a_fill("t1", "0.5", "99"))
    assert account.orders == []

    seen = shown(order, OrderStatus.CANCELLED, a_fill("t1", "0.5", "99"), a_fill("t2", "0.25", "99"))
    assert surfaced(account, known, seen) == ["OrderSurfaced", "TradingPaused", "FillRecorded", "OrderClosed"]
    assert account.holds() == Decimal("0.75")


def test_trading_that_is_paused_is_not_paused_again(account: StrategyAccountUnderTest, gone: Order) -> None:
    account.when(pause())
    assert surfaced(account, gone, shown(gone)) == ["OrderSurfaced"]


def test_a_surfaced_order_counts_as_what_may_still_sell(account: StrategyAccountUnderTest) -> None:
    account.bought("2")
    account.signal(sell(qty="1.5", price="101"))
    order = account.order
    account.refused(order)
    surfaced(account, order, shown(order))
    account.signal(close())
    account.nothing_new()
    assert account.orders[-1].amount == Decimal("0.5")


def test_a_surfaced_order_is_cancelled_like_any_other(account: StrategyAccountUnderTest, gone: Order) -> None:
    surfaced(account, gone, shown(gone))
    assert kinds(account.when(cancel_orders(9))) == ["CancellationOrdered", "CancelRequested"]


def test_the_sender_of_a_running_signal_is_told_that_the_order_is_there_after_all(
    account: StrategyAccountUnderTest,
) -> None:
    account.signal(buy(qty="2", price="99"), buy(qty="1", price="98"))
    order = account.orders[0]
    account.refused(order)
    assert results(account.state)[0].status is LegStatus.FAILED
    surfaced(account, order, shown(order))
    result = results(account.state)[0]
    assert (result.status, result.order_id, result.code) == (LegStatus.SUCCESS, f"x-{order.order_id}", None)


def test_an_order_that_nobody_here_remembers_asking_for_is_booked_as_nobodys(
    account: StrategyAccountUnderTest, gone: Order
) -> None:
    stray = Order(**{name: getattr(gone, name) for name in gone.__struct_fields__} | {"signal_id": NO_SIGNAL})
    surfaced(account, stray, shown(stray), Contradiction.UNKNOWN)
    assert account.order.signal_id == NO_SIGNAL
    assert account.state.pause is not None
    assert "was in no log" in account.state.pause.why


def sighted(account: StrategyAccountUnderTest, seen: ExchangeOrder, known: LastKnown) -> list[str]:
    """Let a look show an order that is not among the unfinished ones."""
    return kinds(account.when(TakeInOrder(seen=seen, asked_at=account.now, known=known)))


def known_of(account: StrategyAccountUnderTest, order: Order) -> LastKnown:
    return last_known(order.order_id, account.log)


def test_the_log_knows_how_an_order_ended_and_all_that_was_booked_to_it(account: StrategyAccountUnderTest) -> None:
    order = account.rests(buy(qty="2", price="99"))
    account.rests(buy(qty="1", price="98"))
    account.seen(order, OrderStatus.PARTIALLY_FILLED, a_fill("t1", "0.5", "99"))
    account.later(3)
    account.seen(order, OrderStatus.CANCELLED, a_fill("t1", "0.5", "99"), a_fill("t2", "0.25", "99"))
    known = known_of(account, order)
    assert known.order is not None
    assert (known.said, known.ended_at, known.order.filled) == (Contradiction.CLOSED, account.now, Decimal("0.75"))
    assert known.order.trade_ids == ("t1", "t2")
    assert last_known(OrderId("never heard of"), account.log) == LastKnown()


def test_an_order_that_is_open_long_after_its_end_is_taken_in(account: StrategyAccountUnderTest, gone: Order) -> None:
    account.later(6)
    assert sighted(account, shown(gone), known_of(account, gone)) == ["OrderSurfaced", "TradingPaused"]


def test_an_order_that_is_shown_as_open_right_after_its_end_is_an_old_view(
    account: StrategyAccountUnderTest, gone: Order
) -> None:
    assert sighted(account, shown(gone), known_of(account, gone)) == []


def test_an_order_that_is_among_the_unfinished_by_now_is_seen_like_any_other(
    account: StrategyAccountUnderTest,
) -> None:
    order = account.rests(buy(qty="2", price="99"))
    seen = shown(order, OrderStatus.PARTIALLY_FILLED, a_fill("t1", "0.5", "99"))
    assert sighted(account, seen, LastKnown()) == ["FillRecorded"]


def test_an_order_that_is_in_no_log_is_booked_to_the_account_whose_mark_it_bears(
    account: StrategyAccountUnderTest, gone: Order
) -> None:
    stranger = replace(shown(gone, OrderStatus.FILLED, a_fill("t1", "2", "99")), client_order_id="salt500007x")
    assert sighted(account, stranger, LastKnown()) == [
        "OrderSurfaced",
        "TradingPaused",
        "FillRecorded",
        "OrderClosed",
    ]
    assert (account.holds(), account.state.position("BTC/USDT").base) == (Decimal(2), "BTC")
