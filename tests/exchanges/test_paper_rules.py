"""What the paper exchange does as time goes by, on a clock that a test turns; and how it is like each real exchange."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import ExchangeOrder, NotFound, Placed, PlaceOrder, Refused, Unclear
from orderwright.engine.traits import Traits
from orderwright.exchanges.paper.answers import order_of
from orderwright.exchanges.paper.books import BOOKS_FILE
from orderwright.exchanges.paper.conditions import Conditions, RateLimit
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.gate import RateLimited
from orderwright.exchanges.paper.gateway import PaperGateway
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.prices import FixedPrices
from orderwright.exchanges.paper.profiles import PLAIN, PROFILES, UnknownProfile
from orderwright.exchanges.paper.records import ComingPrice, NewOrder, OrderKey
from orderwright.moments import DAY, HOUR, SECOND, Micros
from tests.exchanges.conftest import BALANCES
from tests.exchanges.paper_process import Trader, cancel, look, place

START = Micros(1_760_000_000 * SECOND)
FUTURES = MarketType.FUTURES


class Watch:
    """A clock that stands still until a test turns it."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> Micros:
        return self.at

    def turn(self, micros: int) -> None:
        self.at = Micros(self.at + micros)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def open_exchange(tmp_path: Path, watch: Watch) -> Iterator[Callable[..., PaperExchange]]:
    opened: list[PaperExchange] = []

    def open_books(venue: Venue | None = None) -> PaperExchange:
        for exchange in opened:
            exchange.close()
        prices = FixedPrices()
        opened.append(PaperExchange(tmp_path / BOOKS_FILE, clock=watch, prices=prices, venue=venue, tick_interval=60))
        for name in (None, *PROFILES):
            opened[-1].open_account(name or "plain", BALANCES, profile=name)
        return opened[-1]

    yield open_books
    for exchange in opened:
        exchange.close()


def ordered(
    side: str, amount: str, price: str | None = None, *, stop: str | None = None, futures: bool = False
) -> NewOrder:
    """Return an order as it arrives, valid for ten seconds from the start."""
    effect = place(side, amount, price, stop=stop, market_type=FUTURES if futures else MarketType.SPOT)
    return order_of(replace(effect, valid_until=Micros(START + 10 * SECOND)))


def taken(exchange: PaperExchange, account: str, order: NewOrder) -> ExchangeOrder:
    placed = exchange.place(account, order)
    assert isinstance(placed, ExchangeOrder), placed
    return placed


def seen(exchange: PaperExchange, account: str, order: ExchangeOrder) -> ExchangeOrder:
    found = exchange.look(account, OrderKey(exchange_order_id=order.exchange_order_id))
    assert isinstance(found, ExchangeOrder), found
    return found


def test_each_second_offers_the_depth_anew(open_exchange: Callable[..., PaperExchange], watch: Watch) -> None:
    exchange = open_exchange(Venue(conditions=Conditions(depth={"BTC/USDT": Decimal("0.05")})))
    order = taken(exchange, "plain", ordered("sell", "0.12", "99000"))
    for filled in ("0.05", "0.05", "0.1", "0.12"):
        exchange.quote("BTC/USDT")
        assert seen(exchange, "plain", order).filled == Decimal(filled)
        watch.turn(SECOND // 2 if filled == "0.05" else SECOND)
    assert seen(exchange, "plain", order).status is OrderStatus.FILLED


def test_the_depth_is_for_whoever_comes_first_and_for_each_side_and_market(
    open_exchange: Callable[..., PaperExchange],
) -> None:
    exchange = open_exchange(Venue(conditions=Conditions(depth={"BTC/USDT": Decimal("0.05")})))
    assert taken(exchange, "plain", ordered("sell", "0.04")).filled == Decimal("0.04")
    assert taken(exchange, "binance", ordered("sell", "0.04")).filled == Decimal("0.01")
    assert taken(exchange, "binance", ordered("sell", "0.04")).status is OrderStatus.EXPIRED
    assert taken(exchange, "binance", ordered("buy", "0.04")).filled == Decimal("0.04")
    assert taken(exchange, "binance", ordered("sell", "0.04", futures=True)).filled == Decimal("0.04")


def test_resting_orders_share_the_depth_best_price_first_then_the_older_one(
    open_exchange: Callable[..., PaperExchange],
) -> None:
    exchange = open_exchange()
    dear = taken(exchange, "plain", ordered("sell", "0.1", "105000"))
    first = taken(exchange, "plain", ordered("sell", "0.1", "104000"))
    second = taken(exchange, "binance", ordered("sell", "0.1", "104000"))
    exchange.set_conditions(Conditions(depth={"BTC/USDT": Decimal("0.15")}))
    exchange.set_price("BTC/USDT", Decimal(106_000))
    assert seen(exchange, "plain", first).filled == Decimal("0.1")
    assert seen(exchange, "binance", second).filled == Decimal("0.05")
    assert seen(exchange, "plain", dear).filled == 0


@pytest.mark.parametrize(
    ("profile", "window"), [("binance", 3 * DAY), ("bybit", DAY), ("okx", 2 * HOUR), ("upbit", None), ("bithumb", None)]
)
def test_ended_orders_without_a_fill_are_forgotten_after_the_history_window(
    open_exchange: Callable[..., PaperExchange], watch: Watch, profile: str, window: int | None
) -> None:
    exchange = open_exchange()
    resting = taken(exchange, profile, ordered("sell", "0.1", "105000"))
    filled = taken(exchange, profile, ordered("sell", "0.1"))
    cancelled = taken(exchange, profile, ordered("sell", "0.1", "105000"))
    exchange.cancel(profile, OrderKey(exchange_order_id=cancelled.exchange_order_id))
    watch.turn((window or 400 * DAY) - 1)
    assert seen(exchange, profile, cancelled).status is OrderStatus.CANCELLED
    watch.turn(1)
    found = exchange.look(profile, OrderKey(client_order_id=cancelled.client_order_id))
    assert isinstance(found, ExchangeOrder if window is None else NotFound)
    assert seen(exchange, profile, filled).filled == Decimal("0.1")
    assert seen(exchange, profile, resting).status is OrderStatus.NEW


@pytest.mark.parametrize("name", [None, *PROFILES])
def test_a_request_that_arrives_late_is_refused_only_where_requests_expire(
    open_exchange: Callable[..., PaperExchange], watch: Watch, name: str | None
) -> None:
    exchange = open_exchange()
    traits = exchange.profile_named(name).traits
    effect = replace(place("sell", "0.1"), valid_until=Micros(START + SECOND))
    watch.turn(SECOND)
    arrived = exchange.place(name or "plain", order_of(effect, traits))
    assert isinstance(arrived, Refused if traits.request_expiry else ExchangeOrder)
    if isinstance(arrived, Refused):
        assert arrived.code == "expired"


OWN_WORDS = [
    ("binance", ordered("sell", "2"), "-2010 Account has insufficient balance for requested action."),
    ("binance", ordered("buy", "30", futures=True), "-2019 Margin is insufficient."),
    ("binance", ordered("sell", "0.1", "90000.001"), "-1013 Filter failure: PRICE_FILTER"),
    ("binance", ordered("sell", "0.1", stop="100000"), "-2010 Stop price would trigger immediately."),
    ("binance", ordered("sell", "0.1", stop="100000", futures=True), "-2021 Order would immediately trigger."),
    ("bybit", ordered("sell", "2"), "170131 Balance insufficient"),
    ("bybit", ordered("buy", "30", futures=True), "110007 ab not enough for new order"),
    (
        "bybit",
        ordered("buy", "0.1", stop="99000", futures=True),
        "110092 expect Rising, but trigger_price <= current",
    ),
    ("okx", ordered("sell", "2"), "51008 Order placement failed due to insufficient balance or margin"),
    ("okx", ordered("sell", "0.1", stop="100000"), "51280 SL trigger price can not be higher than the last price"),
    ("upbit", ordered("sell", "2"), "insufficient_funds_ask 매수/매도 가능 잔고가 부족합니다."),
    ("upbit", ordered("buy", "2"), "insufficient_funds_bid 매수/매도 가능 잔고가 부족합니다."),
    (
        "bithumb",
        ordered("sell", "0.1", "90000.001"),
        "invalid_price_ask 주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.",
    ),
    ("plain", ordered("sell", "2"), "insufficient balance: 2 BTC needed, 1 BTC free"),
    ("bithumb", ordered("sell", "2"), "insufficient balance: 2 BTC needed, 1 BTC free"),
]


@pytest.mark.parametrize(("account", "order", "words"), OWN_WORDS)
def test_refusals_are_in_the_exchanges_own_words_where_they_are_known(
    open_exchange: Callable[..., PaperExchange], account: str, order: NewOrder, words: str
) -> None:
    refused = open_exchange().place(account, order)
    assert refused == Refused(code="exchange_rejected", error=words)


@pytest.mark.parametrize(
    ("account", "client_id", "is_taken"),
    [
        ("okx", "a" * 32, True),
        ("okx", "a" * 33, False),
        ("okx", "a-b", False),
        ("binance", "a-b:c.d", True),
        ("binance", "a" * 37, False),
        ("bybit", "a" * 36, True),
        ("bybit", "a b", False),
    ],
)
def test_a_client_id_must_be_as_the_exchange_wants_it(
    open_exchange: Callable[..., PaperExchange],
    account: str,
    client_id: str,
    is_taken: bool,  # noqa: FBT001 - a parameter
) -> None:
    placed = open_exchange().place(account, replace(ordered("sell", "0.1"), client_order_id=client_id))
    assert isinstance(placed, ExchangeOrder if is_taken else Refused)


def test_an_account_that_is_opened_again_takes_over_the_profile_and_nothing_else(
    open_exchange: Callable[..., PaperExchange],
) -> None:
    exchange = open_exchange()
    taken(exchange, "plain", ordered("sell", "0.1"))
    before = exchange.account_books("plain")
    exchange.open_account("plain", {"USDT": Decimal(5)}, leverage=Decimal(3), profile="okx")
    assert exchange.account_books("plain") == replace(before, profile="okx")
    assert open_exchange().account_books("okx").profile == "okx"


def test_a_stop_is_still_triggered_after_its_account_came_under_a_profile_without_stops(
    open_exchange: Callable[..., PaperExchange],
) -> None:
    exchange = open_exchange()
    stop = taken(exchange, "binance", ordered("sell", "0.1", stop="95000", futures=True))
    exchange.open_account("binance", {}, profile="upbit")
    exchange.set_price("BTC/USDT", Decimal(94_000))
    assert seen(exchange, "binance", stop).status is OrderStatus.FILLED


def test_an_unknown_profile_is_named_with_those_there_are(open_exchange: Callable[..., PaperExchange]) -> None:
    with pytest.raises(UnknownProfile, match="unknown profile 'mtgox'; known: binance, bithumb, bybit, okx, upbit"):
        open_exchange().open_account("A1", {}, profile="mtgox")


def test_where_orders_are_not_found_by_client_id_only_the_exchanges_id_helps(
    open_exchange: Callable[..., PaperExchange],
) -> None:
    traits = Traits(lookup_by_client_id=False, request_expiry=False)
    exchange = open_exchange(Venue(profiles={**PROFILES, "mute": replace(PLAIN, traits=traits)}))
    trader = Trader(PaperGateway(exchange, account="A1", balances=BALANCES, profile="mute"))
    effect: PlaceOrder = replace(place("sell", "0.1", "105000"), valid_until=Micros(START + SECOND))
    placed = trader.place(effect)
    assert isinstance(placed, Placed)
    assert isinstance(trader.look(look(effect.order_id)), Unclear)
    assert isinstance(trader.cancel(cancel(effect.order_id)), Refused)
    number = placed.order.exchange_order_id
    assert trader.look(look(effect.order_id, exchange_order_id=number)) == placed.order


def test_requests_are_counted_anew_in_each_interval(open_exchange: Callable[..., PaperExchange], watch: Watch) -> None:
    limit = RateLimit(requests=2, per=10 * SECOND)
    exchange = open_exchange(Venue(conditions=Conditions(rate_limit=limit)))
    for _ in range(2):
        exchange.open_orders("okx")
    watch.turn(4 * SECOND)
    with pytest.raises(RateLimited, match=r"50011 Rate limit reached\..*again in 6 s") as limited:
        exchange.open_orders("okx")
    assert limited.value.retry_after == 6 * SECOND
    watch.turn(6 * SECOND)
    assert exchange.open_orders("okx") == ()


def script(exchange: PaperExchange, *prices: tuple[int, int]) -> None:
    exchange.script_prices(
        ComingPrice(symbol="BTC/USDT", price=Decimal(price), after_ms=seconds * 1_000) for seconds, price in prices
    )


def test_a_script_is_played_in_order_however_rarely_one_looks(
    open_exchange: Callable[..., PaperExchange], watch: Watch
) -> None:
    exchange = open_exchange()
    script(exchange, (20, 99_500), (10, 94_000), (15, 106_000))
    stop = taken(exchange, "binance", ordered("sell", "0.1", stop="95000", futures=True))
    limit = taken(exchange, "binance", ordered("sell", "0.1", "105000"))
    watch.turn(9 * SECOND)
    assert exchange.quote("BTC/USDT").price == 100_000  # type: ignore[union-attr]
    watch.turn(50 * SECOND)
    triggered, filled = seen(exchange, "binance", stop), seen(exchange, "binance", limit)
    assert [(fill.price, fill.at - START) for fill in triggered.fills] == [(Decimal(94_000), 10 * SECOND)]
    assert [(fill.price, fill.at - START) for fill in filled.fills] == [(Decimal(105_000), 15 * SECOND)]
    assert exchange.quote("BTC/USDT").price == 99_500  # type: ignore[union-attr]


def test_a_script_goes_on_after_a_restart(open_exchange: Callable[..., PaperExchange], watch: Watch) -> None:
    exchange = open_exchange()
    order = taken(exchange, "plain", ordered("sell", "0.1", "105000"))
    script(exchange, (1, 104_000), (10, 106_000), (11, 103_000))
    watch.turn(2 * SECOND)
    assert exchange.quote("BTC/USDT").price == 104_000  # type: ignore[union-attr]
    exchange = open_exchange()
    assert [quote.price for quote in exchange.dump().coming_prices] == [106_000, 103_000]
    watch.turn(20 * SECOND)
    exchange = open_exchange()
    assert seen(exchange, "plain", order).status is OrderStatus.FILLED
    assert exchange.dump().coming_prices == ()


def test_a_price_set_by_hand_ends_the_script_and_so_does_clearing_it(
    open_exchange: Callable[..., PaperExchange], watch: Watch
) -> None:
    exchange = open_exchange()
    script(exchange, (1, 104_000), (10, 106_000))
    watch.turn(2 * SECOND)
    exchange.set_price("BTC/USDT", Decimal(90_000))
    watch.turn(20 * SECOND)
    assert exchange.quote("BTC/USDT").price == 90_000  # type: ignore[union-attr]
    script(exchange, (1, 104_000))
    exchange.clear_price("BTC/USDT")
    watch.turn(20 * SECOND)
    assert exchange.quote("BTC/USDT").price == 100_000  # type: ignore[union-attr]


def test_a_script_of_no_prices_or_of_unknown_symbols_is_refused_whole(
    open_exchange: Callable[..., PaperExchange],
) -> None:
    exchange = open_exchange()
    for wrong in (ComingPrice(symbol="BTC/USDT", price=Decimal(0)), ComingPrice(symbol="DOGE/USDT", price=Decimal(1))):
        with pytest.raises(ValueError, match="cannot set a price"):
            exchange.script_prices([ComingPrice(symbol="ETH/USDT", price=Decimal(1)), wrong])
    assert exchange.dump().coming_prices == ()


def test_a_waiting_stop_and_a_triggered_one_outlive_a_restart(open_exchange: Callable[..., PaperExchange]) -> None:
    exchange = open_exchange()
    waiting = taken(exchange, "binance", ordered("sell", "0.1", stop="90000", futures=True))
    triggered = taken(exchange, "binance", ordered("sell", "0.1", "96000", stop="95000", futures=True))
    exchange.set_price("BTC/USDT", Decimal(94_000))
    exchange = open_exchange()
    assert seen(exchange, "binance", triggered).status is OrderStatus.TRIGGERED
    exchange.set_price("BTC/USDT", Decimal(97_000))
    assert seen(exchange, "binance", triggered).status is OrderStatus.FILLED
    exchange = open_exchange()
    exchange.set_price("BTC/USDT", Decimal(89_000))
    assert seen(exchange, "binance", waiting).status is OrderStatus.FILLED
