"""What every gateway to a paper exchange must do, in-process and over HTTP."""

from decimal import Decimal

import pytest

from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import Cancelled, ExchangeOrder, NotFound, Placed, Refused, Unclear
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.traits import ClientIdRule
from tests.exchanges.conftest import Floor
from tests.exchanges.paper_process import cancel, look, new_id, place, quote

FUTURES = MarketType.FUTURES


def test_the_traits_say_what_the_exchange_can_do(floor: Floor) -> None:
    traits = floor.trader.gateway.traits
    assert traits.client_id_unique is ClientIdRule.ALWAYS
    assert traits.lookup_by_client_id
    assert traits.request_expiry
    assert not traits.native_stops


def test_the_markets_are_loaded_after_opening(floor: Floor) -> None:
    spot = {market.symbol for market in floor.trader.gateway.instruments(MarketType.SPOT)}
    futures = {market.symbol: market for market in floor.trader.gateway.instruments(FUTURES)}
    assert {"BTC/USDT", "ETH/USDT", "XRP/USDT", "SOL/USDT", "BTC/KRW", "ETH/KRW", "XRP/KRW"} == spot
    assert {"BTC/USDT", "ETH/USDT", "XRP/USDT", "SOL/USDT"} == set(futures)
    assert futures["BTC/USDT"].step == Decimal("0.001")
    assert floor.trader.gateway.instruments(MarketType.STOCK) == ()


def test_a_market_order_fills_at_the_current_price(floor: Floor) -> None:
    effect = place("buy", "0.1")
    placed = floor.trader.place(effect)
    assert isinstance(placed, Placed)
    assert placed.order.client_order_id == effect.order_id
    assert placed.order.status is OrderStatus.FILLED
    assert placed.order.filled == Decimal("0.1")
    (fill,) = placed.order.fills
    assert (fill.amount, fill.price, fill.fee, fill.fee_currency) == (
        Decimal("0.1"), Decimal(100_000), Decimal(10), "USDT",
    )  # fmt: skip
    assert floor.trader.gateway.balances() == {"USDT": Decimal(89_990), "BTC": Decimal("1.1")}


def test_a_limit_order_that_crosses_fills_at_once_at_the_better_price(floor: Floor) -> None:
    placed = floor.trader.place(place("sell", "0.1", "90000"))
    assert placed.order.status is OrderStatus.FILLED
    assert placed.order.fills[0].price == Decimal(100_000)


def test_a_ladder_above_the_price_rests_and_is_listed(floor: Floor) -> None:
    upper, lower = place("sell", "0.1", "105000"), place("sell", "0.1", "104000")
    assert floor.trader.place(upper).order.status is OrderStatus.NEW
    assert floor.trader.place(lower).order.status is OrderStatus.NEW
    listed = [order.client_order_id for order in floor.trader.gateway.open_orders()]
    assert listed == [upper.order_id, lower.order_id]


def test_a_resting_order_fills_at_its_limit_when_the_price_crosses(floor: Floor) -> None:
    upper, lower = place("sell", "0.1", "105000"), place("sell", "0.1", "104000")
    floor.trader.place(upper)
    floor.trader.place(lower)
    floor.set_price("BTC/USDT", "104500")
    assert floor.trader.look(look(upper.order_id)).status is OrderStatus.NEW
    seen = floor.trader.look(look(lower.order_id))
    assert seen.status is OrderStatus.FILLED
    assert [fill.price for fill in seen.fills] == [Decimal(104_000)]
    assert [order.client_order_id for order in floor.trader.gateway.open_orders()] == [upper.order_id]


@pytest.mark.parametrize("by_exchange_id", [False, True])
def test_an_order_is_cancelled_by_either_id(floor: Floor, by_exchange_id: bool) -> None:  # noqa: FBT001 - a parameter
    placed = floor.trader.place(place("buy", "0.1", "90000"))
    number = placed.order.exchange_order_id
    effect = cancel(placed.order.client_order_id, exchange_order_id=number if by_exchange_id else None)
    cancelled = floor.trader.cancel(effect)
    assert isinstance(cancelled, Cancelled)
    assert cancelled.order is not None
    assert cancelled.order.status is OrderStatus.CANCELLED
    assert floor.trader.gateway.open_orders() == ()


def test_a_cancel_of_an_ended_or_an_unknown_order_is_not_found(floor: Floor) -> None:
    filled = floor.trader.place(place("buy", "0.1"))
    assert floor.trader.cancel(cancel(filled.order.client_order_id)) == NotFound()
    assert floor.trader.cancel(cancel("never0sent")) == NotFound()


def test_a_look_finds_open_and_ended_orders_with_their_fills(floor: Floor) -> None:
    open_one = floor.trader.place(place("buy", "0.1", "90000")).order
    ended_one = floor.trader.place(place("buy", "0.1")).order
    assert floor.trader.look(look(open_one.client_order_id)) == open_one
    assert floor.trader.look(look(ended_one.client_order_id)) == ended_one
    by_number = look("whatever", exchange_order_id=ended_one.exchange_order_id)
    assert floor.trader.look(by_number) == ended_one


def test_a_look_at_an_order_that_never_arrived_is_not_found(floor: Floor) -> None:
    assert floor.trader.look(look("never0sent")) == NotFound()


def test_a_second_order_with_the_same_client_id_is_doubt_and_places_nothing(floor: Floor) -> None:
    first = place("buy", "0.1")
    floor.trader.place(first)
    again = floor.trader.place(place("buy", "500", order_id=first.order_id))
    assert isinstance(again, Unclear)
    assert "was used before" in again.reason
    assert [len(account.orders) for account in floor.books().accounts] == [1]


def test_two_accounts_do_not_see_each_other(floor: Floor) -> None:
    other = floor.gateway_of("A2")
    order_id = new_id()
    floor.trader.place(place("buy", "0.1", "90000", order_id=order_id))
    assert other.open_orders() == ()
    assert other.balances() == {"USDT": Decimal(100_000), "BTC": Decimal(1)}


@pytest.mark.parametrize(
    ("amount", "price", "words"),
    [
        ("0.000005", "90000", "step"),
        ("0.1", "90000.005", "tick"),
        ("0.00001", "90000", "notional"),
        ("-1", "90000", "step"),
        ("0.1", "-1", "price above zero"),
        ("1000000000000000", "90000", "too large"),
        ("NaN", "90000", "no number"),
        ("0.1", "Infinity", "no number"),
    ],
)
def test_an_order_against_the_markets_rules_is_refused(floor: Floor, amount: str, price: str, words: str) -> None:
    refused = floor.trader.place(place("buy", amount, price))
    assert isinstance(refused, Refused)
    assert refused.code == "exchange_rejected"
    assert words in refused.error


def test_an_unknown_market_is_refused(floor: Floor) -> None:
    refused = floor.trader.place(place("buy", "1", "1", symbol="DOGE/USDT"))
    assert refused == Refused(code="exchange_rejected", error="there is no market DOGE/USDT")


def test_a_symbol_in_two_markets_needs_the_market_type(floor: Floor) -> None:
    refused = floor.trader.place(place("buy", "0.1", market_type=None))
    assert isinstance(refused, Refused)
    assert "several markets" in refused.error
    assert isinstance(floor.trader.place(place("buy", "1", "1", symbol="BTC/KRW", market_type=None)), Refused)


@pytest.mark.parametrize(("side", "amount"), [("buy", "1"), ("sell", "1.1")])
def test_spot_orders_beyond_the_balance_are_refused_in_the_exchanges_words(
    floor: Floor, side: str, amount: str
) -> None:
    refused = floor.trader.place(place(side, amount))
    assert isinstance(refused, Refused)
    assert refused.code == "exchange_rejected"
    assert refused.error.startswith("insufficient balance: ")


def test_what_a_resting_order_locks_is_not_free_for_another(floor: Floor) -> None:
    floor.trader.place(place("sell", "0.6", "105000"))
    assert isinstance(floor.trader.place(place("sell", "0.6", "105000")), Refused)


def test_a_stop_order_is_refused_as_unsupported(floor: Floor) -> None:
    refused = floor.trader.place(place("sell", "0.1", "90000", order_type=OrderType.STOP_LIMIT))
    assert isinstance(refused, Refused)
    assert refused.code == "unsupported_by_exchange"


def test_an_order_after_its_time_is_refused_as_expired(floor: Floor) -> None:
    refused = floor.trader.place(place("buy", "0.1", valid_for=-1))
    assert isinstance(refused, Refused)
    assert refused.code == "expired"
    assert floor.trader.gateway.balances()["BTC"] == 1


def test_a_futures_short_nets_with_what_is_bought_back(floor: Floor) -> None:
    floor.trader.place(place("sell", "0.5", market_type=FUTURES))
    (position,) = floor.books().accounts[0].positions
    assert position.amount == Decimal("-0.5")
    floor.set_price("BTC/USDT", "90000")
    floor.trader.place(place("buy", "0.5", market_type=FUTURES))
    assert floor.books().accounts[0].positions == ()
    assert floor.trader.gateway.balances()["USDT"] == Decimal(100_000) + 5_000 - 50 - 45


def test_a_futures_order_beyond_the_margin_is_refused(floor: Floor) -> None:
    refused = floor.trader.place(place("buy", "20", market_type=FUTURES))
    assert isinstance(refused, Refused)
    assert refused.error.startswith("insufficient margin: ")
    assert isinstance(floor.trader.place(place("buy", "10", market_type=FUTURES)), Placed)


def test_a_position_can_be_closed_without_margin_but_only_once(floor: Floor) -> None:
    floor.trader.place(place("buy", "10", market_type=FUTURES))
    closing = floor.trader.place(place("sell", "10", "105000", market_type=FUTURES))
    assert isinstance(closing, Placed)
    again = floor.trader.place(place("sell", "10", "105000", market_type=FUTURES))
    assert isinstance(again, Refused)
    assert again.error.startswith("insufficient margin: ")


def test_reduce_only_without_a_position_is_refused(floor: Floor) -> None:
    refused = floor.trader.place(place("sell", "0.1", market_type=FUTURES, reduce_only=True))
    assert isinstance(refused, Refused)
    assert "no BTC/USDT position to reduce" in refused.error


def test_reduce_only_never_flips_a_position(floor: Floor) -> None:
    floor.trader.place(place("buy", "0.2", market_type=FUTURES))
    placed = floor.trader.place(place("sell", "0.5", market_type=FUTURES, reduce_only=True))
    assert placed.order.filled == Decimal("0.2")
    assert placed.order.status is OrderStatus.CANCELLED
    assert floor.books().accounts[0].positions == ()


def test_a_resting_reduce_only_order_ends_when_nothing_is_left_to_reduce(floor: Floor) -> None:
    floor.trader.place(place("buy", "0.2", market_type=FUTURES))
    resting = place("sell", "0.2", "105000", market_type=FUTURES, reduce_only=True)
    floor.trader.place(resting)
    floor.trader.place(place("sell", "0.2", market_type=FUTURES))
    floor.set_price("BTC/USDT", "106000")
    seen = floor.trader.look(look(resting.order_id))
    assert isinstance(seen, ExchangeOrder)
    assert (seen.status, seen.filled) == (OrderStatus.CANCELLED, Decimal(0))


@pytest.mark.parametrize("spelling", ["BTC/USDT", "BTCUSDT", "BINANCE:BTCUSDT", "BTCUSDT.P"])
def test_a_price_is_found_however_the_symbol_is_spelled(floor: Floor, spelling: str) -> None:
    answer = floor.trader.quote(quote(spelling))
    assert isinstance(answer, Quote)
    assert (answer.symbol, answer.price) == ("BTC/USDT", Decimal(100_000))


def test_the_price_of_an_unknown_symbol_is_unclear(floor: Floor) -> None:
    assert isinstance(floor.trader.quote(quote("NOTHING")), Unclear)


def test_the_books_number_requests_in_the_order_they_were_acted_on(floor: Floor) -> None:
    first, second = place("sell", "0.1", "105000"), place("sell", "0.1", "104000")
    floor.trader.place(first)
    floor.trader.cancel(cancel(first.order_id))
    floor.trader.place(second)
    floor.trader.place(place("sell", "50", order_id=new_id()))
    arrivals = floor.books().arrivals
    assert [arrival.sequence for arrival in arrivals] == [1, 2, 3, 4]
    assert [(arrival.operation, arrival.answer) for arrival in arrivals] == [
        ("place", "placed"),
        ("cancel", "cancelled"),
        ("place", "placed"),
        ("place", "exchange_rejected"),
    ]
    assert arrivals[2].client_order_id == second.order_id


def test_declared_balances_count_the_first_time_only(floor: Floor) -> None:
    floor.trader.place(place("buy", "0.1"))
    before = floor.trader.gateway.balances()
    assert floor.gateway_of("A1").balances() == before


def test_the_side_and_amount_come_back_as_they_were_sent(floor: Floor) -> None:
    order = floor.trader.place(place("sell", "0.10", "105000")).order
    assert (order.side, order.amount, order.symbol) == (Side.SELL, Decimal("0.1"), "BTC/USDT")
