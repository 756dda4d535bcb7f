"""A reader of the simulated log: the projections of production over rows in memory, in transactions that can fail."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import StoreUnavailable
from orderwright.readmodels import projections
from orderwright.readmodels.projection import Page
from orderwright.readmodels.projections import Projections
from tests.simulation.faults import Fault, Faults
from tests.simulation.sim_log import SimLog
from tests.simulation.world import World

_PAGE = 5


class Witness:
    """The projection that writes down which positions it is given; what is not committed is forgotten."""

    name = "witness"
    shape = "1"

    def apply(self, connection: Connection, page: Page) -> None:
        """Write down the page's positions."""
        cast("_Session", connection).seen.extend(event.position for event in page.events)

    def clear(self, connection: Connection, log_id: int) -> None:  # noqa: ARG002 -- there is only one log
        """Forget all positions."""
        cast("_Session", connection).seen.clear()


class SimReader:
    """Reads whenever it is told to look; `seen` are the positions that it was given, in that order."""

    def __init__(self, world: World, log: SimLog, faults: Faults) -> None:
        self._log = log
        self._rows = _Rows(world, faults)
        self._projections = self._begun()

    @property
    def seen(self) -> Sequence[int]:
        """The positions that were seen and committed."""
        return self._rows.seen

    def look(self) -> None:
        """Apply what is new, at most a page of it."""
        if self._rows.position < self._log.memory.head_position():
            try:
                self._projections.advance()
            except StoreUnavailable:
                return

    def catch_up(self) -> None:
        """Apply all that is new, as long as that leads anywhere."""
        for _ in range(self._log.memory.head_position()):
            if self._rows.position >= self._log.memory.head_position():
                return
            self.look()

    def restart(self) -> None:
        """Begin again with nothing in mind but what was committed."""
        self._projections = self._begun()

    def _begun(self) -> Projections:
        return Projections(reader=self._log.memory, database=self._rows, log_id=1, projections=(Witness(),), page=_PAGE)


class _Rows:
    """Implements `Transactions`: one cursor and one list of positions."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self.shape: str | None = None
        self.position = 0
        self.seen: list[int] = []

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a session whose changes are kept if it ends well; the answer to its commit can be lost."""
        mix = self._faults.mix
        session = _Session(self.shape, self.position, list(self.seen))
        yield cast("Connection", session)
        is_lost = session.has_changed and self._faults.happens(mix.commit_unknown)
        if not is_lost or self._world.chance(0.5):
            self.shape, self.position, self.seen = session.shape, session.position, session.seen
        if is_lost:
            self._faults.count(Fault.COMMIT_UNKNOWN)
            raise StoreUnavailable("the server closed the connection")


class _Session:
    """Knows the statements of `Projections`, and nothing else."""

    def __init__(self, shape: str | None, position: int, seen: list[int]) -> None:
        self.shape = shape
        self.position = position
        self.seen = seen
        self.has_changed = False
        self._rows: list[tuple[object, ...]] = []

    def execute(self, statement: str, values: Sequence[object]) -> "_Session":
        """Carry out one statement."""
        if statement == projections._CURSORS:
            self._rows = [] if self.shape is None else [("witness", self.shape, self.position)]
        elif statement == projections._LOCKED:
            self._rows = [(self.shape, self.position)]
        elif statement == projections._MOVE:
            self.position, self.has_changed = int(str(values[0])), True
        elif statement == projections._BEGIN:
            self.shape, self.position, self.has_changed = str(values[2]), 0, True
        else:
            raise ValueError(statement)
        return self

    def fetchall(self) -> list[tuple[object, ...]]:
        """Return all rows."""
        return self._rows

    def fetchone(self) -> tuple[object, ...] | None:
        """Return the first row."""
        return self._rows[0] if self._rows else None
