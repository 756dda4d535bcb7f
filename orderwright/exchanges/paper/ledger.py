"""The paper exchange's books as it works on them: in memory, and in the file before anything is answered.

What may still change is held here: balances, positions, open orders. Orders that have ended and their trades are looked
up in the file. Write-ahead logging hands every commit to the operating system, so that the kill of the process loses
nothing; `synchronous=NORMAL` spares the disk's flush, and a power cut can take the last moments' orders with it.
Nothing here decides anything, and only one exchange object may write: a lock on a file beside the books sees to that.
"""

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import IO, Any, TypeVar

from msgspec.structs import replace

from orderwright.engine.instruments import MarketType, Quote
from orderwright.engine.money import ZERO, add
from orderwright.engine.signals import Side
from orderwright.exchanges.paper.books import BooksReader, PaperBooksError, PaperBooksInUse
from orderwright.exchanges.paper.change import Change, prepare_changes, write_change
from orderwright.exchanges.paper.records import (
    Arrival,
    Balance,
    OrderKey,
    PaperAccount,
    PaperOrder,
    PaperPosition,
    SymbolLeverage,
    Trade,
)
from orderwright.exchanges.paper.rows import Cell, row_of, without_exponent
from orderwright.exchanges.paper.schema import lay_out

Key = TypeVar("Key")
Value = TypeVar("Value")


class Ledger(BooksReader):
    """Entries in and records out, for the one exchange object that may write. Not thread-safe.

    Entries are made within a transaction; what is read there has them in it.
    """

    def __init__(self, path: Path) -> None:
        """Open the books, making them if they do not exist.

        Raises:
            PaperBooksInUse: another process writes them.
            PaperBooksError: the file cannot be opened or is no books.
        """
        self._lock = _locked(path)
        try:
            super().__init__(
                sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
            )
            lay_out(self._db)
            prepare_changes(self._db)
            self._load()
        except sqlite3.Error as exc:
            self._lock.close()
            message = f"{path}: {exc}"
            raise PaperBooksError(message) from exc
        self._change = Change()
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []

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
        done = False
        try:
            yield
            write_change(self._db, self._change)
            done = True
        except sqlite3.Error as exc:
            raise PaperBooksError(str(exc)) from exc
        finally:
            if not done:
                for table, key, before in reversed(self._undo):
                    _put(table, key, before)
            self._change = Change()
            self._undo.clear()
            self._written = self._numbers["placed"]

    def balance(self, account: str, currency: str) -> Balance:
        """Return the account's balance in one currency, nothing if it never had any."""
        return self._balances.get(account, {}).get(currency) or Balance()

    def balances(self, account: str) -> dict[str, Balance]:
        """Return the account's balances by currency."""
        return dict(sorted(self._balances.get(account, {}).items()))

    def position(self, account: str, symbol: str) -> PaperPosition:
        """Return the account's futures position in a symbol, flat if it has none."""
        return self._positions.get(account, {}).get(symbol) or PaperPosition(symbol=symbol)

    def positions(self, account: str) -> tuple[PaperPosition, ...]:
        """Return the account's futures positions that are not flat."""
        return tuple(position for _, position in sorted(self._positions.get(account, {}).items()))

    def order(self, number: int) -> PaperOrder:
        """Return the order with this number, which must exist."""
        return self._change.orders.get(number) or super().order(number)

    def find_order(self, account: str, key: OrderKey) -> PaperOrder | None:
        """Return the account's order, open or ended, of any age; the latest of those that had the client's id."""
        wanted = key.client_order_id or ""
        if key.exchange_order_id is not None:
            query, value = "SELECT number FROM placed WHERE account = ? AND number = ?", key.exchange_order_id
            found = self._db.execute(query, (account, value)).fetchone()
            return self.order(found[0]) if found else None
        query = "SELECT max(number) FROM placed WHERE account = ? AND client_order_id = ?"
        numbers = [self._db.execute(query, (account, wanted)).fetchone()[0] or 0]
        entered = self._change.orders.values()
        numbers += [order.number for order in entered if (order.account, order.client_order_id) == (account, wanted)]
        return self.order(max(numbers)) if any(numbers) else None

    def is_spent(self, account: str, client_order_id: str) -> bool:
        """Return whether a request that failed used this client order id up."""
        query = "SELECT 1 FROM spent_id WHERE account = ? AND client_order_id = ?"
        return self._db.execute(query, (account, client_order_id)).fetchone() is not None

    def all_open_orders(self) -> Iterator[PaperOrder]:
        """Yield the open orders of all accounts, oldest first."""
        yield from sorted((order for orders in self._open.values() for order in orders.values()), key=_age)

    def open_orders(self, account: str) -> tuple[PaperOrder, ...]:
        """Return the account's open orders, oldest first."""
        return tuple(sorted(self._open.get(account, {}).values(), key=_age))

    def remaining(self, account: str, symbol: str, side: Side) -> Decimal:
        """Return what open futures orders may still trade on one side; reduce-only ones and waiting stops aside."""
        amounts = (
            order.remaining
            for order in self._open.get(account, {}).values()
            if (order.symbol, order.market_type, order.side) == (symbol, MarketType.FUTURES, side)
            and not order.reduce_only
            and not order.is_waiting
        )
        return reduce(add, amounts, ZERO)

    def trades_of(self, order_number: int) -> tuple[Trade, ...]:
        """Return an order's trades in time order."""
        before = super().trades_of(order_number) if order_number <= self._written else ()
        return (*before, *(trade for trade in self._change.trades if trade.order_number == order_number))

    def add_account(self, account: PaperAccount, balances: Mapping[str, Decimal]) -> None:
        """Open an account with its first balances."""
        self.set_account(account)
        for currency, total in balances.items():
            self._set_balance(account.name, currency, Balance(total=without_exponent(total)))

    def set_account(self, account: PaperAccount) -> None:
        """Replace an account's terms."""
        self._replace("account", row_of(account))

    def set_leverage(self, leverage: SymbolLeverage) -> None:
        """Replace an account's leverage for a symbol."""
        self._replace("symbol_leverage", row_of(leverage))

    def change_balance(self, account: str, currency: str, *, total: Decimal, locked: Decimal) -> None:
        """Add to the account's balance in one currency."""
        before = self.balance(account, currency)
        after = Balance(total=add(before.total, total), locked=add(before.locked, locked))
        self._set_balance(account, currency, after)

    def set_position(self, account: str, position: PaperPosition) -> None:
        """Replace the account's position in the symbol; a flat one leaves the books."""
        kept = position if position.amount else None
        self._keep(self._positions.setdefault(account, {}), position.symbol, kept)
        self._change.positions[account, position.symbol] = position

    def add_order(self, order: PaperOrder) -> PaperOrder:
        """Enter a new order and return it with the number that the books give it."""
        entered = replace(order, number=self._next("placed"))
        self.update_order(entered)
        return entered

    def update_order(self, order: PaperOrder) -> None:
        """Enter what has changed of an order."""
        self._keep(self._open.setdefault(order.account, {}), order.number, order if order.is_open else None)
        self._change.orders[order.number] = order

    def spend_id(self, account: str, client_order_id: str) -> None:
        """Let a client order id be used up, though no order came of it."""
        self._replace("spent_id", (account, client_order_id))

    def add_trade(self, trade: Trade) -> None:
        """Enter a trade; the books give it its number."""
        self._change.trades.append(replace(trade, number=self._next("trade")))

    def add_arrival(self, arrival: Arrival) -> None:
        """Enter a request that was acted on; the books give it its sequence."""
        self._change.arrivals.append(replace(arrival, sequence=self._next("arrival")))

    def set_price(self, quote: Quote) -> None:
        """Keep a price that wins over the feed."""
        self._replace("set_price", row_of(quote))

    def set_coming_prices(self, symbol: str, prices: Iterable[Quote]) -> None:
        """Replace the prices that a symbol will have."""
        self._state("DELETE FROM coming_price WHERE symbol = ?", symbol)
        for quote in prices:
            self._state("INSERT INTO coming_price VALUES (?, ?, ?)", *row_of(quote))

    def price_came(self, quote: Quote) -> None:
        """Let a price that was to come be the one that wins over the feed."""
        self.set_price(quote)
        self._state("DELETE FROM coming_price WHERE symbol = ? AND at <= ?", quote.symbol, quote.at)

    def clear_price(self, symbol: str) -> None:
        """Let the feed speak again, now and later."""
        self._state("DELETE FROM set_price WHERE symbol = ?", symbol)
        self.set_coming_prices(symbol, ())

    def _load(self) -> None:
        accounts = self.accounts()
        self._balances = {name: super(Ledger, self).balances(name) for name in accounts}
        found = {name: super(Ledger, self).positions(name) for name in accounts}
        self._positions = {name: {each.symbol: each for each in positions} for name, positions in found.items()}
        self._open: dict[str, dict[int, PaperOrder]] = {}
        for order in super().all_open_orders():
            self._open.setdefault(order.account, {})[order.number] = order
        self._numbers = {"placed": self._last("placed", "number"), "trade": self._last("trade", "number")}
        self._numbers["arrival"] = self._last("arrival", "sequence")
        self._written = self._numbers["placed"]

    def _last(self, table: str, column: str) -> int:
        return int(self._db.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0])  # noqa: S608 - own names

    def _next(self, table: str) -> int:
        number = self._numbers[table] + 1
        self._keep(self._numbers, table, number)
        return number

    def _set_balance(self, account: str, currency: str, balance: Balance) -> None:
        self._keep(self._balances.setdefault(account, {}), currency, balance)
        self._change.balances[account, currency] = balance

    def _keep(self, table: dict[Key, Value], key: Key, value: Value | None) -> None:
        self._undo.append((table, key, table.get(key)))
        _put(table, key, value)

    def _replace(self, table: str, row: tuple[Cell, ...]) -> None:
        self._state(f"REPLACE INTO {table} VALUES (?{', ?' * (len(row) - 1)})", *row)  # noqa: S608 - own names

    def _state(self, statement: str, *values: Cell) -> None:
        self._change.statements.append((statement, values))


def _put(table: dict[Key, Value], key: Key, value: Value | None) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _age(order: PaperOrder) -> int:
    return order.number


def _locked(path: Path) -> IO[str]:
    lock = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        lock.close()
        message = f"another process has the paper exchange's books {path} open"
        raise PaperBooksInUse(message) from exc
    return lock
