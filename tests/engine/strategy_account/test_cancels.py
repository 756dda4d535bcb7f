"""Cancels: which orders they mean, and that only the order's own final state ends it."""

import pytest
from msgspec.structs import replace

from orderwright.engine.orders import CancelState, OrderStatus
from orderwright.engine.outcomes import CancelAnswered, Cancelled, CancelOrder, LookUpOrder, NotFound, Refused, Unclear
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import CancellationEnded, CancelRequested, Event, FillRecorded
from orderwright.engine.strategy_account.results import LegStatus
from orderwright.engine.strategy_account.state import State
from tests.engine.given import (
    StrategyAccountUnderTest,
    a_fill,
    buy,
    cancel,
    cancel_all,
    cancel_orders,
    close,
    kinds,
    market,
    refusals,
    requests,
    results,
    sell,
    shown,
)


def targets(events: list[Event]) -> list[str]:
    return [event.order_id for event in events if isinstance(event, CancelRequested)]


def ended(events: list[Event]) -> tuple[int, int, int]:
    (end,) = [event for event in events if isinstance(event, CancellationEnded)]
    return end.cancelled, end.failed, end.in_doubt


def test_an_order_is_cancelled_by_the_engines_id_or_the_exchanges() -> None:
    for name in ("order_id", "exchange_order_id"):
        account = StrategyAccountUnderTest()
        account.rests(buy(qty="1", price="80"))
        order = account.rests(buy(qty="1", price="90"))
        assert targets(account.signal(cancel(order_id=getattr(order, name)))) == [order.order_id]


def test_a_ref_cancels_all_open_orders_that_carry_it() -> None:
    account = StrategyAccountUnderTest()
    first = account.rests(buy(qty="1", price="90", ref="grid"))
    account.rests(buy(qty="1", price="90", ref="other"))
    account.rests(buy(qty="1", price="90"))
    second = account.rests(buy(qty="1", price="80", ref="grid"))
    assert targets(account.signal(cancel(ref="grid"))) == [first.order_id, second.order_id]


def test_what_is_not_an_open_order_of_this_strategy_account_is_not_found() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="1", price="90", ref="grid"))
    assert refusals(account.signal(cancel(order_id="somebody-elses"))) == ["order_not_found"]
    account.filled(order)
    assert refusals(account.signal(cancel(order_id=order.order_id), cancel(ref="grid"))) == ["order_not_found"] * 2


def test_cancel_all_takes_a_symbol_and_a_side() -> None:
    account = StrategyAccountUnderTest()
    low = account.rests(buy(qty="1", price="90"))
    high = account.rests(sell(qty="1", price="120"))
    other = account.rests(buy(qty="1", price="90", symbol="ETH/USDT"))
    assert targets(account.signal(cancel_all(symbol="BTCUSDT", side=Side.SELL))) == [high.order_id]
    account.cancelled(high)
    assert targets(account.signal(cancel_all(symbol="ETH/USDT"))) == [other.order_id]
    account.cancelled(other)
    assert targets(account.signal(cancel_all(side=Side.BUY))) == [low.order_id]


def test_cancel_all_without_filters_takes_everything_open_pending_or_in_doubt() -> None:
    account = StrategyAccountUnderTest()
    resting = account.rests(buy(qty="1", price="90"))
    account.signal(buy(qty="1", price="91"))
    doubtful = account.orders[-1]
    account.unclear(doubtful)
    events = account.signal(cancel_all())
    assert targets(events) == [resting.order_id, doubtful.order_id]
    assert [
        (effect.order_id, effect.exchange_order_id) for effect in account.owes() if isinstance(effect, CancelOrder)
    ] == [
        (resting.order_id, resting.exchange_order_id),
        (doubtful.order_id, None),
    ]


def test_nothing_to_cancel_is_a_success() -> None:
    account = StrategyAccountUnderTest()
    assert ended(account.signal(cancel_all())) == (0, 0, 0)


def test_a_symbol_that_is_none_is_an_error_and_not_a_success() -> None:
    account = StrategyAccountUnderTest(markets=(market("AB/CD"), market("A/BCD")))
    account.rests(buy(qty="1", price="90", symbol="AB/CD"))
    assert refusals(account.signal(cancel_all(symbol="DOGE/USDT"))) == ["unknown_symbol"]
    assert refusals(account.signal(cancel_all(symbol="ABCD"))) == ["ambiguous_symbol"]


def test_a_symbol_is_understood_before_the_markets_are_loaded_and_after_they_are_gone() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="1", price="90"))
    account.instruments = None
    assert targets(account.signal(cancel_all(symbol="BINANCE:BTCUSDT"))) == [order.order_id]
    assert ended(account.cancelled(order)) == (1, 0, 0)
    assert ended(account.signal(cancel_all(symbol="ETH/USDT"))) == (0, 0, 0)


def test_a_cancel_that_the_exchange_confirms_ends_the_order() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    events = account.cancelled(order, a_fill("t1", "0.5", "90"))
    assert kinds(events) == ["FillRecorded", "OrderClosed", "CancellationEnded", "SignalEnded"]
    assert ended(events) == (1, 0, 0)


def test_a_cancel_that_lost_the_race_against_a_fill_says_so_and_books_the_fill() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all(), buy(qty="1", price="80"))
    events = account.cancel_answered(order.order_id, NotFound())
    assert kinds(events) == ["CancelDoubted"]
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    events = account.filled(order)
    assert kinds(events) == ["FillRecorded", "OrderClosed", "CancellationEnded", "OrderRequested"]
    assert ended(events) == (0, 1, 0)
    assert account.holds() == 2
    assert results(account.state)[0].code == "not_cancelled"


@pytest.mark.parametrize("answer", [NotFound(), Unclear(reason="time-out"), Cancelled(order=None)])
def test_whatever_is_not_the_orders_final_state_is_doubt(answer: NotFound | Unclear | Cancelled) -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    assert kinds(account.cancel_answered(order.order_id, answer)) == ["CancelDoubted"]
    assert account.order.in_doubt
    assert account.cancel_answered(order.order_id, answer) == []


def test_a_cancelled_order_whose_fills_are_not_told_yet_is_looked_at_and_not_cancelled_again() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    partly = shown(order, OrderStatus.CANCELLED, filled="0.5")
    assert kinds(account.cancel_answered(order.order_id, Cancelled(order=partly))) == ["CancelDoubted"]
    assert [type(effect) for effect in account.owes()] == [LookUpOrder]
    assert account.seen(order, OrderStatus.CANCELLED, filled="0.5") == []
    assert ended(account.seen(order, OrderStatus.CANCELLED, a_fill("t1", "0.5", "90"))) == (1, 0, 0)
    assert account.holds() * 2 == 1


def test_what_it_does_tell_is_booked_at_once() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    partly = shown(order, OrderStatus.CANCELLED, a_fill("t1", "0.5", "90"), filled="1")
    assert kinds(account.cancel_answered(order.order_id, Cancelled(order=partly))) == ["FillRecorded", "CancelDoubted"]


def test_an_answer_to_an_earlier_attempt_says_nothing_about_the_later() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    account.seen(order)
    late = CancelAnswered(order_id=order.order_id, result=Refused(code="x", error="no"), attempt=1)
    assert account.when(late) == []
    assert kinds(account.when(replace(late, attempt=2)))[0] == "CancelRefused"


def test_an_order_that_turns_out_filled_is_not_cancelled_again() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, NotFound())
    events = account.seen(order, OrderStatus.PARTIALLY_FILLED, a_fill("t1", "2", "90"))
    assert kinds(events) == ["FillRecorded", "OrderClosed", "CancellationEnded", "SignalEnded"]


def test_a_definite_no_leaves_the_order_alive() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel(order_id=order.order_id))
    events = account.cancel_answered(order.order_id, Refused(code="exchange_rejected", error="not now"))
    assert kinds(events) == ["CancelRefused", "CancellationEnded", "SignalEnded"]
    assert account.order.cancel is None


def test_a_look_that_finds_the_order_alive_asks_for_the_cancel_again() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    (event,) = account.seen(order)
    assert isinstance(event, CancelRequested)
    assert (event.attempt, event.signal_id) == (2, None)
    assert account.seen(order) == []
    assert ended(account.cancelled(order)) == (1, 0, 0)


def test_a_cancel_still_in_doubt_at_its_deadline_refuses_that_symbols_later_entries_only() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    order = account.rests(buy(qty="2", price="90"))
    account.signal(
        cancel_all(), buy(qty="1", price="91"), buy(qty="1", price="91", symbol="ETH/USDT"), close(price="120")
    )
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    assert account.later(9.9) == []
    events = account.later(0.1)
    assert ended(events) == (0, 0, 1)
    assert refusals(events) == ["cancel_unsettled"]
    assert results(account.state)[0].status is LegStatus.IN_DOUBT
    assert [order.cancel for order in account.orders][:1] == [CancelState.IN_DOUBT]
    assert {request.leg for request in (*requests(events), *requests(account.nothing_new()))} == {2, 3}


def test_a_doubt_settled_before_its_deadline_refuses_nothing() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(cancel_all(), buy(qty="1", price="91"))
    account.cancel_answered(order.order_id, Unclear(reason="time-out"))
    assert requests(account.seen(order, OrderStatus.CANCELLED))


def test_an_operators_cancel_all_goes_beside_the_running_signal() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.signal(buy(qty="1"))
    command = cancel_orders(99)
    assert targets(account.when(command)) == [order.order_id, account.orders[-1].order_id]
    assert account.when(command) == []
    assert account.cancelled(order)[-1:] != []
    assert ended(account.filled(account.order)) == (1, 1, 0)
    assert account.state.operations == ()


def test_an_operators_cancel_of_an_order_that_is_then_rejected_ends_too() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"))
    account.when(cancel_orders(99))
    assert [type(effect).__name__ for effect in account.owes()] == ["PlaceOrder"]
    events = account.refused(account.order)
    assert ended(events) == (1, 0, 0)
    assert account.state == State(terms=account.state.terms, capital=account.state.capital, last_sequence=1)


def test_a_cancel_leg_whose_order_ends_in_between_is_answered() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="1", price="90"))
    account.signal(cancel_all())
    events = account.seen(order, OrderStatus.EXPIRED)
    assert ended(events) == (0, 1, 0)
    assert account.cancel_answered(order.order_id, NotFound()) == []


def test_an_in_doubt_order_that_was_never_placed_counts_as_cancelled() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1", price="90"))
    order = account.order
    account.unclear(order)
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, NotFound())
    account.now = order.valid_until
    account.later(5.1)
    account.missed(order)
    account.later(1)
    assert kinds(account.missed(order))[0] == "OrderNeverPlaced"
    assert account.orders == []


def test_a_partly_filled_order_keeps_its_fill_when_cancelled() -> None:
    account = StrategyAccountUnderTest()
    order = account.rests(buy(qty="2", price="90"))
    account.seen(order, OrderStatus.NEW, a_fill("t1", "0.5", "90"))
    account.signal(cancel_all())
    events = account.cancelled(order, a_fill("t1", "0.5", "90"), a_fill("t2", "0.25", "90"))
    assert [event.fill.trade_id for event in events if isinstance(event, FillRecorded)] == ["t2"]
    assert account.holds() * 4 == 3
