"""The paper exchange: several accounts on one set of books, thread-safe, with prices that move by themselves."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from orderwright.clock import Clock
from orderwright.engine.instruments import Instrument, Instruments, MarketType, Quote
from orderwright.engine.money import ZERO
from orderwright.engine.orders import Fill
from orderwright.engine.outcomes import ExchangeOrder, NotFound, Refused
from orderwright.exchanges.gateway import ExchangeError
from orderwright.exchanges.paper.books import Books, PaperBooksError
from orderwright.exchanges.paper.desk import Desk
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.prices import PriceFeed, SeededWalk
from orderwright.exchanges.paper.quotes import Quotes
from orderwright.exchanges.paper.records import (
    AccountBooks,
    Arrival,
    Balance,
    BooksDump,
    NewOrder,
    OrderKey,
    PaperOrder,
    PaperPosition,
)
from orderwright.moments import Micros

_log = logging.getLogger(__name__)


class UnknownAccount(ExchangeError):
    """The exchange has no account of this name."""


class PaperExchange:
    """Keeps one lock around everything; resting orders are matched whenever a price is looked at, and each second.

    Every method that reads or writes the books can raise PaperBooksError; then nothing has changed. What is asked of an
    account that was never opened raises UnknownAccount, except `place`, which refuses.
    """

    def __init__(
        self,
        books: Path,
        *,
        clock: Clock,
        prices: PriceFeed | None = None,
        venue: Venue | None = None,
        tick_interval: float = 1.0,
    ) -> None:
        """Open the books (made with their folder if absent); `tick_interval` in seconds.

        Raises:
            PaperBooksInUse: another process writes these books.
            PaperBooksError: the books cannot be opened.
        """
        books.parent.mkdir(parents=True, exist_ok=True)
        self._books = Books(books)
        self._clock = clock
        self._feed = prices or SeededWalk()
        self._venue = venue or Venue()
        self._by_type = {
            kind: Instruments(market for market in self._venue.markets if market.market_type is kind)
            for kind in MarketType
        }
        self._lock = threading.RLock()
        self._tick_interval = tick_interval
        self._ticker: threading.Thread | None = None
        self._closing = threading.Event()
        self._open_desk()
        self._start_ticker()

    def close(self) -> None:
        """Stop the ticker and let go of the books; calling it again does nothing."""
        self._closing.set()
        with self._lock:
            ticker = self._ticker
        if ticker is not None:
            ticker.join()
        with self._lock:
            self._books.close()

    def now(self) -> Micros:
        """Return the exchange's time."""
        return self._clock.now()

    def instruments(self, market_type: MarketType) -> tuple[Instrument, ...]:
        """Return the markets of that type."""
        return tuple(self._by_type[market_type])

    def symbol_of(self, text: str) -> str | None:
        """Return the symbol that a spelling such as `BINANCE:BTCUSDT` means, in whichever market type it is found."""
        for instruments in self._by_type.values():
            found = instruments.find(text)
            if isinstance(found, Instrument):
                return found.symbol
        return None

    def open_account(self, name: str, balances: Mapping[str, Decimal], *, leverage: Decimal | None = None) -> None:
        """Open an account with its first balances and leverage; one that exists stays as it is."""
        with self._changing():
            self._desk.open_account(name, balances, leverage=leverage or self._venue.leverage, now=self._clock.now())

    def place(self, account: str, order: NewOrder) -> ExchangeOrder | Refused:
        """Take a new order: it fills at once, rests, or is refused for a reason that `Refused` gives."""
        with self._changing():
            answer = self._desk.place(account, order, now=self._clock.now())
            is_refused = isinstance(answer, Refused)
            self._books.add_arrival(
                Arrival(
                    sequence=0,
                    at=self._clock.now(),
                    account=account,
                    operation="place",
                    client_order_id=order.client_order_id,
                    exchange_order_id=None if isinstance(answer, Refused) else str(answer.number),
                    symbol=order.symbol,
                    answer=answer.code if isinstance(answer, Refused) else "placed",
                )
            )
            shown = answer if isinstance(answer, Refused) else self._shown(answer)
        if not is_refused:
            self._start_ticker()
        return shown

    def cancel(self, account: str, key: OrderKey) -> ExchangeOrder | NotFound:
        """End an open order; `NotFound` if there is none, or it has ended."""
        with self._changing():
            self._check(account)
            answer = self._desk.cancel(account, key, now=self._clock.now())
            self._books.add_arrival(
                Arrival(
                    sequence=0,
                    at=self._clock.now(),
                    account=account,
                    operation="cancel",
                    client_order_id=key.client_order_id,
                    exchange_order_id=key.exchange_order_id,
                    symbol=answer.symbol if isinstance(answer, PaperOrder) else None,
                    answer="cancelled" if isinstance(answer, PaperOrder) else "not_found",
                )
            )
            return self._shown(answer) if isinstance(answer, PaperOrder) else answer

    def look(self, account: str, key: OrderKey) -> ExchangeOrder | NotFound:
        """Return an order with its fills, open or ended, of any age."""
        with self._reading(account):
            order = self._books.find_order(account, key)
            return NotFound() if order is None else self._shown(order)

    def open_orders(self, account: str) -> tuple[ExchangeOrder, ...]:
        """Return the account's open orders, oldest first."""
        with self._reading(account):
            return tuple(self._shown(order) for order in self._books.open_orders(account))

    def balances(self, account: str) -> dict[str, Balance]:
        """Return the account's balances by currency."""
        with self._reading(account):
            return self._books.balances(account)

    def positions(self, account: str) -> tuple[PaperPosition, ...]:
        """Return the account's futures positions that are not flat."""
        with self._reading(account):
            return self._books.positions(account)

    def account_books(self, account: str) -> AccountBooks:
        """Return all that the books say of an account."""
        with self._reading(account):
            return self._books.dump_account(account)

    def dump(self) -> BooksDump:
        """Return the whole books."""
        with self._lock, self._books.reading():
            return self._books.dump()

    def quote(self, symbol: str) -> Quote | None:
        """Return the price of a symbol now, after matching what rests there; None if it has none."""
        with self._lock:
            now = self._clock.now()
            price = self._quotes.price(symbol, now)
            if price is None:
                return None
            if self._desk.resting.crossed(symbol, price) is not None:
                with self._changing():
                    self._desk.match(symbol, price, now=now)
            return Quote(symbol=symbol, price=price, at=now)

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Let this price (> 0) win over the feed, also after a restart, and match what it crosses.

        Raises:
            ValueError: the price is not above zero, or no market has this symbol.
        """
        if not price.is_finite() or price <= ZERO or self.symbol_of(symbol) != symbol:
            message = f"cannot set a price of {price} for {symbol}"
            raise ValueError(message)
        with self._changing():
            quote = Quote(symbol=symbol, price=price, at=self._clock.now())
            self._books.set_price(quote)
            self._quotes.set(symbol, price)
            self._desk.match(symbol, price, now=quote.at)

    def clear_price(self, symbol: str) -> None:
        """Let the feed speak again for this symbol."""
        with self._changing():
            self._books.clear_price(symbol)
            self._quotes.clear(symbol)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            if self._closing.is_set():
                message = "the paper exchange is closed"
                raise PaperBooksError(message)
            done = False
            try:
                with self._books.transaction():
                    yield
                done = True
            finally:
                if not done:
                    self._open_desk()

    @contextmanager
    def _reading(self, account: str) -> Iterator[None]:
        with self._lock, self._books.reading():
            self._check(account)
            yield

    def _check(self, account: str) -> None:
        if not self._desk.has_account(account):
            message = f"there is no account {account}"
            raise UnknownAccount(message)

    def _open_desk(self) -> None:
        self._quotes = Quotes(self._feed, markets=self._venue.markets, set_prices=self._books.set_prices())
        self._desk = Desk(self._books, self._quotes, venue=self._venue)

    def _shown(self, order: PaperOrder) -> ExchangeOrder:
        trades = self._books.trades_of(order.number) if order.filled else ()
        return ExchangeOrder(
            client_order_id=order.client_order_id,
            exchange_order_id=str(order.number),
            symbol=order.symbol,
            side=order.side,
            amount=order.amount,
            status=order.status,
            filled=order.filled,
            fills=tuple(
                Fill(
                    trade_id=str(trade.number),
                    amount=trade.amount,
                    price=trade.price,
                    fee=trade.fee,
                    fee_currency=trade.fee_currency,
                    at=trade.at,
                )
                for trade in trades
            ),
        )

    def _start_ticker(self) -> None:
        with self._lock:
            if self._ticker is None and self._desk.resting.symbols() and not self._closing.is_set():
                self._ticker = threading.Thread(target=self._tick, name="paper-ticker", daemon=True)
                self._ticker.start()

    def _tick(self) -> None:
        while not self._closing.wait(self._tick_interval):
            with self._lock:
                symbols = self._desk.resting.symbols()
                if not symbols:
                    self._ticker = None
                    return
            for symbol in symbols:
                try:
                    self.quote(symbol)
                except PaperBooksError:
                    _log.exception("the paper exchange could not match %s", symbol)
