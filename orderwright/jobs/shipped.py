"""The jobs that every engine runs, by the intervals of the configuration."""

import threading
from collections.abc import Sequence
from typing import Protocol

from orderwright.actors.alarms import Alarms
from orderwright.actors.drift import Drifts
from orderwright.clock import Clock
from orderwright.config.schema import Config
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import ExchangeBooks
from orderwright.eventstore.connections import Database
from orderwright.eventstore.partitions import ensure_partitions
from orderwright.eventstore.snapshots import SnapshotStore
from orderwright.eventstore.store import LogReader
from orderwright.jobs.accounts import Accounts, BalanceBook, fetch_balances, find_drift, reload_markets
from orderwright.jobs.orders import Watch, find_unwatched
from orderwright.jobs.schedule import Job
from orderwright.jobs.snapshots import take_missing_snapshots

_OUTGROWN = 2


class WorkingEngine(Accounts, Watch, Protocol):
    """The engine as far as jobs need it."""

    def catalogue(self) -> Catalogue:
        """Return the catalogue as of now."""
        ...

    def exchange_books(self, account: str) -> ExchangeBooks:
        """Return what an exchange account shows of its holdings and open orders; may block on the exchange.

        Raises:
            ExchangeError: the exchange could not be asked.
        """
        ...

    @property
    def alarms(self) -> Alarms:
        """What somebody should look at."""
        ...


def shipped_jobs(
    config: Config,
    *,
    clock: Clock,
    engine: WorkingEngine,
    drifts: Drifts,
    book: BalanceBook,
    reader: LogReader,
    snapshots: SnapshotStore,
    database: Database,
) -> Sequence[Job]:
    """Return the jobs; `database` is where the log is, `book` where balances are put down."""

    def order_poll(_stopping: threading.Event) -> str:
        return find_unwatched(engine)

    def balances(stopping: threading.Event) -> str:
        return fetch_balances(engine, book, clock=clock, stopping=stopping)

    def markets(stopping: threading.Event) -> str:
        return reload_markets(engine, stopping=stopping)

    def drift(stopping: threading.Event) -> str:
        return find_drift(drifts, stopping=stopping)

    def missing_snapshots(stopping: threading.Event) -> str:
        # Actors take theirs every so many events: only what has twice as many was left behind by them.
        longest = _OUTGROWN * config.store.snapshot_every
        return take_missing_snapshots(reader, snapshots, longest_tail=longest, stopping=stopping)

    def partitions(_stopping: threading.Event) -> str:
        made = ensure_partitions(database)
        return f"made {made} partition{'' if made == 1 else 's'}"

    every = config.jobs
    return (
        Job(
            name="order-poll",
            purpose="wakes whoever has unfinished orders and does not look after them",
            every=every.order_poll,
            run=order_poll,
        ),
        Job(
            name="balances",
            purpose="asks every account's exchange for its balances",
            every=every.balances,
            run=balances,
            at_once=True,
        ),
        Job(
            name="drift",
            purpose="compares what the log says of every account with what its exchange shows",
            every=every.drift,
            run=drift,
        ),
        Job(
            name="markets",
            purpose="learns anew what can be traded, and in which steps",
            every=every.markets,
            run=markets,
        ),
        Job(
            name="snapshots",
            purpose="takes snapshots of streams that have outgrown their last one",
            every=every.snapshots,
            run=missing_snapshots,
        ),
        Job(
            name="partitions",
            purpose="makes the log's next partitions before they are needed",
            every=every.partitions,
            run=partitions,
            at_once=True,
        ),
    )
