"""The paper exchange's current prices: those set by hand win over the feed until they are cleared."""

from collections.abc import Iterable
from decimal import Decimal

from orderwright.engine.instruments import Instrument, Quote
from orderwright.engine.money import ZERO, round_to_tick
from orderwright.exchanges.paper.prices import PriceFeed
from orderwright.moments import Micros


class Quotes:
    """One price per symbol, whatever the market type, on the coarsest tick of the symbol's markets."""

    def __init__(self, feed: PriceFeed, *, markets: Iterable[Instrument], set_prices: Iterable[Quote]) -> None:
        self._feed = feed
        self._ticks: dict[str, Decimal] = {}
        for market in markets:
            self._ticks[market.symbol] = max(market.tick, self._ticks.get(market.symbol, ZERO))
        self._set = {quote.symbol: quote.price for quote in set_prices}

    def price(self, symbol: str, at: Micros) -> Decimal | None:
        """Return the price of a symbol at a moment; None if there is none."""
        tick = self._ticks.get(symbol)
        if tick is None or symbol in self._set:
            return self._set.get(symbol)
        price = self._feed.price(symbol, at)
        return None if price is None else round_to_tick(price, tick)

    def set(self, symbol: str, price: Decimal) -> None:
        """Let this price win over the feed."""
        self._set[symbol] = price

    def clear(self, symbol: str) -> None:
        """Let the feed speak again."""
        self._set.pop(symbol, None)
