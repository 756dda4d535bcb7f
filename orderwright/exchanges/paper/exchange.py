"""The paper exchange: several accounts on one set of books, thread-safe, with prices that move by themselves."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from orderwright.clock import Clock
from orderwright.engine.instruments import Instrument, Instruments, MarketType, Quote
from orderwright.engine.money import ZERO
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import Cancelled, ExchangeOrder, NotFound, Refused
from orderwright.exchanges.gateway import ExchangeError
from orderwright.exchanges.paper.books import PaperBooksError
from orderwright.exchanges.paper.conditions import Conditions
from orderwright.exchanges.paper.desk import Desk
from orderwright.exchanges.paper.gate import Gate
from orderwright.exchanges.paper.ledger import Ledger
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.prices import PriceFeed, SeededWalk
from orderwright.exchanges.paper.profiles import Profile, profile_named
from orderwright.exchanges.paper.quotes import Quotes
from orderwright.exchanges.paper.records import (
    AccountBooks,
    Arrival,
    Balance,
    BooksDump,
    ComingPrice,
    NewOrder,
    OrderKey,
    PaperAccount,
    PaperOrder,
    PaperPosition,
)
from orderwright.exchanges.paper.sight import Views, is_forgotten, sight_at
from orderwright.moments import Micros

_MILLISECOND = 1_000

_log = logging.getLogger(__name__)


class UnknownAccount(ExchangeError):
    """The exchange has no account of this name."""


class PaperExchange:
    """Keeps one lock around everything; what waits for a price is matched whenever one is looked at, and each second.

    Every method that reads or writes the books can raise PaperBooksError; then nothing has changed. What is asked of an
    account that was never opened raises UnknownAccount, except `place`, which refuses. What a client asks (but not what
    is asked of the books) can raise Unavailable and RateLimited, as the conditions are.
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
        self._books = Ledger(books)
        self._views = Views(self._books)
        self._clock = clock
        self._feed = prices or SeededWalk()
        self._venue = venue or Venue()
        self._gate = Gate(self._venue.conditions)
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

    def profile_named(self, name: str | None) -> Profile:
        """Return the profile of that name; None is the plain one.

        Raises:
            UnknownProfile: there is none.
        """
        return profile_named(name, self._venue.profiles)

    def symbol_of(self, text: str) -> str | None:
        """Return the symbol that a spelling such as `BINANCE:BTCUSDT` means, in whichever market type it is found."""
        for instruments in self._by_type.values():
            found = instruments.find(text)
            if isinstance(found, Instrument):
                return found.symbol
        return None

    def conditions(self) -> Conditions:
        """Return the conditions that orders are met with now."""
        return self._gate.conditions

    def set_conditions(self, conditions: Conditions) -> None:
        """Let these conditions hold until they are changed, or the exchange is closed.

        Raises:
            ValueError: a depth is no amount.
        """
        if not all(amount.is_finite() and amount >= ZERO for amount in conditions.depth.values()):
            message = "a depth must be 0 or more"
            raise ValueError(message)
        with self._lock:
            self._gate.conditions = conditions
            self._desk.change_conditions(conditions)

    def open_account(
        self,
        name: str,
        balances: Mapping[str, Decimal],
        *,
        leverage: Decimal | None = None,
        profile: str | None = None,
    ) -> None:
        """Open an account with its first balances and leverage; one that exists only takes over the profile.

        Raises:
            UnknownProfile: there is no such profile.
        """
        self.profile_named(profile)
        self._gate.admit()
        with self._changing():
            terms = PaperAccount(
                name=name, leverage=leverage or self._venue.leverage, opened_at=self._clock.now(), profile=profile
            )
            self._desk.funds.open_account(terms, balances)

    def set_leverage(self, account: str, symbol: str, leverage: Decimal) -> Refused | None:
        """Let the account trade futures of a symbol with this leverage; `Refused` says why not."""
        self._admit(account)
        with self._changing():
            self._check(account)
            objection = self._desk.funds.set_leverage(account, symbol, leverage, now=self._clock.now())
            if objection is None:
                return None
            return self._desk.funds.profile(account).refusal(objection, market_type=MarketType.FUTURES)

    def place(self, account: str, order: NewOrder) -> ExchangeOrder | Refused:
        """Take a new order: it fills at once, rests, waits for its trigger, or is refused for the reason given."""
        self._admit(account)
        with self._changing():
            answer = self._desk.place(account, order, now=self._clock.now())
            self._books.add_arrival(_placement(account, order, answer, self._clock.now()))
            if isinstance(answer, Refused):
                return answer
            shown = self._answered(account, answer)
        self._start_ticker()
        return shown

    def cancel(self, account: str, key: OrderKey) -> Cancelled | NotFound:
        """End an open order; `NotFound` if there is none, or it has ended."""
        self._admit(account)
        with self._changing():
            self._check(account)
            answer = self._desk.cancel(account, key, now=self._clock.now())
            self._books.add_arrival(_cancellation(account, key, answer, self._clock.now()))
            if isinstance(answer, NotFound):
                return answer
            tells = self._desk.funds.profile(account).traits.tells_at_once
            return Cancelled(order=self._views.of(answer) if tells else None)

    def look(self, account: str, key: OrderKey) -> ExchangeOrder | NotFound:
        """Return an order with its fills, open or ended, for as long as the account's exchange knows of it."""
        self._admit(account)
        with self._reading(account):
            now, conditions = self._clock.now(), self._gate.conditions
            order = self._books.find_order(account, key)
            if order is None or is_forgotten(order, self._desk.funds.profile(account), conditions, now=now):
                return NotFound()
            return self._views.seen(order, sight_at(now, conditions)) or NotFound()

    def open_orders(self, account: str) -> tuple[ExchangeOrder, ...]:
        """Return the account's open orders, oldest first."""
        self._admit(account)
        with self._reading(account):
            return self._views.open_ones(account, self._gate.conditions, now=self._clock.now())

    def balances(self, account: str) -> dict[str, Balance]:
        """Return the account's balances by currency."""
        self._admit(account)
        with self._reading(account):
            return self._books.balances(account)

    def positions(self, account: str) -> tuple[PaperPosition, ...]:
        """Return the account's futures positions that are not flat."""
        self._admit(account)
        with self._reading(account):
            return self._books.positions(account)

    def quote(self, symbol: str) -> Quote | None:
        """Return the price of a symbol now, after matching what it reaches; None if it has none."""
        self._gate.admit()
        return self._matched(symbol)

    def account_books(self, account: str) -> AccountBooks:
        """Return all that the books say of an account."""
        with self._reading(account):
            return self._books.dump_account(account)

    def dump(self) -> BooksDump:
        """Return the whole books."""
        with self._lock, self._books.reading():
            self._catch_up()
            return self._books.dump()

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Let this price (> 0) win over the feed and over a script, also after a restart, and match what it reaches.

        Raises:
            ValueError: the price is not above zero, or no market has this symbol.
        """
        self._check_price(symbol, price)
        with self._changing():
            quote = Quote(symbol=symbol, price=price, at=self._clock.now())
            self._desk.set_price(quote)

    def script_prices(self, prices: Iterable[ComingPrice]) -> tuple[Quote, ...]:
        """Let these prices (> 0) come at their moments, in place of what was to come for their symbols; return them.

        None of them is missed, however rarely one looks, and each is met by what waits for it. The last one stays.

        Raises:
            ValueError: a price is not above zero, or no market has its symbol.
        """
        now = self._clock.now()
        coming = [
            Quote(symbol=price.symbol, price=price.price, at=Micros(now + price.after_ms * _MILLISECOND))
            for price in prices
        ]
        for quote in coming:
            self._check_price(quote.symbol, quote.price)
        with self._changing():
            self._desk.catch_up(now=now)
            self._desk.expect(coming)
        return tuple(coming)

    def clear_price(self, symbol: str) -> None:
        """Let the feed speak again for this symbol, and no script."""
        with self._changing():
            self._desk.clear_price(symbol)

    def _matched(self, symbol: str) -> Quote | None:
        with self._lock:
            self._catch_up()
            now = self._clock.now()
            price = self._quotes.price(symbol, now)
            if price is None:
                return None
            if self._desk.engine.ladder.is_reached(symbol, price):
                with self._changing():
                    self._desk.engine.match(symbol, price, now=now)
            return Quote(symbol=symbol, price=price, at=now)

    def _check_price(self, symbol: str, price: Decimal) -> None:
        if not price.is_finite() or price <= ZERO or self.symbol_of(symbol) != symbol:
            message = f"cannot set a price of {price} for {symbol}"
            raise ValueError(message)

    def _admit(self, account: str) -> None:
        with self._lock:
            profile = self._desk.funds.profile(account)
            self._gate.admit_account(account, profile, now=self._clock.now())

    def _answered(self, account: str, order: PaperOrder) -> ExchangeOrder:
        if self._desk.funds.profile(account).traits.tells_at_once:
            return self._views.of(order)
        return self._views.of(replace(order, status=OrderStatus.NEW, filled=ZERO))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            self._check_open()
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
            self._check_open()
            self._check(account)
            self._catch_up()
            yield

    def _catch_up(self) -> None:
        now = self._clock.now()
        if self._quotes.is_due(now):
            with self._changing():
                self._desk.catch_up(now=now)

    def _check_open(self) -> None:
        if self._closing.is_set():
            message = "the paper exchange is closed"
            raise PaperBooksError(message)

    def _check(self, account: str) -> None:
        if not self._desk.funds.has_account(account):
            message = f"there is no account {account}"
            raise UnknownAccount(message)

    def _open_desk(self) -> None:
        self._quotes = Quotes(
            self._feed,
            markets=self._venue.markets,
            set_prices=self._books.set_prices(),
            coming=self._books.coming_prices(),
        )
        self._desk = Desk(self._books, self._quotes, venue=self._venue, conditions=self._gate.conditions)

    def _start_ticker(self) -> None:
        with self._lock:
            if self._ticker is None and self._desk.engine.ladder.symbols() and not self._closing.is_set():
                self._ticker = threading.Thread(target=self._tick, name="paper-ticker", daemon=True)
                self._ticker.start()

    def _tick(self) -> None:
        while not self._closing.wait(self._tick_interval):
            with self._lock:
                symbols = self._desk.engine.ladder.symbols()
                if not symbols:
                    self._ticker = None
                    return
            for symbol in symbols:
                try:
                    self._matched(symbol)
                except PaperBooksError:
                    _log.exception("the paper exchange could not match %s", symbol)


def _placement(account: str, order: NewOrder, answer: PaperOrder | Refused, at: Micros) -> Arrival:
    return Arrival(
        sequence=0,
        at=at,
        account=account,
        operation="place",
        client_order_id=order.client_order_id,
        exchange_order_id=None if isinstance(answer, Refused) else str(answer.number),
        symbol=order.symbol,
        answer=answer.code if isinstance(answer, Refused) else "placed",
    )


def _cancellation(account: str, key: OrderKey, answer: PaperOrder | NotFound, at: Micros) -> Arrival:
    return Arrival(
        sequence=0,
        at=at,
        account=account,
        operation="cancel",
        client_order_id=key.client_order_id,
        exchange_order_id=key.exchange_order_id,
        symbol=answer.symbol if isinstance(answer, PaperOrder) else None,
        answer="cancelled" if isinstance(answer, PaperOrder) else "not_found",
    )
