"""Spellings of symbols: one market, or a clear no."""

import pytest

from orderwright.engine.instruments import Instrument, Instruments, SymbolAmbiguous, SymbolUnknown, is_spelling_of
from tests.engine.given import market

MARKETS = Instruments([market("BTC/USDT"), market("ETH/KRW"), market("AB/CD"), market("A/BCD"), market("005930")])


@pytest.mark.parametrize(
    "text",
    ["BTC/USDT", "btc/usdt", "BTCUSDT", "BTCUSDT.P", "BINANCE:BTCUSDT", "BYBIT:BTCUSDT.P", "BTC-USDT", "btc_usdt"],
)
def test_tradingviews_spellings_find_the_one_market(text: str) -> None:
    found = MARKETS.find(text)
    assert isinstance(found, Instrument)
    assert found.symbol == "BTC/USDT"
    assert is_spelling_of(text, "BTC/USDT")


@pytest.mark.parametrize("text", ["KRW-ETH", "krw-eth", "UPBIT:KRW-ETH"])
def test_korean_exchanges_put_the_quote_first(text: str) -> None:
    found = MARKETS.find(text)
    assert isinstance(found, Instrument)
    assert found.symbol == "ETH/KRW"
    assert is_spelling_of(text, "ETH/KRW")


def test_a_stock_is_found_by_its_number() -> None:
    assert isinstance(MARKETS.find("005930"), Instrument)
    assert isinstance(MARKETS.find("KRX:005930"), Instrument)


def test_what_fits_two_markets_names_both() -> None:
    assert MARKETS.find("ABCD") == SymbolAmbiguous(text="ABCD", candidates=("AB/CD", "A/BCD"))


@pytest.mark.parametrize("text", ["", "DOGE/USDT", "BTC", "USDT", ":", "BTCUSDTX"])
def test_what_fits_none_is_unknown(text: str) -> None:
    assert MARKETS.find(text) == SymbolUnknown(text=text)
    assert not is_spelling_of(text, "BTC/USDT")
