"""Markets an account can trade, and how the many spellings of a symbol find exactly one of them."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from orderwright.engine.money import ZERO
from orderwright.moments import Micros


class MarketType(StrEnum):
    """What a strategy trades."""

    SPOT = "SPOT"
    FUTURES = "FUTURES"
    STOCK = "STOCK"

    @property
    def is_margined(self) -> bool:
        """Whether positions can be short and are held on margin."""
        return self is MarketType.FUTURES


class Instrument(Struct, frozen=True, kw_only=True):
    """One market: `step` is the smallest change of an amount (base units), `tick` of a price (quote units)."""

    symbol: str
    market_type: MarketType
    base: str
    quote: str
    step: Decimal
    tick: Decimal
    min_amount: Decimal = ZERO
    min_notional: Decimal = ZERO


class Quote(Struct, frozen=True, kw_only=True):
    """The last price of a symbol (quote units per base unit) and the moment it was true."""

    symbol: str
    price: Decimal
    at: Micros


class SymbolUnknown(Struct, frozen=True, kw_only=True):
    """No market of the account is spelled like that."""

    text: str


class SymbolAmbiguous(Struct, frozen=True, kw_only=True):
    """More than one market of the account is spelled like that."""

    text: str
    candidates: tuple[str, ...]


class Instruments:
    """The markets of one exchange and market type, found by symbol or by a TradingView spelling."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._by_symbol = {instrument.symbol: instrument for instrument in instruments}
        spellings: dict[str, list[Instrument]] = {}
        for instrument in self._by_symbol.values():
            spellings.setdefault(_bare(instrument.symbol), []).append(instrument)
        self._by_spelling: Mapping[str, list[Instrument]] = spellings

    def __len__(self) -> int:
        return len(self._by_symbol)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._by_symbol.values())

    def get(self, symbol: str) -> Instrument | None:
        """Return the instrument with exactly this symbol."""
        return self._by_symbol.get(symbol)

    def find(self, text: str) -> Instrument | SymbolUnknown | SymbolAmbiguous:
        """Return the one instrument that `text` can mean.

        `BTC/USDT`, `BTCUSDT`, `BTCUSDT.P` and `BINANCE:BTCUSDT` are one; `KRW-BTC` is `BTC/KRW`, as in Korea.
        """
        exact = self._by_symbol.get(text) or self._by_symbol.get(text.upper())
        if exact is not None:
            return exact
        plain = _undressed(text)
        candidates = self._by_spelling.get(_bare(plain)) or self._by_spelling.get(_bare(_turned(plain)), [])
        if len(candidates) == 1:
            return candidates[0]
        if not candidates:
            return SymbolUnknown(text=text)
        return SymbolAmbiguous(text=text, candidates=tuple(candidate.symbol for candidate in candidates))


def is_spelling_of(text: str, symbol: str) -> bool:
    """Whether `text` can mean `symbol`; for when the markets that could tell are not loaded."""
    plain = _undressed(text)
    return text.upper() == symbol.upper() or _bare(symbol) in (_bare(plain), _bare(_turned(plain)))


def _undressed(text: str) -> str:
    return text.rpartition(":")[2].upper().removesuffix(".P")


def _turned(text: str) -> str:
    quote, _, base = text.partition("-")
    return base + quote


def _bare(symbol: str) -> str:
    return symbol.replace("/", "").replace("-", "").replace("_", "").upper()
