"""The paper exchange's current prices: those set by hand or by a script win over the feed until they are cleared."""

from collections.abc import Iterable
from decimal import Decimal

from orderwright.engine.instruments import Instrument, Quote
from orderwright.engine.money import ZERO, round_to_tick
from orderwright.exchanges.paper.prices import PriceFeed
from orderwright.moments import Micros


class Quotes:
    """One price per symbol, whatever the market type, on the coarsest tick of the symbol's markets.

    Prices to come are handed out one by one as they fall due, so that none of them is missed however rarely one looks.
    """

    def __init__(
        self, feed: PriceFeed, *, markets: Iterable[Instrument], set_prices: Iterable[Quote], coming: Iterable[Quote]
    ) -> None:
        self._feed = feed
        self._ticks: dict[str, Decimal] = {}
        for market in markets:
            self._ticks[market.symbol] = max(market.tick, self._ticks.get(market.symbol, ZERO))
        self._set = {quote.symbol: quote.price for quote in set_prices}
        self._coming = sorted(coming, key=lambda quote: quote.at)
        self._latest: dict[str, tuple[Decimal, Decimal]] = {}

    def price(self, symbol: str, at: Micros) -> Decimal | None:
        """Return the price of a symbol at a moment; None if there is none."""
        tick = self._ticks.get(symbol)
        if tick is None or symbol in self._set:
            return self._set.get(symbol)
        price = self._feed.price(symbol, at)
        if price is None:
            return None
        latest = self._latest.get(symbol)
        if latest is None or latest[0] != price:
            latest = self._latest[symbol] = price, round_to_tick(price, tick)
        return latest[1]

    def set(self, symbol: str, price: Decimal) -> None:
        """Let this price win over the feed."""
        self._set[symbol] = price

    def clear(self, symbol: str) -> None:
        """Let the feed speak again, now and later."""
        self._set.pop(symbol, None)
        self.expect(symbol, ())

    def expect(self, symbol: str, prices: Iterable[Quote]) -> None:
        """Let these prices, and no others, be the symbol's at their moments."""
        others = [quote for quote in self._coming if quote.symbol != symbol]
        self._coming = sorted([*others, *prices], key=lambda quote: quote.at)

    def is_due(self, now: Micros) -> bool:
        """Return whether a price that was to come is there."""
        return bool(self._coming) and self._coming[0].at <= now

    def next_due(self, now: Micros) -> Quote | None:
        """Return the first price that was to come and is there, which from here on is the symbol's; None if none is."""
        if not self.is_due(now):
            return None
        quote = self._coming.pop(0)
        self._set[quote.symbol] = quote.price
        return quote
