"""The paper exchange's own books: one SQLite file that survives the kill of its process at any moment.

Write-ahead logging hands every commit to the operating system; `synchronous=NORMAL` spares the disk's flush, which only
a power cut could tell. Nothing here decides anything, and only one exchange object may write: a lock on a file beside
the books sees to that, while readers stay welcome (see `read_books`).
"""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.signals import Side
from orderwright.exchanges.gateway import ExchangeError, ExchangeUnavailable
from orderwright.exchanges.paper.records import (
    AccountBooks,
    Arrival,
    Balance,
    BooksDump,
    OrderKey,
    PaperAccount,
    PaperOrder,
    PaperPosition,
    SymbolLeverage,
    Trade,
)
from orderwright.exchanges.paper.rows import Cell, Record, cell_of, record_of, row_of
from orderwright.exchanges.paper.schema import lay_out
from orderwright.moments import Micros

BOOKS_FILE = "paper.sqlite3"
"""The books' name within a data directory."""

_IS_OPEN = "status IN ('NEW', 'PARTIALLY_FILLED')"
_IS_WAITING = "stop_price IS NOT NULL AND triggered_at IS NULL"


class PaperBooksError(ExchangeError):
    """The books could not be read or written; the change was rolled back."""


class PaperBooksInUse(ExchangeUnavailable):
    """Another process has these books open for writing."""


class BooksReader:
    """Rows out. Not thread-safe: the exchange holds one lock around every use."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what SQLite complains of within the block into the exchange's own error.

        Raises:
            PaperBooksError: the books cannot be read.
        """
        try:
            yield
        except sqlite3.Error as exc:
            raise PaperBooksError(str(exc)) from exc

    def accounts(self) -> dict[str, PaperAccount]:
        """Return the accounts by name."""
        return {account.name: account for account in self._read(PaperAccount, "SELECT * FROM account")}

    def leverages(self) -> dict[tuple[str, str], Decimal]:
        """Return the leverages that were set, by account and symbol."""
        found = self._read(SymbolLeverage, "SELECT * FROM symbol_leverage")
        return {(row.account, row.symbol): row.leverage for row in found}

    def balance(self, account: str, currency: str) -> Balance:
        """Return the account's balance in one currency, nothing if it never had any."""
        query = "SELECT total, locked FROM balance WHERE account = ? AND currency = ?"
        return next(self._read(Balance, query, account, currency), Balance())

    def balances(self, account: str) -> dict[str, Balance]:
        """Return the account's balances by currency."""
        rows = self._db.execute("SELECT currency, total, locked FROM balance WHERE account = ?", (account,))
        return {currency: record_of(Balance, row) for currency, *row in rows}

    def position(self, account: str, symbol: str) -> PaperPosition:
        """Return the account's futures position in a symbol, flat if it has none."""
        query = "SELECT symbol, amount, entry_cost FROM position WHERE account = ? AND symbol = ?"
        return next(self._read(PaperPosition, query, account, symbol), PaperPosition(symbol=symbol))

    def positions(self, account: str) -> tuple[PaperPosition, ...]:
        """Return the account's futures positions that are not flat."""
        query = "SELECT symbol, amount, entry_cost FROM position WHERE account = ? ORDER BY symbol"
        return tuple(self._read(PaperPosition, query, account))

    def order(self, number: int) -> PaperOrder:
        """Return the order with this number, which must exist."""
        return next(self._read(PaperOrder, "SELECT * FROM placed WHERE number = ?", number))

    def find_order(self, account: str, key: OrderKey) -> PaperOrder | None:
        """Return the account's order, open or ended, of any age; the latest of those that had the client's id."""
        if key.exchange_order_id is not None:
            query, value = "SELECT * FROM placed WHERE account = ? AND number = ?", key.exchange_order_id
        else:
            query = "SELECT * FROM placed WHERE account = ? AND client_order_id = ? ORDER BY number DESC LIMIT 1"
            value = key.client_order_id or ""
        return next(self._read(PaperOrder, query, account, value), None)

    def is_spent(self, account: str, client_order_id: str) -> bool:
        """Return whether a request that failed used this client order id up."""
        query = "SELECT 1 FROM spent_id WHERE account = ? AND client_order_id = ?"
        return self._db.execute(query, (account, client_order_id)).fetchone() is not None

    def all_open_orders(self) -> Iterator[PaperOrder]:
        """Yield the open orders of all accounts, oldest first."""
        return self._read(PaperOrder, f"SELECT * FROM placed WHERE {_IS_OPEN} ORDER BY number")  # noqa: S608 - a constant

    def open_orders(self, account: str) -> tuple[PaperOrder, ...]:
        """Return the account's open orders, oldest first."""
        query = f"SELECT * FROM placed WHERE {_IS_OPEN} AND account = ? ORDER BY number"  # noqa: S608 - a constant
        return tuple(self._read(PaperOrder, query, account))

    def orders_since(self, account: str, moment: Micros) -> tuple[PaperOrder, ...]:
        """Return the account's orders that are open, or changed after the moment; oldest first."""
        query = f"SELECT * FROM placed WHERE ({_IS_OPEN} OR changed_at > ?) AND account = ? ORDER BY number"  # noqa: S608 - a constant
        return tuple(self._read(PaperOrder, query, moment, account))

    def remaining(self, account: str, symbol: str, side: Side) -> Decimal:
        """Return what open futures orders may still trade on one side; reduce-only ones and waiting stops aside."""
        rows = self._db.execute(
            f"SELECT amount, filled FROM placed WHERE {_IS_OPEN} AND account = ? AND symbol = ? AND market_type = ?"  # noqa: S608 - a constant
            f" AND side = ? AND NOT reduce_only AND NOT ({_IS_WAITING})",
            (account, symbol, MarketType.FUTURES.value, side.value),
        )
        return reduce(add, (subtract(Decimal(amount), Decimal(filled)) for amount, filled in rows), ZERO)

    def trades_of(self, order_number: int) -> tuple[Trade, ...]:
        """Return an order's trades in time order."""
        query = "SELECT * FROM trade WHERE order_number = ? ORDER BY number"
        return tuple(self._read(Trade, query, order_number))

    def set_prices(self) -> tuple[Quote, ...]:
        """Return the prices that were set and win over the feed."""
        return tuple(self._read(Quote, "SELECT symbol, price, at FROM set_price ORDER BY symbol"))

    def coming_prices(self) -> tuple[Quote, ...]:
        """Return the prices that will win over the feed, in time order."""
        return tuple(self._read(Quote, "SELECT symbol, price, at FROM coming_price ORDER BY at, rowid"))

    def dump_account(self, account: str) -> AccountBooks:
        """Return all that the books say of an account, which must exist."""
        terms = self.accounts()[account]
        return AccountBooks(
            account=account,
            leverage=terms.leverage,
            profile=terms.profile,
            leverages={symbol: leverage for (owner, symbol), leverage in self.leverages().items() if owner == account},
            balances=self.balances(account),
            positions=self.positions(account),
            orders=tuple(self._read(PaperOrder, "SELECT * FROM placed WHERE account = ? ORDER BY number", account)),
            trades=tuple(self._read(Trade, "SELECT * FROM trade WHERE account = ? ORDER BY number", account)),
        )

    def dump(self) -> BooksDump:
        """Return everything."""
        return BooksDump(
            accounts=tuple(self.dump_account(name) for name in sorted(self.accounts())),
            arrivals=tuple(self._read(Arrival, "SELECT * FROM arrival ORDER BY sequence")),
            set_prices=self.set_prices(),
            coming_prices=self.coming_prices(),
        )

    def _read(self, record_type: type[Record], query: str, *values: Cell) -> Iterator[Record]:
        return (record_of(record_type, row) for row in self._db.execute(query, values).fetchall())


class Books(BooksReader):
    """Rows in and rows out, for the one exchange object that may write."""

    def __init__(self, path: Path) -> None:
        """Open the books, making them if they do not exist.

        Raises:
            PaperBooksInUse: another process writes them.
            PaperBooksError: the file cannot be opened or is no books.
        """
        self._lock = _locked(path)
        try:
            db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
            lay_out(db)
        except sqlite3.Error as exc:
            self._lock.close()
            message = f"{path}: {exc}"
            raise PaperBooksError(message) from exc
        super().__init__(db)

    def close(self) -> None:
        """Close the file and let others have it."""
        self._db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything in the block one change, all or nothing.

        Raises:
            PaperBooksError: the change was not made.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            raise PaperBooksError(str(exc)) from exc
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def add_account(self, account: PaperAccount, balances: Mapping[str, Decimal]) -> None:
        """Open an account with its first balances."""
        self.set_account(account)
        for currency, total in balances.items():
            self._set_balance(account.name, currency, Balance(total=total))

    def set_account(self, account: PaperAccount) -> None:
        """Replace an account's terms."""
        self._write("account", row_of(account))

    def set_leverage(self, leverage: SymbolLeverage) -> None:
        """Replace an account's leverage for a symbol."""
        self._write("symbol_leverage", row_of(leverage))

    def change_balance(self, account: str, currency: str, *, total: Decimal, locked: Decimal) -> None:
        """Add to the account's balance in one currency."""
        before = self.balance(account, currency)
        after = Balance(total=add(before.total, total), locked=add(before.locked, locked))
        self._set_balance(account, currency, after)

    def set_position(self, account: str, position: PaperPosition) -> None:
        """Replace the account's position in the symbol; a flat one leaves the books."""
        if position.amount:
            self._write("position", (account, *row_of(position)))
        else:
            self._db.execute("DELETE FROM position WHERE account = ? AND symbol = ?", (account, position.symbol))

    def add_order(self, order: PaperOrder) -> PaperOrder:
        """Enter a new order and return it with the number that the books give it."""
        return replace(order, number=self._add("placed", order))

    def update_order(self, order: PaperOrder) -> None:
        """Write what has changed of an order."""
        held = order.locked, order.locked_currency
        changed = order.status, order.filled, *held, order.changed_at, order.triggered_at, order.child
        self._db.execute(
            "UPDATE placed SET status = ?, filled = ?, locked = ?, locked_currency = ?, changed_at = ?,"
            " triggered_at = ?, child = ? WHERE number = ?",
            (*map(cell_of, changed), order.number),
        )

    def spend_id(self, account: str, client_order_id: str) -> None:
        """Let a client order id be used up, though no order came of it."""
        self._write("spent_id", (account, client_order_id))

    def add_trade(self, trade: Trade) -> None:
        """Enter a trade; the books give it its number."""
        self._add("trade", trade)

    def add_arrival(self, arrival: Arrival) -> None:
        """Enter a request that was acted on; the books give it its sequence."""
        self._add("arrival", arrival)

    def set_price(self, quote: Quote) -> None:
        """Keep a price that wins over the feed."""
        self._write("set_price", row_of(quote))

    def set_coming_prices(self, symbol: str, prices: Iterable[Quote]) -> None:
        """Replace the prices that a symbol will have."""
        self._db.execute("DELETE FROM coming_price WHERE symbol = ?", (symbol,))
        self._db.executemany("INSERT INTO coming_price VALUES (?, ?, ?)", [row_of(quote) for quote in prices])

    def price_came(self, quote: Quote) -> None:
        """Let a price that was to come be the one that wins over the feed."""
        self.set_price(quote)
        self._db.execute("DELETE FROM coming_price WHERE symbol = ? AND at <= ?", (quote.symbol, quote.at))

    def clear_price(self, symbol: str) -> None:
        """Let the feed speak again, now and later."""
        self._db.execute("DELETE FROM set_price WHERE symbol = ?", (symbol,))
        self.set_coming_prices(symbol, ())

    def _set_balance(self, account: str, currency: str, balance: Balance) -> None:
        self._write("balance", (account, currency, *row_of(balance)))

    def _write(self, table: str, row: tuple[Cell, ...]) -> None:
        self._db.execute(f"REPLACE INTO {table} VALUES (?{', ?' * (len(row) - 1)})", row)  # noqa: S608 - own names

    def _add(self, table: str, record: PaperOrder | Trade | Arrival) -> int:
        row = (None, *row_of(record)[1:])
        cursor = self._db.execute(f"INSERT INTO {table} VALUES (?{', ?' * (len(row) - 1)})", row)  # noqa: S608 - own names
        return int(cursor.lastrowid or 0)


def read_books(path: Path) -> BooksDump:
    """Return everything in the books, also while an exchange is writing them.

    Raises:
        PaperBooksError: the file is missing or is no books.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            db.execute("BEGIN")
            return BooksReader(db).dump()
    except sqlite3.Error as exc:
        message = f"{path}: {exc}"
        raise PaperBooksError(message) from exc


def _locked(path: Path) -> IO[str]:
    lock = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        lock.close()
        message = f"another process has the paper exchange's books {path} open"
        raise PaperBooksInUse(message) from exc
    return lock
