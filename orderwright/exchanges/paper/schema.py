"""The layout of the paper exchange's books, and how books of an older layout are brought forward."""

import sqlite3

_TABLES = """
CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, leverage TEXT NOT NULL, opened_at INTEGER NOT NULL,
    profile TEXT);
CREATE TABLE IF NOT EXISTS symbol_leverage (account TEXT NOT NULL, symbol TEXT NOT NULL, leverage TEXT NOT NULL,
    PRIMARY KEY (account, symbol)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balance (account TEXT NOT NULL, currency TEXT NOT NULL, total TEXT NOT NULL,
    locked TEXT NOT NULL, PRIMARY KEY (account, currency)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (account TEXT NOT NULL, symbol TEXT NOT NULL, amount TEXT NOT NULL,
    entry_cost TEXT NOT NULL, PRIMARY KEY (account, symbol)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placed (number INTEGER PRIMARY KEY, account TEXT NOT NULL,
    client_order_id TEXT NOT NULL, market_type TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
    order_type TEXT NOT NULL, amount TEXT NOT NULL, price TEXT, reduce_only INTEGER NOT NULL, status TEXT NOT NULL,
    filled TEXT NOT NULL, locked TEXT NOT NULL, locked_currency TEXT NOT NULL, placed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, stop_price TEXT, triggered_at INTEGER, parent INTEGER, child INTEGER);
CREATE INDEX IF NOT EXISTS placed_by_client ON placed (account, client_order_id);
CREATE INDEX IF NOT EXISTS open_placed ON placed (account, symbol, market_type, side)
    WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE IF NOT EXISTS spent_id (account TEXT NOT NULL, client_order_id TEXT NOT NULL,
    PRIMARY KEY (account, client_order_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trade (number INTEGER PRIMARY KEY, order_number INTEGER NOT NULL,
    account TEXT NOT NULL, market_type TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, amount TEXT NOT NULL,
    price TEXT NOT NULL, fee TEXT NOT NULL, fee_currency TEXT NOT NULL, maker INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS trade_of_order ON trade (order_number);
CREATE TABLE IF NOT EXISTS arrival (sequence INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    account TEXT NOT NULL, operation TEXT NOT NULL, client_order_id TEXT, exchange_order_id TEXT, symbol TEXT,
    answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS set_price (symbol TEXT PRIMARY KEY, price TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS coming_price (symbol TEXT NOT NULL, price TEXT NOT NULL, at INTEGER NOT NULL);
"""

# Layout 1 allowed a client order id once for ever, and knew neither stops nor profiles.
_FROM_1 = """
ALTER TABLE account ADD COLUMN profile TEXT;
DROP INDEX open_placed;
ALTER TABLE placed RENAME TO placed_1;
"""
_AFTER_1 = """
INSERT INTO placed SELECT *, NULL, NULL, NULL, NULL FROM placed_1;
DROP TABLE placed_1;
"""

LAYOUT = 2

_CHECKPOINT = 8 << 20
"""Bytes of the write-ahead log after which it is brought into the file, with the disk's flush."""


def lay_out(db: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older layout forward, all or nothing.

    Raises:
        sqlite3.Error: it cannot be done.
    """
    # Small pages, for a commit writes whole ones; books that exist keep theirs.
    db.executescript("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT // db.execute('PRAGMA page_size').fetchone()[0]}")
    layout = db.execute("PRAGMA user_version").fetchone()[0] or _first_layout(db)
    before, after = (_FROM_1, _AFTER_1) if layout == 1 else ("", "")
    if layout > LAYOUT:
        message = f"the books have layout {layout}; this version knows up to {LAYOUT}"
        raise sqlite3.DatabaseError(message)
    try:
        db.executescript(f"BEGIN IMMEDIATE;{before}{_TABLES}{after}PRAGMA user_version = {LAYOUT};COMMIT;")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _first_layout(db: sqlite3.Connection) -> int:
    # Books of the first layout did not say so.
    return int(db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'placed'").fetchone()[0])
