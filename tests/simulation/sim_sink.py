"""One engine's connection to the simulated database, on which the writer of production runs as it is."""

from collections.abc import Mapping, Sequence

from orderwright.eventstore.batches import Batch, KnownStream, Tail
from orderwright.eventstore.sink import AlreadyWritten, BatchRefused, ConnectionLost, StreamsMoved
from orderwright.eventstore.store import Fenced
from orderwright.moments import SECOND
from tests.simulation.faults import Fault, Faults
from tests.simulation.sim_log import SimLog
from tests.simulation.world import World


class SimSink:
    """Implements `Sink` with the epoch that it claims when it is made."""

    def __init__(self, world: World, log: SimLog, faults: Faults) -> None:
        self._world = world
        self._log = log
        self._faults = faults
        self._epoch = log.claim()
        self.is_broken = False
        self.is_dying = False

    @property
    def log_id(self) -> int:
        """Return the number of the log."""
        return self._log.memory.log_id

    @property
    def epoch(self) -> int:
        """Return the epoch of the lease."""
        return self._epoch

    @property
    def holds_lease(self) -> bool:
        """Return whether nobody else has claimed the log: nobody does before the lease is over."""
        return self._log.epoch == self._epoch

    def read_tail(self) -> Tail:
        """Return where the log ends."""
        return self._log.memory.tail

    def read_streams(self, names: Sequence[str]) -> Mapping[str, KnownStream]:
        """Return those of the named streams that exist."""
        self._require_connection()
        return self._log.memory.known(names)

    def read_root(self, batch_no: int) -> bytes | None:
        """Return the root of a batch, or None if there is none."""
        self._require_connection()
        found = next(self._log.memory.read_batches(after_batch=batch_no - 1), None)
        return None if found is None else found.root

    def write(self, batch: Batch) -> None:
        """Write the batch, unless something goes wrong before, or the answer is lost after."""
        self._require_room()
        is_lost = not self.is_dying and self._faults.happens(self._faults.mix.commit_unknown)
        if not is_lost or self._world.chance(0.5):
            self._require_place(batch)
            self._log.write(batch)
        if is_lost:
            self._faults.count(Fault.COMMIT_UNKNOWN)
            self.is_broken = True
            raise ConnectionLost("the server closed the connection")

    def rehearse(self, batch: Batch) -> None:
        """Write the batch, and take it back."""
        self._require_room()
        self._require_place(batch)

    def renew(self) -> None:
        """Renew the lease."""
        self._require_connection()
        self._require_lease()

    def reconnect(self) -> None:
        """Connect again, which takes a while."""
        self._world.pass_time(self._world.rng.randrange(3 * SECOND))
        self._require_lease()
        self.is_broken = False

    def close(self) -> None:
        """Disconnect."""
        self.is_broken = True

    def _require_room(self) -> None:
        self._require_connection()
        self._require_lease()
        if not self.is_dying and self._faults.happens(self._faults.mix.append_fails):
            self._faults.count(Fault.APPEND_FAILS)
            raise BatchRefused("the disk is full")

    def _require_place(self, batch: Batch) -> None:
        if batch.head.batch_no <= self._log.memory.tail.batch_no:
            raise AlreadyWritten(str(batch.head.batch_no))
        known = self._log.memory.known([change.name for change in batch.changes])
        for change in batch.changes:
            if change.expected != (known[change.name].version if change.name in known else 0):
                raise StreamsMoved(change.name)

    def _require_connection(self) -> None:
        if self.is_broken:
            raise ConnectionLost("there is no connection")

    def _require_lease(self) -> None:
        if not self.holds_lease:
            message = f"epoch {self._epoch} is over, {self._log.epoch} writes"
            raise Fenced(message)
