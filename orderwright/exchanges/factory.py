"""Makes the gateway of an account from what was declared for it, and owns what gateways share."""

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

from orderwright.clock import Clock
from orderwright.exchanges.gateway import ExchangeError, Gateway
from orderwright.exchanges.loop import ExchangeLoop
from orderwright.exchanges.paper.books import BOOKS_FILE
from orderwright.exchanges.paper.client import HttpPaperGateway
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.gateway import PaperGateway
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.prices import PriceFeed

SUPPORTED = ("paper",)


class UnknownExchange(ExchangeError):
    """No adapter for an exchange of this name; the message lists those there are."""


class GatewayFactory:
    """Shares one paper exchange among the in-process paper accounts, and one network loop among all the others."""

    def __init__(
        self,
        *,
        books_dir: Path,
        clock: Clock,
        prices: PriceFeed | None = None,
        venue: Venue | None = None,
        may_send: Callable[[], bool] | None = None,
    ) -> None:
        """Make a factory; `prices` and `venue` are the in-process paper exchange's, whose books lie in `books_dir`.

        `may_send` is asked right before anything leaves over the network: see `ExchangeLoop`.
        """
        self._books_dir = books_dir
        self._clock = clock
        self._prices = prices
        self._venue = venue
        self._loop = ExchangeLoop(may_send=may_send)
        self._paper: PaperExchange | None = None
        self._lock = threading.Lock()

    def make(
        self,
        exchange: str,
        *,
        account: str,
        url: str | None = None,
        balances: Mapping[str, Decimal] | None = None,
        profile: str | None = None,
    ) -> Gateway:
        """Return the gateway of an account, not opened yet.

        `url` leads to a paper exchange in a process of its own; without it the paper exchange lives in this process.
        `balances` are what a paper account starts with, the first time only. `profile` names the exchange that the
        paper exchange is to be like for this account.

        Raises:
            UnknownExchange: there is no adapter for this exchange.
            UnknownProfile: the paper exchange cannot be like that.
            ExchangeError: the paper exchange's books cannot be opened, or the address is none.
        """
        if exchange not in SUPPORTED:
            message = f"unknown exchange {exchange!r}; supported: {', '.join(SUPPORTED)}"
            raise UnknownExchange(message)
        held = balances or {}
        if url is None:
            return PaperGateway(self.paper(), account=account, balances=held, profile=profile)
        return HttpPaperGateway(
            url, account=account, balances=held, clock=self._clock, loop=self._loop, profile=profile
        )

    def paper(self) -> PaperExchange:
        """Return the in-process paper exchange, opening its books the first time.

        Raises:
            ExchangeError: the books cannot be opened.
        """
        with self._lock:
            if self._paper is None:
                books = self._books_dir / BOOKS_FILE
                self._paper = PaperExchange(books, clock=self._clock, prices=self._prices, venue=self._venue)
            return self._paper

    def close(self) -> None:
        """Close what the gateways share, after they have been closed themselves."""
        self._loop.close()
        with self._lock:
            if self._paper is not None:
                self._paper.close()
