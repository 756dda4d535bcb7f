"""The paper exchange's own books as anybody may read them: one SQLite file, also while an exchange is writing it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

from orderwright.engine.instruments import Quote
from orderwright.exchanges.gateway import ExchangeError, ExchangeUnavailable
from orderwright.exchanges.paper.records import (
    AccountBooks,
    Arrival,
    Balance,
    BooksDump,
    PaperAccount,
    PaperOrder,
    PaperPosition,
    SymbolLeverage,
    Trade,
)
from orderwright.exchanges.paper.rows import Cell, Record, record_of
from orderwright.moments import Micros

BOOKS_FILE = "paper.sqlite3"
"""The books' name within a data directory."""

_IS_OPEN = "status IN ('NEW', 'PARTIALLY_FILLED')"


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

    def balances(self, account: str) -> dict[str, Balance]:
        """Return the account's balances by currency."""
        rows = self._db.execute("SELECT currency, total, locked FROM balance WHERE account = ?", (account,))
        return {currency: record_of(Balance, row) for currency, *row in rows}

    def positions(self, account: str) -> tuple[PaperPosition, ...]:
        """Return the account's futures positions that are not flat."""
        query = "SELECT symbol, amount, entry_cost FROM position WHERE account = ? ORDER BY symbol"
        return tuple(self._read(PaperPosition, query, account))

    def order(self, number: int) -> PaperOrder:
        """Return the order with this number, which must exist."""
        return next(self._read(PaperOrder, "SELECT * FROM placed WHERE number = ?", number))

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
