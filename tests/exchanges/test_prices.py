"""Price feeds: the walk is reproducible and bounded, recordings are read as written, and mistakes are named."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.clock import SystemClock
from orderwright.engine.money import floor_to_step
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.markets import DEFAULT_MARKETS, START_PRICES
from orderwright.exchanges.paper.prices import BadPriceFile, FixedPrices, RecordedPrices, SeededWalk
from orderwright.moments import SECOND, Micros

MOMENTS = st.integers(min_value=0, max_value=4_000_000_000 * SECOND).map(Micros)
NOW = Micros(1_760_000_000 * SECOND)


@given(seed=st.integers(min_value=0, max_value=1_000), at=MOMENTS, symbol=st.sampled_from(sorted(START_PRICES)))
def test_the_walk_is_the_same_for_the_same_seed_and_never_far_from_its_start(
    seed: int, at: Micros, symbol: str
) -> None:
    price = SeededWalk(seed=seed).price(symbol, at)
    assert price == SeededWalk(seed=seed).price(symbol, at)
    assert price is not None
    assert abs(price / START_PRICES[symbol] - 1) < Decimal("0.006")


def test_the_walk_moves_and_does_not_jump() -> None:
    walk = SeededWalk()
    prices = [walk.price("BTC/USDT", Micros(NOW + second * SECOND)) for second in range(3_600)]
    known = [price for price in prices if price is not None]
    assert len(set(known)) > 100
    assert max(abs(one - other) for one, other in pairwise(known)) < 20


def test_other_seeds_walk_elsewhere() -> None:
    def path(seed: int) -> list[Decimal | None]:
        return [SeededWalk(seed=seed).price("BTC/USDT", Micros(NOW + second * SECOND)) for second in range(10)]

    assert path(1) != path(2)


def test_every_default_market_has_a_start_price_on_its_tick() -> None:
    for market in DEFAULT_MARKETS:
        price = START_PRICES[market.symbol]
        assert floor_to_step(price, market.tick) == price


@pytest.mark.parametrize("feed", [SeededWalk(), FixedPrices()])
def test_an_unknown_symbol_has_no_price(feed: SeededWalk | FixedPrices) -> None:
    assert feed.price("NO/SUCH", NOW) is None


def test_a_recording_holds_the_last_price_at_or_before_a_moment(tmp_path: Path) -> None:
    recording = tmp_path / "prices.csv"
    recording.write_text(
        "time,symbol,price\n2025-01-01T00:00:00Z,BTC/USDT,100\n2025-01-01T00:00:10,BTC/USDT,101.5\n"
        "1735689605,ETH/USDT,7\n"
    )
    start = Micros(1_735_689_600 * SECOND)
    prices = RecordedPrices(recording)
    assert prices.price("BTC/USDT", Micros(start - 1)) == 100
    assert prices.price("BTC/USDT", Micros(start + 9 * SECOND)) == 100
    assert prices.price("BTC/USDT", Micros(start + 10 * SECOND)) == Decimal("101.5")
    assert prices.price("ETH/USDT", NOW) == 7
    assert prices.price("XRP/USDT", NOW) is None
    shifted = RecordedPrices(recording, starts_at=NOW)
    assert shifted.price("BTC/USDT", Micros(NOW + 9 * SECOND)) == 100
    assert shifted.price("BTC/USDT", Micros(NOW + 10 * SECOND)) == Decimal("101.5")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,symbol,price\n", "no prices"),
        ("time,symbol,price\nyesterday,BTC/USDT,1\n", "line 2"),
        ("time,symbol,price\n1,BTC/USDT,0\n", "line 2"),
        ("when,what,how\n1,BTC/USDT,1\n", "line 2"),
    ],
)
def test_a_mistake_in_a_recording_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    recording = tmp_path / "prices.csv"
    recording.write_text(text)
    with pytest.raises(BadPriceFile, match=words):
        RecordedPrices(recording)


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadPriceFile, match=r"absent\.csv"):
        RecordedPrices(tmp_path / "absent.csv")


def test_prices_of_the_feed_lie_on_the_tick(tmp_path: Path) -> None:
    exchange = PaperExchange(tmp_path / "walk", clock=SystemClock())
    for market in DEFAULT_MARKETS:
        current = exchange.quote(market.symbol)
        assert current is not None
        assert floor_to_step(current.price, market.tick) == current.price
    exchange.close()
