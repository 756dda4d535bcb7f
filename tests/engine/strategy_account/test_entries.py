"""Entries: how much is bought or sold short, at which price it is sized, and what is refused."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.orders import Purpose
from orderwright.engine.outcomes import FetchQuote, PlaceOrder, QuoteAnswered
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.engine.strategy_account.effects import outstanding
from orderwright.engine.strategy_account.events import OrderRequested
from orderwright.moments import SECOND, Micros
from tests.engine.given import (
    StrategyAccountUnderTest,
    buy,
    cancel_all,
    close,
    kinds,
    market,
    refusals,
    requests,
    sell,
)

SPOT, FUTURES, STOCK = MarketType.SPOT, MarketType.FUTURES, MarketType.STOCK


def the_request(account: StrategyAccountUnderTest, item: Instruction) -> OrderRequested:
    (request,) = requests(account.signal(item))
    return request


def test_spot_buys_a_percentage_of_capital() -> None:
    account = StrategyAccountUnderTest(SPOT, capital="1000", price="100")
    assert the_request(account, buy("25")).amount == Decimal("2.5")


def test_futures_multiply_by_leverage() -> None:
    account = StrategyAccountUnderTest(FUTURES, capital="1000", leverage="3", price="100")
    request = the_request(account, sell("25"))
    assert (request.side, request.amount) == (Side.SELL, Decimal("7.5"))
    assert request.inputs["leverage"] == 3


def test_stocks_are_counted_in_shares() -> None:
    shares = market("005930", STOCK, step="1", tick="100", min_amount="1", min_notional="0")
    account = StrategyAccountUnderTest(STOCK, capital="1000000", price="70000", markets=(shares,))
    assert the_request(account, buy("12", symbol="005930")).amount == 12


def test_an_absolute_quantity_needs_no_arithmetic() -> None:
    account = StrategyAccountUnderTest(capital="1000", price="100")
    assert the_request(account, buy(qty="1.2345")).amount == Decimal("1.234")


def test_the_amount_is_rounded_down_to_the_step() -> None:
    account = StrategyAccountUnderTest(SPOT, capital="1000", price="300")
    assert the_request(account, buy("100")).amount == Decimal("3.333")


def test_a_limit_is_rounded_to_the_tick_and_sized_at_that() -> None:
    account = StrategyAccountUnderTest(SPOT, capital="1000", price=None)
    request = the_request(account, buy("100", price="100.06"))
    assert request.price == request.reference_price == Decimal(100)
    assert request.amount == 10


def test_a_limit_that_rounds_to_nothing_is_refused() -> None:
    account = StrategyAccountUnderTest(SPOT)
    assert refusals(account.signal(buy("100", price="0.04"))) == ["invalid_field"]


@pytest.mark.parametrize(
    "item", [buy("0.04"), buy(qty="0.0009"), buy(qty="0.049")], ids=["percent", "step", "notional"]
)
def test_below_the_minimum_is_refused_and_never_rounded_up(item: Instruction) -> None:
    account = StrategyAccountUnderTest(SPOT, price="100")
    assert refusals(account.signal(item)) == ["below_minimum"]


def test_a_minimum_amount_binds_whatever_it_is_worth() -> None:
    account = StrategyAccountUnderTest(markets=(market(min_amount="2"),))
    assert refusals(account.signal(buy(qty="1.999"))) == ["below_minimum"]
    assert requests(account.signal(buy(qty="2")))


def test_more_than_100_percent_is_for_futures_only() -> None:
    spot = StrategyAccountUnderTest(SPOT)
    assert refusals(spot.signal(buy("101"))) == ["invalid_field"]
    futures = StrategyAccountUnderTest(FUTURES, capital="1000", leverage="2")
    assert refusals(futures.signal(buy("101"))) == ["insufficient_capital"]


def test_all_of_the_capital_can_be_used_once() -> None:
    for kind, leverage in ((SPOT, "1"), (FUTURES, "3")):
        account = StrategyAccountUnderTest(kind, capital="1000", leverage=leverage, price="7")
        assert requests(account.signal(buy("100")))


def test_no_capital_in_the_quote_currency_is_refused() -> None:
    account = StrategyAccountUnderTest(SPOT, markets=(market("BTC/USDT", SPOT), market("BTC/KRW", SPOT)))
    account.state.capital.pop("KRW")
    assert refusals(account.signal(buy("10", symbol="BTC/KRW"))) == ["insufficient_capital"]


def test_positions_open_orders_and_orders_in_doubt_tie_up_capital() -> None:
    account = StrategyAccountUnderTest(SPOT, capital="1000", price="100")
    account.bought("4")
    account.rests(buy(qty="3", price="90"))
    account.signal(buy(qty="2"))
    account.unclear(account.orders[-1])
    assert refusals(account.signal(buy(qty="1.31"))) == ["insufficient_capital"]
    assert requests(account.signal(buy(qty="1.3")))


def test_a_short_ties_up_capital_too() -> None:
    account = StrategyAccountUnderTest(FUTURES, capital="1000", leverage="2", price="100")
    account.sold("15")
    assert refusals(account.signal(sell(qty="5.001"))) == ["insufficient_capital"]
    assert requests(account.signal(sell(qty="5")))


def test_a_partly_filled_order_ties_up_its_position_and_its_rest() -> None:
    account = StrategyAccountUnderTest(SPOT, capital="1000", price="100")
    order = account.rests(buy(qty="10", price="50"))
    account.filled(order, price="50")
    account.rests(buy(qty="4", price="100"))
    assert refusals(account.signal(buy(qty="1.001"))) == ["insufficient_capital"]
    assert requests(account.signal(buy(qty="1")))


def test_capital_in_another_currency_is_another_capital() -> None:
    account = StrategyAccountUnderTest(
        SPOT, capital="1000", markets=(market("BTC/USDT", SPOT), market("BTC/USDC", SPOT))
    )
    account.bought("10")
    assert requests(account.signal(buy("100", symbol="BTC/USDC")))


def test_dust_that_a_fee_left_behind_ties_up_nothing() -> None:
    account = StrategyAccountUnderTest(SPOT, capital="1000", price="100")
    account.signal(buy("100"))
    account.filled(account.order, fee="0.0105", fee_currency="BTC")
    account.signal(close())
    account.filled(account.order)
    assert account.holds() == Decimal("0.0005")
    assert the_request(account, buy("100")).amount == 10


def test_a_reversal_needs_capital_for_what_it_adds() -> None:
    account = StrategyAccountUnderTest(FUTURES, capital="1000", price="100")
    account.bought("6")
    assert refusals(account.signal(sell(qty="16.001"))) == ["insufficient_capital"]
    assert requests(account.signal(sell(qty="16")))


def test_what_only_reduces_needs_no_capital() -> None:
    account = StrategyAccountUnderTest(FUTURES, capital="1000", price="100")
    account.bought("10")
    assert the_request(account, sell("100")).purpose is Purpose.ENTRY


def test_at_most_so_many_positions() -> None:
    account = StrategyAccountUnderTest(max_positions=1)
    account.rests(buy(qty="1", price="90"))
    assert refusals(account.signal(buy(qty="1", symbol="ETH/USDT"))) == ["max_positions_reached"]
    assert requests(account.signal(buy(qty="1")))


def test_positions_and_orders_that_open_some_are_counted_together() -> None:
    account = StrategyAccountUnderTest(max_positions=2, markets=tuple(market(f"{coin}/USDT") for coin in "ABC"))
    account.bought("1", symbol="A/USDT")
    account.rests(buy(qty="1", price="90", symbol="B/USDT"))
    assert refusals(account.signal(buy(qty="1", symbol="C/USDT"))) == ["max_positions_reached"]
    assert requests(account.signal(buy(qty="1", symbol="A/USDT")))


def test_dust_is_no_position() -> None:
    account = StrategyAccountUnderTest(SPOT, max_positions=1)
    account.bought("1", fee="0.9995", fee_currency="BTC")
    assert requests(account.signal(buy(qty="1", symbol="ETH/USDT")))


def test_spot_sells_only_what_it_holds_and_has_not_on_sale() -> None:
    account = StrategyAccountUnderTest(SPOT, price="100")
    assert refusals(account.signal(sell(qty="1"))) == ["insufficient_position"]
    account.bought("3")
    account.rests(sell(qty="1", price="120"))
    account.signal(sell(qty="1"))
    account.unclear(account.orders[-1])
    account.signal(sell(qty="1.001"))
    assert refusals(account.nothing_new()) == ["insufficient_position"]
    assert requests(account.signal(sell(qty="1")))


def test_futures_may_go_short_and_flip() -> None:
    account = StrategyAccountUnderTest(FUTURES)
    account.sold("1")
    account.bought("3")
    assert account.holds() == 2


def test_an_unknown_and_an_ambiguous_symbol_are_refused() -> None:
    account = StrategyAccountUnderTest(markets=(market("AB/CD"), market("A/BCD")))
    assert refusals(account.signal(buy("1", symbol="DOGE/USDT"))) == ["unknown_symbol"]
    assert refusals(account.signal(buy("1", symbol="ABCD"))) == ["ambiguous_symbol"]


def test_a_tradingview_spelling_is_traded_under_the_markets_name() -> None:
    account = StrategyAccountUnderTest()
    assert the_request(account, buy("1", symbol="BINANCE:BTCUSDT.P")).symbol == "BTC/USDT"


LONGEST = "9" * 18 + "." + "9" * 18


@pytest.mark.parametrize("item", [buy(LONGEST), buy(LONGEST, price=LONGEST), buy(qty=LONGEST), sell(qty=LONGEST)])
def test_the_longest_numbers_are_decided_like_any_others(item: Instruction) -> None:
    finest = market(step="0.000000000000000001", tick="0.000000000000000001")
    account = StrategyAccountUnderTest(leverage="3", capital=LONGEST, price="0.000000000000000007", markets=(finest,))
    events = account.signal(item)
    assert len(refusals(events)) + len(requests(events)) == 1


def test_an_order_carries_everything_that_is_sent() -> None:
    account = StrategyAccountUnderTest()
    request = the_request(account, buy(qty="1", price="90", ref="tp1"))
    (effect,) = account.owes()
    assert effect == PlaceOrder(
        order_id=request.order_id,
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        amount=Decimal(1),
        price=Decimal(90),
        reduce_only=False,
        raises_exposure=True,
        valid_until=Micros(account.now + 10 * SECOND),
        deadline=Micros(account.now + 10 * SECOND),
        market_type=FUTURES,
    )
    assert request.ref == "tp1"


def test_a_market_order_waits_for_a_price_and_only_that_symbols() -> None:
    account = StrategyAccountUnderTest(price=None)
    assert requests(account.signal(buy(qty="1"), buy(qty="1", symbol="ETHUSDT"))) == []
    assert [effect.symbol for effect in account.owes() if isinstance(effect, FetchQuote)] == ["BTC/USDT", "ETH/USDT"]
    assert [request.symbol for request in requests(account.priced("ETH/USDT", "50"))] == ["ETH/USDT"]
    assert [effect.symbol for effect in account.owes() if isinstance(effect, FetchQuote)] == ["BTC/USDT"]
    (request,) = requests(account.priced("BTC/USDT", "100"))
    assert request.reference_price == 100


def test_an_old_price_is_fetched_anew() -> None:
    account = StrategyAccountUnderTest()
    account.now = Micros(account.now + 5 * SECOND)
    assert requests(account.signal(buy(qty="1")))
    account.now = Micros(account.now + 1)
    assert requests(account.signal(buy(qty="1", symbol="ETH/USDT"))) == []
    account.refused(account.order)
    assert isinstance(account.owes()[-1], FetchQuote)


def test_a_price_that_cannot_be_had_refuses_every_leg_that_needs_it_at_once() -> None:
    account = StrategyAccountUnderTest(price=None)
    account.signal(
        buy(qty="1"), buy(qty="2", symbol="BTCUSDT"), buy(qty="1", symbol="ETH/USDT"), buy(qty="1", price="90")
    )
    events = account.priced("BTC/USDT", None)
    assert refusals(events) == ["price_unavailable", "price_unavailable"]
    assert requests(events) == []
    assert [request.price for request in requests(account.priced("ETH/USDT", "10"))] == [None]


@pytest.mark.parametrize(
    ("symbol", "price", "age"), [("ETH/USDT", "100", 0), ("BTC/USDT", "0", 0), ("BTC/USDT", "100", 6)]
)
def test_an_answer_that_is_no_price_is_not_asked_for_again_and_again(symbol: str, price: str, age: int) -> None:
    account = StrategyAccountUnderTest(price=None)
    account.signal(buy(qty="1"))
    quote = Quote(symbol=symbol, price=Decimal(price), at=Micros(account.now - age * SECOND))
    assert refusals(account.when(QuoteAnswered(symbol="BTC/USDT", result=quote))) == ["price_unavailable"]
    assert account.owes() == []


def test_prices_are_not_asked_for_before_anything_can_be_decided_by_them() -> None:
    account = StrategyAccountUnderTest(price=None)
    account.signal(buy(qty="1"))
    rebuilt = replace(account.context, is_reconciled=False)
    assert outstanding(account.state, rebuilt) == []


def test_before_the_markets_are_loaded_every_order_waits_for_them() -> None:
    account = StrategyAccountUnderTest()
    loaded, account.instruments = account.instruments, None
    assert requests(account.signal(buy(qty="1", price="90", symbol="BTCUSDT"))) == []
    assert [effect.symbol for effect in account.owes() if isinstance(effect, FetchQuote)] == ["BTCUSDT"]
    account.instruments = loaded
    assert len(requests(account.priced("BTCUSDT", None))) == 1


def test_markets_that_stay_away_refuse_the_order() -> None:
    account = StrategyAccountUnderTest()
    account.instruments = None
    account.signal(buy(qty="1", price="90"))
    assert refusals(account.priced("BTC/USDT", "90")) == ["price_unavailable"]


def test_a_limit_needs_no_price() -> None:
    account = StrategyAccountUnderTest(price=None)
    assert requests(account.signal(buy("10", price="90")))


def test_entries_expire_long_before_exits_do() -> None:
    account = StrategyAccountUnderTest()
    account.bought("1")
    assert refusals(account.signal(buy(qty="1"), age=60.000001)) == ["signal_expired"]
    assert requests(account.signal(buy(qty="1"), age=60))
    account.refused(account.order)
    assert requests(account.signal(close("50"), age=3600))
    account.refused(account.order)
    assert refusals(account.signal(close(), age=3601)) == ["signal_expired"]
    assert refusals(account.signal(cancel_all(), age=3601)) == ["signal_expired"]
    assert "CancellationEnded" in kinds(account.signal(cancel_all(), age=3600))


def test_an_entry_that_waited_too_long_in_its_batch_expires() -> None:
    account = StrategyAccountUnderTest()
    account.signal(buy(qty="1"), buy(qty="1", price="90"))
    account.later(61)
    assert refusals(account.filled(account.order)) == ["signal_expired"]
