"""The one thread that appends to a log: what all actors queued while the last commit ran goes into the next.

Nothing is acknowledged or failed before its fate is known, and what was queued earlier is never committed later.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from orderwright.clock import Clock, monotonic
from orderwright.eventstore.batches import Batch, KnownStream, Place, Plan, Tail, plan_batch
from orderwright.eventstore.sink import AlreadyWritten, BatchRefused, ConnectionLost, Sink, StreamsMoved, WritesFail
from orderwright.eventstore.store import Append, AppendFailed, AppendOutcome, Fenced, QueueFull, Stale, StoreUnavailable

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 1.0
_PLANS = 3


class Waiting(Struct, frozen=True):
    """An append that somebody waits for."""

    append: Append
    done: Callable[[AppendOutcome], None]


class WriterLimits(Struct, frozen=True, kw_only=True):
    """What bounds a writer; times in seconds.

    `reconnect_within` is how long a lost database is waited for before the writer gives up for good,
    `close_within` the same once it is being closed.
    """

    queue: int = 10_000
    batch_events: int = 400
    known_streams: int = 100_000
    renew_every: float = 2.0
    reconnect_within: float = 600.0
    close_within: float = 10.0


class GroupCommitWriter:
    """A `LogWriter` over a sink that holds the lease.

    `on_fenced` is called once, from the writer's thread, when it will never write again though nobody closed it.
    `start` gives it that thread; a proof calls `open`, and then `turn` whenever it likes. `timer` returns seconds.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        clock: Clock,
        on_fenced: Callable[[str], None],
        limits: WriterLimits | None = None,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._timer = timer
        self._on_fenced = on_fenced
        self._limits = limits or WriterLimits()
        self._queue: deque[Waiting] = deque()
        self._in_flight: Sequence[Waiting] = ()
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._settled = threading.Condition(lock)
        self._queued = self._told = 0
        self._closing = False
        self._ended: str | None = None
        self._trouble = ""
        self._refused: Batch | None = None
        self._generation = 0
        self._tail = Tail()
        self._streams: dict[str, KnownStream] = {}
        self._renew_at = 0.0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    @property
    def is_healthy(self) -> bool:
        """Whether the last attempt to write succeeded."""
        return not self.trouble

    @property
    def trouble(self) -> str:
        """Return what keeps the writer from writing; empty when nothing does."""
        return self._trouble or ("" if self.holds_lease else "the lease could not be renewed in time")

    @property
    def holds_lease(self) -> bool:
        """Return whether the log is surely still this writer's."""
        return self._ended is None and self._sink.holds_lease

    @property
    def generation(self) -> int:
        """Return how often an append has failed other than by a conflict, with all that was queued behind it."""
        return self._generation

    @property
    def waiting(self) -> int:
        """Return how many appends are queued."""
        return len(self._queue)

    def open(self) -> None:
        """Find the log's end.

        Raises:
            EventStoreError: the log cannot be read.
        """
        self._tail = self._sink.read_tail()
        self._renew_at = self._timer() + self._limits.renew_every

    def start(self) -> None:
        """Find the log's end and begin to write.

        Raises:
            EventStoreError: the log cannot be read.
        """
        self.open()
        self._thread.start()

    def append(self, append: Append, done: Callable[[AppendOutcome], None], *, generation: int | None = None) -> None:
        """Queue the append; `done` is called exactly once, from the writer's thread, and must not block.

        Raises:
            QueueFull: too much is waiting; `done` will not be called.
            Stale: `generation` is not the writer's any more; `done` will not be called.
            Fenced: this writer has lost the lease or was closed; `done` will not be called.
            ValueError: there are no events.
        """
        if not append.events:
            message = f"an append to {append.stream} without events"
            raise ValueError(message)
        with self._changed:
            if self._ended is not None or self._closing:
                raise Fenced(self._ended or "the log was closed")
            if len(self._queue) >= self._limits.queue:
                message = f"{len(self._queue)} appends are waiting to be written"
                raise QueueFull(message)
            if generation is not None and generation != self._generation:
                message = f"an append to {append.stream} may rest on one that failed"
                raise Stale(message)
            self._queue.append(Waiting(append, done))
            self._queued += 1
            self._changed.notify()

    def wait_settled(self, timeout: float) -> bool:
        """Wait until every append queued so far has ended, at most `timeout` seconds; return whether they all have."""
        with self._settled:
            queued = self._queued
            return self._settled.wait_for(lambda: self._told >= queued, timeout)

    def close(self) -> None:
        """Write what is queued, then stop and give the lease back."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while self.turn():
            pass

    def turn(self, *, most: int | None = None) -> bool:
        """Wait until there is something to do, and do it: write a batch, or renew the lease.

        Args:
            most: how many appends the batch may have; None: as many as fit.

        Returns:
            Whether there can be another turn.
        """
        reason = "the log was closed"
        try:
            taken = self._take(most)
            if taken is not None:
                if taken:
                    self._settle(taken)
                if self._timer() >= self._renew_at:
                    self._renew()
                return True
        except (Fenced, StoreUnavailable) as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - Whoever waits for this thread would wait for ever if it died in silence.
            _log.exception("the log's writer failed")
            reason = f"the log's writer failed: {error}"
        self._end(reason)
        return False

    def _end(self, reason: str) -> None:
        with self._changed:
            self._ended = reason
            left = [*self._in_flight, *self._queue]
            self._queue.clear()
            self._in_flight = ()
            self._fail(left, reason)
            abandoned = not self._closing or bool(left)
        self._sink.close()
        if abandoned:
            self._trouble = reason
            _log.error("the log is written no more: %s", reason)
            self._on_fenced(reason)

    def _take(self, most: int | None) -> Sequence[Waiting] | None:
        with self._changed:
            while not self._queue:
                if self._closing:
                    return None
                patience = self._renew_at - self._timer()
                if patience <= 0:
                    return ()
                self._changed.wait(patience)
            taken: list[Waiting] = []
            room = self._limits.batch_events
            while self._queue and len(taken) != most and (room >= len(self._queue[0].append.events) or not taken):
                taken.append(self._queue.popleft())
                room -= len(taken[-1].append.events)
            self._in_flight = taken
            return taken

    def _settle(self, taken: Sequence[Waiting]) -> None:
        try:
            plan = self._write_planned([waiting.append for waiting in taken])
        except BatchRefused as error:
            self._refuse(taken, str(error))
            return
        if plan.batch is not None:
            self._tail = plan.tail
            for change in plan.batch.changes:
                self._streams[change.name] = KnownStream(change.stream_id, change.version)
            self._trouble = ""
            self._refused = None
        self._in_flight = ()
        for waiting, outcome in zip(taken, plan.outcomes, strict=True):
            _tell(waiting, outcome)
        self._count(taken)

    def _write_planned(self, appends: Sequence[Append]) -> Plan:
        for _ in range(_PLANS):
            self._learn_streams(appends)
            place = Place(log_id=self._sink.log_id, epoch=self._sink.epoch, tail=self._tail, now=self._clock.now())
            plan = plan_batch(appends, self._streams, place)
            if plan.batch is None:
                # Nothing asks the database whether these conflicts are still this writer's to tell.
                self._renew()
                return plan
            if self._is_written(plan.batch):
                return plan
        message = "the streams' versions in the database keep changing under the writer"
        raise Fenced(message)

    def _learn_streams(self, appends: Sequence[Append]) -> None:
        if len(self._streams) > self._limits.known_streams:
            self._streams.clear()
        unknown = list({append.stream for append in appends if append.stream not in self._streams})
        if unknown:
            self._streams.update(self._ask(lambda: self._sink.read_streams(unknown)))

    def _is_written(self, batch: Batch) -> bool:
        while True:
            try:
                self._sink.write(batch)
            except ConnectionLost as error:
                self._reconnect(error)
            except StreamsMoved as error:
                _log.warning("the writer was mistaken: %s", error)
                self._streams.clear()
                return False
            except WritesFail:
                self._refused = batch
                raise
            except AlreadyWritten:
                _log.warning("batch %d is there already", batch.head.batch_no)
            else:
                return True
            root = self._ask(lambda: self._sink.read_root(batch.head.batch_no))
            if root == batch.head.root:
                return True
            if root is not None:
                message = f"batch {batch.head.batch_no} was written by somebody else"
                raise Fenced(message)

    def _refuse(self, taken: Sequence[Waiting], reason: str) -> None:
        # What is queued by now may build on what was refused.
        with self._changed:
            failed = [*taken, *self._queue]
            self._queue.clear()
            self._in_flight = ()
            self._streams.clear()
            self._trouble = reason
            self._fail(failed, reason)
        _log.error("the database refused a batch, %d appends failed: %s", len(failed), reason)

    def _fail(self, waiting: Sequence[Waiting], reason: str) -> None:
        # Told before anybody can append in the new generation: whoever is reborn in it speaks to those who know.
        self._generation += bool(waiting)
        for one in waiting:
            _tell(one, AppendFailed(reason=reason))
        self._count(waiting)

    def _count(self, told: Sequence[Waiting]) -> None:
        with self._settled:
            self._told += len(told)
            self._settled.notify_all()

    def _renew(self) -> None:
        self._renew_at = self._timer() + self._limits.renew_every
        try:
            self._ask(self._sink.renew)
            # A lease can be renewed where there is no room for a batch.
            if self._refused is not None:
                self._ask(partial(self._sink.rehearse, self._refused))
        except BatchRefused as error:
            self._trouble = str(error)
            _log.warning("the log cannot be written: %s", error)
        except (AlreadyWritten, StreamsMoved):
            self._refused = None
        else:
            self._refused = None
            self._trouble = ""

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return question()
            except ConnectionLost as error:
                self._reconnect(error)

    def _reconnect(self, lost: ConnectionLost) -> None:
        _log.warning("the log's database is gone, reconnecting: %s", lost)
        self._trouble = str(lost)
        began, delay = self._timer(), _FIRST_DELAY
        while True:
            try:
                self._sink.reconnect()
            except StoreUnavailable as error:
                self._trouble = str(error)
                limit = self._limits.close_within if self._closing else self._limits.reconnect_within
                if self._timer() - began > limit:
                    message = f"the log's database has been gone for {limit:.0f} s, and what was sent last is unknown"
                    raise StoreUnavailable(message) from error
                time.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY)
            else:
                self._trouble = ""
                self._renew_at = self._timer() + self._limits.renew_every
                return


def _tell(waiting: Waiting, outcome: AppendOutcome) -> None:
    try:
        waiting.done(outcome)
    except Exception:  # noqa: BLE001 - One listener's failure is not the next one's, nor the log's.
        _log.exception("the listener of an append to %s failed", waiting.append.stream)
