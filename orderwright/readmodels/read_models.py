"""The read models as they are asked: a page of a list, and how far the log had been folded into it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from msgspec import Struct

from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import LogBooks
from orderwright.eventstore.connections import Connection
from orderwright.moments import Micros
from orderwright.readmodels.balances import note_balances
from orderwright.readmodels.books import Books
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.holdings import holdings, wait_for
from orderwright.readmodels.listing import Answer, Listing, Question
from orderwright.readmodels.signals import SignalAccountRow, accounts_of

RowT = TypeVar("RowT", bound=Struct)

_POSITION = "SELECT position FROM app.projection WHERE log_id = %s::integer AND name = %s"


class ReadModels:
    """The read models of one log; thread-safe. Every method raises `StoreUnavailable` when the database is away."""

    def __init__(self, database: ReadModelDatabase, *, log_id: int) -> None:
        self._database = database
        self._log_id = log_id

    def ask(self, listing: Listing[RowT], question: Question) -> tuple[Answer[RowT], int | None]:
        """Return a page of a list, and up to which position every event is in it (None: it is not made of events)."""
        with self._database.transaction() as connection:
            # First the position: the rows may be younger, never older.
            position = self._position(connection, listing.projection)
            return listing.answer(connection, self._log_id, question), position

    def signal_accounts(self, signal_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[SignalAccountRow]]:
        """Return what became of each of these signals at each of its accounts, by name."""
        with self._database.transaction() as connection:
            rows = accounts_of(connection, self._log_id, signal_ids)
        by_signal: dict[UUID, list[SignalAccountRow]] = {}
        for row in rows:
            by_signal.setdefault(row.signal_id, []).append(row)
        return by_signal

    def holdings(self, catalogue: Catalogue, *, head: int) -> Mapping[str, LogBooks]:
        """Return what the log, at least up to position `head`, has of each exchange account, by name."""
        wait_for(self._folded, head)
        with self._database.transaction() as connection:
            return holdings(connection, self._log_id, catalogue)

    def _folded(self) -> int:
        with self._database.transaction() as connection:
            return self._position(connection, Books.name) or 0

    def note_balances(self, account: str, totals: Mapping[str, Decimal], *, seen_at: Micros) -> None:
        """Put down what an account holds of each currency, as its exchange said at `seen_at`."""
        with self._database.transaction() as connection:
            note_balances(connection, self._log_id, account, totals, seen_at)

    def _position(self, connection: Connection, projection: str | None) -> int | None:
        if projection is None:
            return None
        found = connection.execute(_POSITION, [self._log_id, projection]).fetchone()
        return 0 if found is None else int(str(found[0]))
