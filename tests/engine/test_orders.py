"""The life of an order as a table."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orderwright.engine.orders import OrderStatus, Step, is_active, is_terminal, next_status
from tests.engine.given import StrategyAccountUnderTest, a_fill, buy, modestly

steps = st.lists(st.sampled_from(list(Step)), max_size=12)


@given(steps)
@modestly(20)
def test_an_ended_order_stays_as_it_ended(path: list[Step]) -> None:
    status = OrderStatus.PENDING
    for step in path:
        after = next_status(status, step)
        assert after is status or not is_terminal(status)
        status = after


@given(steps)
@modestly(20)
def test_no_order_becomes_pending_or_new_again(path: list[Step]) -> None:
    seen = [OrderStatus.PENDING]
    for step in path:
        seen.append(next_status(seen[-1], step))
    changes = [status for status, before in zip(seen[1:], seen, strict=False) if status is not before]
    assert OrderStatus.PENDING not in changes
    assert OrderStatus.NEW not in changes[1:]


def test_a_status_is_either_terminal_or_active() -> None:
    assert all(is_terminal(status) is not is_active(status) for status in OrderStatus)


def test_an_order_goes_from_pending_over_new_and_partially_filled_to_its_end() -> None:
    account = StrategyAccountUnderTest()
    seen = []
    account.signal(buy(qty="2", price="90"))
    seen.append(account.order.status)
    account.placed(account.order)
    seen.append(account.order.status)
    account.seen(account.order, OrderStatus.NEW, a_fill("t1", "0.5", "90"))
    seen.append(account.order.status)
    assert seen == [OrderStatus.PENDING, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED]
    assert account.order.remaining == Decimal("1.5")
    account.seen(account.order, OrderStatus.NEW, a_fill("t1", "0.5", "90"), a_fill("t2", "1.5", "90"))
    assert account.orders == []


def test_an_exchange_that_fills_more_than_was_asked_for_leaves_nothing_to_fill() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", price="90"))
    order, overfill = account.order, a_fill("t1", "1.2", "90")
    assert replace(order, filled=overfill.amount).remaining == 0
    account.seen(order, OrderStatus.NEW, overfill)
    assert account.holds() == Decimal("1.2")
    assert account.orders == []
