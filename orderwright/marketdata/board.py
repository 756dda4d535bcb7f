"""The board of last prices and loaded markets per exchange account, readable from any thread."""

from collections.abc import Callable

from orderwright.engine.instruments import Instrument, Instruments, MarketType, Quote
from orderwright.engine.strategy_account.state import Market
from orderwright.engine.traits import Traits


class Board:
    """Last quotes by account and symbol, and each account's markets once they are loaded."""

    def __init__(self) -> None:
        self._quotes: dict[tuple[str, MarketType], dict[str, Quote]] = {}
        self._instruments: dict[tuple[str, MarketType], Instruments] = {}

    def note(self, account: str, market_type: MarketType, quote: Quote) -> None:
        """Put up a price; the map of a market is replaced, never changed, so that readers need no lock."""
        known = self._quotes.get((account, market_type), {})
        self._quotes[account, market_type] = {**known, quote.symbol: quote}

    def forget_markets(self, account: str) -> None:
        """Have an account's markets loaded anew when they are next asked for; prices stay."""
        for market_type in MarketType:
            self._instruments.pop((account, market_type), None)

    def market(
        self,
        account: str,
        market_type: MarketType,
        traits: Traits,
        load: Callable[[MarketType], tuple[Instrument, ...]],
    ) -> Market:
        """Return what is known of an account's market; `load` is asked, without blocking, until it has instruments."""
        place = (account, market_type)
        instruments = self._instruments.get(place)
        if instruments is None and (loaded := load(market_type)):
            instruments = self._instruments[place] = Instruments(loaded)
        return Market(instruments=instruments, quotes=self._quotes.get(place, {}), traits=traits)
