"""What one change of the paper exchange enters in its books, and the one statement that writes all of it.

Between two statements other threads may run, while the exchange's lock is held. So a change is dealt out to the tables
by a trigger on a view that has a column for each of theirs; the usual one, an order that trades once, is one row of it.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain

from msgspec import Struct

from orderwright.engine.money import plain
from orderwright.exchanges.paper.records import Arrival, Balance, PaperOrder, PaperPosition, Trade
from orderwright.exchanges.paper.rows import Cell, row_of

Owned = tuple[str, str]
"""An account, and the currency or the symbol of what it has."""


class Change(Struct, kw_only=True):
    """What is to be written: records as they are in the end, and `statements` with their values before everything."""

    orders: dict[int, PaperOrder] = {}
    trades: list[Trade] = []
    arrivals: list[Arrival] = []
    balances: dict[Owned, Balance] = {}
    positions: dict[Owned, PaperPosition] = {}
    statements: list[tuple[str, Sequence[Cell]]] = []


_TABLES = (("placed", 20), ("trade", 12), ("arrival", 8), ("balance", 4), ("balance", 4), ("position", 4))
_NAMES = [[f"{table}{place}_{column}" for column in range(width)] for place, (table, width) in enumerate(_TABLES)]
_WIDTH = sum(width for _, width in _TABLES)
_BLANKS: list[tuple[Cell, ...]] = [(None,) * width for _, width in _TABLES]


def _dealing() -> str:
    columns = list(chain.from_iterable(_NAMES))
    inserts = [
        f"INSERT OR REPLACE INTO {table} SELECT {', '.join(f'NEW.{name}' for name in names)}"
        f" WHERE NEW.{names[2]} IS NOT NULL;"
        for (table, _), names in zip(_TABLES, _NAMES, strict=True)
    ]
    account, symbol, amount, _ = _NAMES[-1]
    flat = f"DELETE FROM position WHERE NEW.{amount} IS NULL AND account = NEW.{account} AND symbol = NEW.{symbol};"  # noqa: S608 - own names
    return (
        f"CREATE TEMP VIEW entry ({', '.join(columns)}) AS SELECT {', '.join('NULL' for _ in columns)};"
        f"CREATE TEMP TRIGGER deal INSTEAD OF INSERT ON entry BEGIN {''.join(inserts)}{flat} END;"
    )


_ENTER = f"INSERT INTO entry VALUES (?{', ?' * (_WIDTH - 1)})"  # noqa: S608 - own names


def prepare_changes(db: sqlite3.Connection) -> None:
    """Make a connection to laid out books able to write changes.

    Raises:
        sqlite3.Error: it cannot be done.
    """
    db.executescript(_dealing())


def write_change(db: sqlite3.Connection, change: Change) -> None:
    """Write a change, all or nothing.

    Raises:
        sqlite3.Error: nothing was written.
    """
    rows = _entries(change)
    if len(rows) == 1 and not change.statements:
        # By itself it is a transaction.
        db.execute(_ENTER, rows[0])
        return
    if not rows and not change.statements:
        return
    try:
        db.execute("BEGIN IMMEDIATE")
        for statement, values in change.statements:
            db.execute(statement, values)
        db.executemany(_ENTER, rows)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _entries(change: Change) -> list[list[Cell]]:
    balances = [(*owned, *row_of(balance)) for owned, balance in change.balances.items()]
    columns: tuple[list[tuple[Cell, ...]], ...] = (
        [row_of(order) for order in change.orders.values()],
        [row_of(trade) for trade in change.trades],
        [row_of(arrival) for arrival in change.arrivals],
        balances[::2],
        balances[1::2],
        [_position_row(*owned, position) for owned, position in change.positions.items()],
    )
    entries = []
    for place in range(max(map(len, columns))):
        entry: list[Cell] = []
        for rows, blank in zip(columns, _BLANKS, strict=True):
            entry += rows[place] if place < len(rows) else blank
        entries.append(entry)
    return entries


def _position_row(account: str, symbol: str, position: PaperPosition) -> tuple[Cell, ...]:
    # A flat one leaves the books.
    return account, symbol, plain(position.amount) if position.amount else None, plain(position.entry_cost)
