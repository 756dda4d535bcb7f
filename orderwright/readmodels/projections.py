"""Keeps projections up with the log: pages applied in order, cursor and rows in one transaction, each on its own."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from orderwright.errors import OrderwrightError
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import LogReader, StoredEvent, StoreUnavailable
from orderwright.readmodels.books import Books
from orderwright.readmodels.database import Transactions
from orderwright.readmodels.projection import Page, Projection
from orderwright.readmodels.signals import Signals
from orderwright.readmodels.trades import Trades

logger = logging.getLogger(__name__)

PAGE: Final = 1_000
"""How many events one transaction applies at most."""

_CURSORS = "SELECT name, shape, position FROM app.projection WHERE log_id = %s::integer"
_LOCKED = "SELECT shape, position FROM app.projection WHERE log_id = %s::integer AND name = %s FOR UPDATE"
_MOVE = "UPDATE app.projection SET position = %s, moved_at = clock_timestamp() WHERE log_id = %s::integer AND name = %s"
_BEGIN = (
    "INSERT INTO app.projection (log_id, name, shape, position) VALUES (%s::integer, %s, %s, 0) "
    "ON CONFLICT (log_id, name) DO UPDATE SET shape = excluded.shape, position = 0, moved_at = clock_timestamp()"
)


class ProjectionBroken(OrderwrightError):
    """A projection cannot get past an event; the message names both and says why."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far the slowest projection has come: `position` of the `head` that the log had at the beginning."""

    position: int
    head: int


def shipped_projections() -> tuple[Projection, ...]:
    """Return the projections that this code knows."""
    return (Books(), Trades(), Signals())


class Projections:
    """Not thread-safe; but several of these, also in other processes, may keep the same rows up: cursors are locked."""

    def __init__(
        self,
        *,
        reader: LogReader,
        database: Transactions,
        log_id: int,
        projections: Sequence[Projection] | None = None,
        page: int = PAGE,
    ) -> None:
        self._reader = reader
        self._database = database
        self._log_id = log_id
        self._projections = shipped_projections() if projections is None else projections
        self._page = page
        self._broken: dict[str, str] = {}

    @property
    def broken(self) -> Mapping[str, str]:
        """What is wrong with the projections that have stopped, by name."""
        return self._broken

    def advance(self) -> int:
        """Apply the next page to each projection that works; return how many events the furthest behind was given.

        A projection that fails on an event stops just before it, is in `broken` from then on, and holds up no other.

        Raises:
            StoreUnavailable: the log or the read models cannot be asked; what was applied before stays.
        """
        by_position: dict[int, list[Projection]] = {}
        cursors = self._cursors()
        for projection in self._working():
            by_position.setdefault(cursors[projection.name], []).append(projection)
        most = 0
        for position, together in sorted(by_position.items()):
            events = list(self._reader.read_all(after_position=position, limit=self._page))
            most = max(most, len(events))
            if events:
                page = Page(self._log_id, events)
                for projection in together:
                    self._apply(projection, position, page)
        return most

    def rebuild(self, progress: Callable[[Progress], None] = lambda _progress: None) -> int:
        """Drop every row and fold the whole log anew; return the position that the rows then stand for.

        What was written since the call began may be missing; an engine that runs goes on from there.

        Raises:
            ProjectionBroken: a projection cannot be built; the others are.
            StoreUnavailable: the log or the read models cannot be asked.
        """
        head = self._reader.head_position()
        self._broken.clear()
        for projection in self._projections:
            self._begin(projection)
        position = 0
        while position < head and self._working():
            self.advance()
            position = self.position()
            progress(Progress(position=min(position, head), head=head))
        if self._broken:
            raise ProjectionBroken("; ".join(f"{name}: {why}" for name, why in self._broken.items()))
        return position

    def position(self) -> int:
        """Return up to which event every projection that works has come; 0 if none does.

        Raises:
            StoreUnavailable: the read models cannot be asked.
        """
        cursors = self._cursors()
        return min((cursors[projection.name] for projection in self._working()), default=0)

    def _working(self) -> list[Projection]:
        return [projection for projection in self._projections if projection.name not in self._broken]

    def _cursors(self) -> dict[str, int]:
        with self._database.transaction() as connection:
            rows = connection.execute(_CURSORS, [self._log_id]).fetchall()
        known = {str(name): (shape, int(str(position))) for name, shape, position in rows}
        cursors = {}
        for projection in self._projections:
            shape, cursors[projection.name] = known.get(projection.name, (None, 0))
            if shape != projection.shape:
                if shape is not None:
                    logger.info("read model %s is built anew: its rows are not of this version", projection.name)
                self._begin(projection)
                cursors[projection.name] = 0
        return cursors

    def _begin(self, projection: Projection) -> None:
        with self._database.transaction() as connection:
            connection.execute(_BEGIN, [self._log_id, projection.name, projection.shape])
            projection.clear(connection, self._log_id)

    def _apply(self, projection: Projection, position: int, page: Page) -> None:
        failure = self._applied(projection, position, page)
        if failure is None:
            return
        for single in page.singly():
            failure = self._applied(projection, position, single)
            if failure is not None:
                self._stop(projection, single.events[0], failure)
                return
            position = single.last_position

    def _applied(self, projection: Projection, position: int, page: Page) -> Exception | None:
        try:
            with self._database.transaction() as connection:
                if self._locks(connection, projection, position):
                    projection.apply(connection, page)
                    connection.execute(_MOVE, [page.last_position, self._log_id, projection.name])
        except StoreUnavailable:
            raise
        except Exception as failure:  # noqa: BLE001 -- whatever is wrong with one projection, the others go on
            return failure
        return None

    def _locks(self, connection: Connection, projection: Projection, position: int) -> bool:
        # False: somebody else has moved it meanwhile, and the next look will tell where to.
        row = connection.execute(_LOCKED, [self._log_id, projection.name]).fetchone()
        return row == (projection.shape, position)

    def _stop(self, projection: Projection, stored: StoredEvent, failure: Exception) -> None:
        said = str(failure) if isinstance(failure, OrderwrightError) else f"{type(failure).__name__}: {failure}"
        why = f"stopped before event {stored.position} ({stored.type}): {said.splitlines()[0]}"
        self._broken[projection.name] = why
        logger.error("read model %s %s", projection.name, why, exc_info=failure)
