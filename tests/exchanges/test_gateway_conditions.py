"""What every gateway makes of an exchange that shows things late, turns clients away, or is under maintenance."""

import time
from decimal import Decimal

import pytest

from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import Cancelled, NotFound, Placed, Refused, Unclear
from orderwright.exchanges.gateway import ExchangeUnavailable
from orderwright.moments import SECOND
from tests.exchanges.conftest import Floor
from tests.exchanges.paper_process import cancel, look, place, quote


def test_an_accepted_order_can_be_invisible_for_a_while(floor: Floor) -> None:
    floor.conditions(visibility_lag=60 * SECOND)
    effect = place("sell", "0.1", "105000")
    placed = floor.trader.place(effect)
    assert isinstance(placed, Placed), "the answer does not lag"
    for number in (None, placed.order.exchange_order_id):
        assert floor.trader.look(look(effect.order_id, exchange_order_id=number)) == NotFound()
    assert floor.listed() == []
    floor.conditions()
    assert floor.seen(effect.order_id).status is OrderStatus.NEW
    assert floor.listed() == [placed.order.exchange_order_id]


def test_an_invisible_order_becomes_visible_by_itself(floor: Floor) -> None:
    floor.conditions(visibility_lag=SECOND // 20)
    effect = place("sell", "0.1", "105000")
    floor.trader.place(effect)
    time.sleep(0.06)
    assert floor.seen(effect.order_id).status is OrderStatus.NEW


def test_an_invisible_order_can_be_cancelled(floor: Floor) -> None:
    floor.conditions(visibility_lag=60 * SECOND)
    effect = place("sell", "0.1", "105000")
    floor.trader.place(effect)
    assert isinstance(floor.trader.cancel(cancel(effect.order_id)), Cancelled)


def test_an_accepted_order_can_be_forgotten_and_trades_on(floor: Floor) -> None:
    effect = place("sell", "0.1", "105000")
    number = floor.placed(effect).exchange_order_id
    other = floor.placed(place("sell", "0.1", "107000")).exchange_order_id
    floor.conditions(forgotten=[number])
    for named in (None, number):
        assert floor.trader.look(look(effect.order_id, exchange_order_id=named)) == NotFound()
        assert floor.trader.cancel(cancel(effect.order_id, exchange_order_id=named)) == NotFound()
    assert floor.listed() == [other]
    floor.set_price("BTC/USDT", "106000")
    assert floor.trader.look(look(effect.order_id)) == NotFound()
    floor.conditions()
    assert floor.seen(effect.order_id).status is OrderStatus.FILLED


def test_a_look_can_be_behind_what_has_happened(floor: Floor) -> None:
    effect = place("sell", "0.1", "105000")
    placed = floor.placed(effect)
    time.sleep(0.1)
    floor.set_price("BTC/USDT", "106000")
    floor.conditions(staleness=SECOND // 20)
    assert floor.seen(effect.order_id) == placed
    assert floor.listed() == [placed.exchange_order_id]
    time.sleep(0.06)
    assert floor.seen(effect.order_id).status is OrderStatus.FILLED
    assert floor.listed() == []


def test_who_asks_too_much_is_turned_away_and_nothing_is_done(floor: Floor) -> None:
    resting = floor.placed(place("sell", "0.1", "105000"))
    floor.conditions(rate_limit={"requests": 0, "per": SECOND})
    placed = floor.trader.place(place("sell", "0.1"))
    assert isinstance(placed, Refused)
    assert placed.code == "rate_limited"
    assert placed.again_after is not None
    assert 0 <= placed.again_after <= SECOND
    assert "again in" in placed.error
    cancelled = floor.trader.cancel(cancel(resting.client_order_id))
    assert isinstance(cancelled, Refused)
    assert cancelled.code == "rate_limited"
    assert cancelled.again_after is not None
    assert isinstance(floor.trader.look(look(resting.client_order_id)), Unclear)
    with pytest.raises(ExchangeUnavailable):
        floor.trader.gateway.open_orders()
    with pytest.raises(ExchangeUnavailable):
        floor.trader.gateway.balances()
    floor.conditions()
    assert floor.listed() == [resting.exchange_order_id]
    assert len(floor.books().orders) == 1


def test_a_client_id_turned_away_for_too_many_requests_can_be_sent_again(floor: Floor) -> None:
    floor.conditions(rate_limit={"requests": 0})
    effect = place("sell", "0.1")
    assert isinstance(floor.trader.place(effect), Refused)
    floor.conditions()
    assert isinstance(floor.trader.place(place("sell", "0.1", order_id=effect.order_id)), Placed)


def test_the_limit_is_each_accounts_own(floor: Floor) -> None:
    other = floor.gateway_of("other")
    floor.conditions(rate_limit={"requests": 2, "per": 3_600 * SECOND})
    for _ in range(2):
        floor.trader.gateway.open_orders()
    with pytest.raises(ExchangeUnavailable):
        floor.trader.gateway.open_orders()
    assert other.open_orders() == ()


def test_under_maintenance_no_order_is_taken_but_cancels_and_questions_are(floor: Floor) -> None:
    resting = floor.placed(place("sell", "0.1", "105000"))
    floor.conditions(maintenance="refusing")
    refused = floor.trader.place(place("sell", "0.1"))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.again_after) == ("exchange_maintenance", 0)
    assert floor.listed() == [resting.exchange_order_id]
    assert isinstance(floor.trader.cancel(cancel(resting.client_order_id)), Cancelled)


def test_an_exchange_that_is_away_for_maintenance_leaves_everything_unclear(floor: Floor) -> None:
    resting = floor.placed(place("sell", "0.1", "105000"))
    floor.conditions(maintenance="unavailable")
    assert isinstance(floor.trader.place(place("sell", "0.1")), Unclear)
    assert isinstance(floor.trader.cancel(cancel(resting.client_order_id)), Unclear)
    assert isinstance(floor.trader.look(look(resting.client_order_id)), Unclear)
    assert isinstance(floor.trader.quote(quote("BTC/USDT")), Unclear)
    with pytest.raises(ExchangeUnavailable):
        floor.trader.gateway.balances()
    floor.conditions()
    assert [order.filled for order in floor.books().orders] == [Decimal(0)]
