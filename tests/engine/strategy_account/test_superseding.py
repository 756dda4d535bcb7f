"""An opening that never arrived does not go again once its sender, or an operator, has got out since."""

import pytest

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Order
from orderwright.engine.outcomes import Refused
from orderwright.engine.signals import Instruction
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.events import Event, OrderAbandoned
from orderwright.engine.traits import Traits
from orderwright.moments import SECOND
from tests.engine.given import (
    StrategyAccountUnderTest,
    buy,
    cancel_all,
    close,
    pause,
    refusals,
    requests,
    resume,
    sell,
)

EXPIRES = Traits(request_expiry=True)


def in_doubt(account: StrategyAccountUnderTest, wanted: Instruction) -> Order:
    account.signal(wanted)
    order = account.orders[-1]
    account.unclear(order)
    return order


def ends_of(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.code, event.error.rpartition(": ")[2]) for event in events if isinstance(event, OrderAbandoned)]


def until_decided(account: StrategyAccountUnderTest, wanted: Instruction) -> list[str]:
    events = account.signal(wanted)
    for _ in range(25):
        events += account.later(1)
    return refusals(events)


@pytest.mark.parametrize(
    ("kind", "way_out", "code"),
    [
        (MarketType.FUTURES, close(), "no_long_position"),
        (MarketType.SPOT, close(symbol="BTCUSDT"), "no_long_position"),
        (MarketType.SPOT, sell(qty="1"), "insufficient_position"),
    ],
)
def test_a_buy_does_not_go_again_after_a_close_that_found_nothing(
    kind: MarketType, way_out: Instruction, code: str
) -> None:
    account = StrategyAccountUnderTest(kind, traits=EXPIRES)
    order = in_doubt(account, buy(qty="1"))
    assert until_decided(account, way_out) == [code]
    events = account.never_placed(order)
    assert requests(events) == []
    assert ends_of(events) == [("not_placed", "a close of its market came after it.")]
    assert not account.state.has_unfinished_business


def test_a_buy_does_not_go_again_after_a_close_of_what_was_held_before() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    account.bought("2")
    order = in_doubt(account, buy(qty="1"))
    until_decided(account, close())
    account.filled(account.orders[-1])
    assert requests(account.never_placed(order)) == []
    assert account.holds() == 0


def test_that_is_known_after_a_restart_too() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    order = in_doubt(account, buy(qty="1"))
    until_decided(account, close())
    account.when(Recover())
    assert requests(account.never_placed(order)) == []


def test_what_waits_to_go_again_is_given_up_at_once() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    account.signal(buy(qty="1"))
    account.refused(account.order, "rate_limited", again_after=9 * SECOND)
    account.when(pause())
    ((code, why),) = ends_of(account.when(resume()))
    assert (code, why) == ("not_placed", 'a pause of trading came after it. The last answer was "no".')


def test_a_close_of_another_market_changes_nothing() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    order = in_doubt(account, buy(qty="1"))
    until_decided(account, close(symbol="ETH/USDT"))
    assert requests(account.never_placed(order))


def test_a_close_of_the_same_batch_changes_nothing() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    account.signal(close(), buy(qty="1"))
    order = account.order
    account.unclear(order)
    assert requests(account.never_placed(order))


def test_a_sell_of_coins_goes_again_after_a_later_one() -> None:
    account = StrategyAccountUnderTest(MarketType.SPOT, traits=EXPIRES)
    account.bought("2")
    order = in_doubt(account, sell(qty="1"))
    until_decided(account, sell(qty="1"))
    account.filled(account.orders[-1])
    (request,) = requests(account.never_placed(order))
    assert request.amount == 1


def test_a_buy_does_not_go_again_after_a_cancel_that_was_refused() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    order = in_doubt(account, buy(qty="1"))
    until_decided(account, cancel_all())
    account.cancel_answered(order.order_id, Refused(code="exchange_rejected", error="no"))
    assert ends_of(account.never_placed(order)) == [("not_placed", "a cancel came after it.")]


def test_a_close_goes_again_after_a_cancel_that_was_refused() -> None:
    account = StrategyAccountUnderTest(traits=EXPIRES)
    account.bought("2")
    order = in_doubt(account, close())
    until_decided(account, cancel_all())
    account.cancel_answered(order.order_id, Refused(code="exchange_rejected", error="no"))
    assert requests(account.never_placed(order))
