"""What every gateway to a paper exchange must do, in-process and over HTTP, whichever exchange it is like."""

from decimal import Decimal

import pytest

from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import Cancelled, NotFound, Placed, Refused, Unclear
from orderwright.engine.signals import Side
from orderwright.engine.traits import ClientIdRule
from orderwright.exchanges.paper.records import Balance
from tests.exchanges.conftest import BALANCES, Floor
from tests.exchanges.paper_process import cancel, look, place, quote


def test_the_traits_are_those_of_the_exchange_it_is_like(floor: Floor) -> None:
    assert floor.traits == floor.profile.traits
    assert floor.traits.native_stops == bool(floor.profile.stops)


def test_the_markets_are_loaded_after_opening(floor: Floor) -> None:
    gateway = floor.trader.gateway
    spot = {market.symbol for market in gateway.instruments(MarketType.SPOT)}
    assert spot == {"BTC/USDT", "ETH/USDT", "XRP/USDT", "SOL/USDT", "BTC/KRW", "ETH/KRW", "XRP/KRW"}
    futures = {market.symbol: market.step for market in gateway.instruments(MarketType.FUTURES)}
    if MarketType.FUTURES in floor.profile.market_types:
        assert set(futures) == {"BTC/USDT", "ETH/USDT", "XRP/USDT", "SOL/USDT"}
        assert futures["BTC/USDT"] == Decimal("0.001")
    else:
        assert futures == {}
    assert gateway.instruments(MarketType.STOCK) == ()


def test_an_answer_to_a_placement_tells_of_fills_only_where_the_exchange_does(floor: Floor) -> None:
    effect = place("sell", "0.1")
    placed = floor.trader.place(effect)
    assert isinstance(placed, Placed)
    if floor.profile.traits.tells_at_once:
        assert placed.order == floor.seen(effect.order_id)
    else:
        assert (placed.order.status, placed.order.filled, placed.order.fills) == (OrderStatus.NEW, Decimal(0), ())
    assert floor.seen(effect.order_id).status is OrderStatus.FILLED


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_market_order_fills_at_the_current_price_for_a_fee(floor: Floor, side: str) -> None:
    order = floor.placed(place(side, "0.1"))
    assert order.status is (floor.profile.market_buy_end if side == "buy" else OrderStatus.FILLED)
    assert order.filled == Decimal("0.1")
    (fill,) = order.fills
    assert (fill.amount, fill.price) == (Decimal("0.1"), Decimal(100_000))
    takes_base = side == "buy" and floor.profile.fee_in_base
    assert (fill.fee, fill.fee_currency) == ((Decimal("0.0001"), "BTC") if takes_base else (Decimal(10), "USDT"))
    expected = dict(BALANCES)
    expected["BTC"] += order.side.signed(fill.amount)
    expected["USDT"] -= order.side.signed(fill.amount * fill.price)
    expected[fill.fee_currency] -= fill.fee
    assert floor.trader.gateway.balances() == expected


def test_a_limit_order_that_crosses_fills_at_once_at_the_better_price(floor: Floor) -> None:
    order = floor.placed(place("sell", "0.1", "90000"))
    assert order.status is OrderStatus.FILLED
    assert [fill.price for fill in order.fills] == [Decimal(100_000)]


def test_a_ladder_above_the_price_rests_and_is_listed(floor: Floor) -> None:
    upper, lower = place("sell", "0.1", "105000"), place("sell", "0.1", "104000")
    assert floor.placed(upper).status is OrderStatus.NEW
    assert floor.placed(lower).status is OrderStatus.NEW
    listed = [order.client_order_id for order in floor.trader.gateway.open_orders()]
    assert listed == [upper.order_id, lower.order_id]


def test_a_resting_order_fills_at_its_limit_when_the_price_crosses(floor: Floor) -> None:
    upper, lower = place("sell", "0.1", "105000"), place("sell", "0.1", "104000")
    floor.placed(upper)
    floor.placed(lower)
    floor.set_price("BTC/USDT", "104500")
    assert floor.seen(upper.order_id).status is OrderStatus.NEW
    seen = floor.seen(lower.order_id)
    assert seen.status is OrderStatus.FILLED
    assert [fill.price for fill in seen.fills] == [Decimal(104_000)]
    assert floor.listed() == [floor.seen(upper.order_id).exchange_order_id]


@pytest.mark.parametrize("by_exchange_id", [False, True])
def test_an_order_is_cancelled_by_either_id(floor: Floor, by_exchange_id: bool) -> None:  # noqa: FBT001 - a parameter
    placed = floor.placed(place("buy", "0.1", "90000"))
    number = placed.exchange_order_id if by_exchange_id else None
    cancelled = floor.trader.cancel(cancel(placed.client_order_id, exchange_order_id=number))
    assert isinstance(cancelled, Cancelled)
    assert floor.seen(placed.client_order_id).status is OrderStatus.CANCELLED
    told = floor.seen(placed.client_order_id) if floor.profile.traits.tells_at_once else None
    assert cancelled.order == told
    assert floor.listed() == []


def test_a_cancel_of_an_ended_or_an_unknown_order_is_not_found(floor: Floor) -> None:
    filled = floor.placed(place("sell", "0.1"))
    assert floor.trader.cancel(cancel(filled.client_order_id)) == NotFound()
    assert floor.trader.cancel(cancel("never0sent")) == NotFound()


@pytest.mark.parametrize("by_exchange_id", [False, True])
def test_a_look_finds_ended_orders_with_their_fills(floor: Floor, by_exchange_id: bool) -> None:  # noqa: FBT001 - a parameter
    order = floor.placed(place("sell", "0.1"))
    number = order.exchange_order_id if by_exchange_id else None
    seen = floor.trader.look(look(order.client_order_id, exchange_order_id=number))
    assert seen == order
    assert len(seen.fills) == 1


def test_a_look_at_an_order_that_never_arrived_is_not_found(floor: Floor) -> None:
    assert floor.trader.look(look("never0sent")) == NotFound()


def test_a_second_order_with_the_client_id_of_an_open_one_is_doubt_and_places_nothing(floor: Floor) -> None:
    first = floor.placed(place("buy", "0.1", "90000"))
    again = floor.trader.place(place("buy", "500", order_id=OrderId(first.client_order_id)))
    assert isinstance(again, Unclear)
    assert len(floor.books().orders) == 1


def test_a_client_id_comes_again_after_its_order_filled_only_where_ids_are_unique_among_open_orders(
    floor: Floor,
) -> None:
    first = floor.placed(place("sell", "0.1"))
    again = floor.trader.place(place("sell", "0.1", order_id=OrderId(first.client_order_id)))
    if floor.traits.client_id_unique is ClientIdRule.OPEN_ONLY:
        assert isinstance(again, Placed), "this is what makes a second send a second trade"
        assert floor.seen(first.client_order_id).exchange_order_id == again.order.exchange_order_id
        assert floor.seen(first.client_order_id, exchange_order_id=first.exchange_order_id) == first
    else:
        assert isinstance(again, Unclear)


def test_a_client_id_is_used_up_by_a_refusal_only_where_failures_consume_it(floor: Floor) -> None:
    refused = place("sell", "50")
    assert isinstance(floor.trader.place(refused), Refused)
    again = floor.trader.place(place("sell", "0.1", order_id=refused.order_id))
    is_consumed = floor.traits.client_id_unique is ClientIdRule.CONSUMED_ON_FAILURE
    assert isinstance(again, Unclear if is_consumed else Placed)


def test_two_accounts_do_not_see_each_other(floor: Floor) -> None:
    other = floor.gateway_of("other")
    mine = floor.placed(place("sell", "0.1", "105000"))
    assert other.open_orders() == ()
    assert other.balances() == BALANCES
    assert floor.listed() == [mine.exchange_order_id]


AGAINST_THE_RULES = (
    ("0.000005", "90000"),
    ("0.1", "90000.005"),
    ("0.00001", "90000"),
    ("-1", "90000"),
    ("0.1", "-1"),
    ("1000000000000000", "90000"),
    ("NaN", "90000"),
    ("0.1", "Infinity"),
)


def test_an_order_against_the_markets_rules_is_refused(floor: Floor) -> None:
    for amount, price in AGAINST_THE_RULES:
        refused = floor.trader.place(place("buy", amount, price))
        assert isinstance(refused, Refused), (amount, price)
        assert refused.code == "exchange_rejected"
        assert refused.error
    assert floor.books().orders == ()


def test_an_unknown_market_is_refused(floor: Floor) -> None:
    refused = floor.trader.place(place("buy", "1", "1", symbol="DOGE/USDT"))
    assert isinstance(refused, Refused)
    assert refused.code == "exchange_rejected"


def test_a_symbol_in_two_markets_needs_the_market_type(floor: Floor) -> None:
    floor.needs_futures()
    assert isinstance(floor.trader.place(place("sell", "0.1", market_type=None)), Refused)
    assert isinstance(floor.trader.place(place("sell", "0.1")), Placed)


def test_spot_orders_beyond_the_balance_are_refused(floor: Floor) -> None:
    for side in ("buy", "sell"):
        refused = floor.trader.place(place(side, "1.1"))
        assert isinstance(refused, Refused), side
        assert refused.code == "exchange_rejected"
    assert floor.trader.gateway.balances() == BALANCES


def test_what_a_resting_order_locks_is_not_free_for_another(floor: Floor) -> None:
    floor.placed(place("sell", "0.6", "105000"))
    assert isinstance(floor.trader.place(place("sell", "0.6", "105000")), Refused)
    assert floor.books().balances["BTC"] == Balance(total=Decimal(1), locked=Decimal("0.6"))


def test_a_resting_order_fills_in_parts_as_far_as_each_price_offers_something(floor: Floor) -> None:
    floor.conditions(depth={"BTC/USDT": "0.05"})
    effect = place("sell", "0.12", "105000")
    floor.placed(effect)
    seen = []
    for price in ("105001", "105002", "105003"):
        floor.set_price("BTC/USDT", price)
        order = floor.seen(effect.order_id)
        seen.append((order.status, order.filled, len(order.fills)))
        assert floor.books().balances["BTC"].locked == Decimal("0.12") - order.filled
    assert seen == [
        (OrderStatus.PARTIALLY_FILLED, Decimal("0.05"), 1),
        (OrderStatus.PARTIALLY_FILLED, Decimal("0.1"), 2),
        (OrderStatus.FILLED, Decimal("0.12"), 3),
    ]
    assert {fill.price for fill in order.fills} == {Decimal(105_000)}


def test_a_market_order_takes_what_is_there_and_its_rest_ends(floor: Floor) -> None:
    floor.conditions(depth={"BTC/USDT": "0.05"})
    order = floor.placed(place("sell", "0.12"))
    assert order.status is floor.profile.market_rest
    assert [fill.amount for fill in order.fills] == [Decimal("0.05")]
    assert floor.books().balances["BTC"] == Balance(total=Decimal("0.95"))


def test_the_rest_of_a_limit_order_that_crossed_stays_at_its_limit(floor: Floor) -> None:
    floor.conditions(depth={"BTC/USDT": "0.05"})
    order = floor.placed(place("sell", "0.06", "99000"))
    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.05"))
    floor.set_price("BTC/USDT", "100001")
    seen = floor.seen(order.client_order_id)
    assert [(fill.amount, fill.price) for fill in seen.fills] == [
        (Decimal("0.05"), Decimal(100_000)),
        (Decimal("0.01"), Decimal(99_000)),
    ]


def test_a_partly_filled_order_is_cancelled_with_its_fills(floor: Floor) -> None:
    floor.conditions(depth={"BTC/USDT": "0.05"})
    order = floor.placed(place("sell", "0.12", "99000"))
    assert isinstance(floor.trader.cancel(cancel(order.client_order_id)), Cancelled)
    seen = floor.seen(order.client_order_id)
    assert (seen.status, seen.filled, len(seen.fills)) == (OrderStatus.CANCELLED, Decimal("0.05"), 1)
    assert floor.books().balances["BTC"] == Balance(total=Decimal("0.95"))


def test_an_order_after_its_time_is_not_sent(floor: Floor) -> None:
    refused = floor.trader.place(place("sell", "0.1", valid_for=-1))
    assert isinstance(refused, Refused)
    assert refused.code == "expired"
    assert floor.books().orders == ()


def test_a_price_is_found_however_the_symbol_is_spelled(floor: Floor) -> None:
    for spelling in ("BTC/USDT", "BTCUSDT", "BINANCE:BTCUSDT", "BTCUSDT.P"):
        answer = floor.trader.quote(quote(spelling))
        assert isinstance(answer, Quote), spelling
        assert (answer.symbol, answer.price) == ("BTC/USDT", Decimal(100_000))


def test_the_price_of_an_unknown_symbol_is_unclear(floor: Floor) -> None:
    assert isinstance(floor.trader.quote(quote("NOTHING")), Unclear)


def test_prices_of_a_script_come_in_order_and_none_is_missed(floor: Floor) -> None:
    resting = place("sell", "0.1", "105000")
    floor.placed(resting)
    floor.script("BTC/USDT", (0, "106000"), (1, "99000"))
    while floor.trader.quote(quote("BTC/USDT")).price != 99_000:
        pass
    seen = floor.seen(resting.order_id)
    assert seen.status is OrderStatus.FILLED, "by a price that was there for a millisecond"
    assert seen.fills[0].price == Decimal(105_000)


def test_the_books_number_requests_in_the_order_they_were_acted_on(floor: Floor) -> None:
    first, second = place("sell", "0.1", "105000"), place("sell", "0.1", "104000")
    floor.placed(first)
    floor.trader.cancel(cancel(first.order_id))
    floor.placed(second)
    floor.trader.place(place("sell", "50"))
    arrivals = floor.arrivals()
    assert [arrival.sequence for arrival in arrivals] == sorted(arrival.sequence for arrival in arrivals)
    assert [(arrival.operation, arrival.answer) for arrival in arrivals] == [
        ("place", "placed"),
        ("cancel", "cancelled"),
        ("place", "placed"),
        ("place", "exchange_rejected"),
    ]
    assert arrivals[2].client_order_id == second.order_id


def test_declared_balances_count_the_first_time_only(floor: Floor) -> None:
    other = floor.gateway_of("")
    floor.placed(place("sell", "0.1"))
    before = floor.trader.gateway.balances()
    assert before != BALANCES
    assert other.balances() == before
    assert floor.gateway_of("").balances() == before


def test_the_side_and_amount_come_back_as_they_were_sent(floor: Floor) -> None:
    answer = floor.trader.place(place("sell", "0.10", "105000"))
    assert (answer.order.side, answer.order.amount, answer.order.symbol) == (Side.SELL, Decimal("0.1"), "BTC/USDT")
