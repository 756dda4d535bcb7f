"""The paper exchange's current prices: those set by hand win over the feed until they are cleared."""

from collections.abc import Iterable
from decimal import Decimal

from orderwright.engine.instruments import Quote
from orderwright.exchanges.paper.prices import PriceFeed
from orderwright.moments import Micros


class Quotes:
    """One price per symbol, whatever the market type."""

    def __init__(self, feed: PriceFeed, set_prices: Iterable[Quote] = ()) -> None:
        self._feed = feed
        self._set = {quote.symbol: quote.price for quote in set_prices}

    def price(self, symbol: str, at: Micros) -> Decimal | None:
        """Return the price of a symbol at a moment; None if there is none."""
        return self._set.get(symbol) or self._feed.price(symbol, at)

    def set(self, symbol: str, price: Decimal) -> None:
        """Let this price win over the feed."""
        self._set[symbol] = price

    def clear(self, symbol: str) -> None:
        """Let the feed speak again."""
        self._set.pop(symbol, None)
