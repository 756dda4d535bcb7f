"""The lease: how long it lasts, who may take it, and how somebody waits for it."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LeaseTerms, LogPlace, open_log_for_writing
from orderwright.eventstore.connections import Database
from orderwright.eventstore.postgres_sink import PostgresSink
from orderwright.eventstore.store import AppendFailed, ChainBroken, LeaseHeld, StoreUnavailable
from orderwright.eventstore.verify import verify
from orderwright.eventstore.writer import WriterLimits
from tests.eventstore.logs import PATIENCE, OpenedLog, PostgresWriting, appended
from tests.eventstore.proxy import CuttingProxy
from tests.fixtures_database import TestDatabase

TTL = 0.6


class Waiter:
    """Somebody who waits for the lease on a thread of its own."""

    def __init__(self, database: Database, *, ttl: float = TTL) -> None:
        self.heard: list[str] = []
        self.goes_on = True
        self.failure: Exception | None = None
        self.sink = PostgresSink(database, ttl=ttl)
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        try:
            self.sink.take_lease(SystemClock(), wait_on=self._wait_on)
        except (LeaseHeld, StoreUnavailable) as error:
            self.failure = error

    def _wait_on(self, why: str) -> bool:
        self.heard.append(why)
        return self.goes_on

    @property
    def has_lease(self) -> bool:
        return self.sink.epoch > 0

    def stop(self) -> None:
        self.goes_on = False
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.sink.close()


class StartWaiting(Protocol):
    def __call__(self, place: Database, *, ttl: float = TTL) -> Waiter: ...


@pytest.fixture
def waits() -> Iterator[StartWaiting]:
    started: list[Waiter] = []

    def start(place: Database, *, ttl: float = TTL) -> Waiter:
        started.append(Waiter(place, ttl=ttl))
        return started[-1]

    yield start
    for waiter in started:
        waiter.stop()


@pytest.fixture
def writing(database: TestDatabase) -> Iterator[PostgresWriting]:
    opened = PostgresWriting(database.place, WriterLimits(renew_every=TTL / 6), ttl=TTL)
    yield opened
    opened.close()


@pytest.fixture
def stalled(database: TestDatabase) -> Iterator[PostgresWriting]:
    """A writer that does not renew its lease, as a process that was stopped does not."""
    opened = PostgresWriting(database.place, WriterLimits(renew_every=3_600), ttl=TTL)
    yield opened
    opened.close()


def eventually(is_so: Callable[[], object], within: float = PATIENCE) -> None:
    until = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_writer_that_renews_its_lease_holds_it(writing: PostgresWriting) -> None:
    ends = time.monotonic() + 3 * TTL
    while time.monotonic() < ends:
        assert writing.writer.holds_lease
        assert writing.writer.trouble == ""
        time.sleep(0.01)


def test_a_lease_that_was_not_renewed_is_not_held_before_anybody_could_take_it(
    database: TestDatabase, stalled: PostgresWriting
) -> None:
    with psycopg.connect(database.owner, autocommit=True) as owner:
        eventually(lambda: not stalled.writer.holds_lease)
        row = owner.execute(
            "SELECT extract(epoch FROM clock_timestamp() - renewed_at)::float8 FROM log.writer_lease"
        ).fetchone()
    assert row is not None
    assert row[0] < TTL
    assert stalled.writer.trouble == "the lease could not be renewed in time"


def test_a_closed_writer_holds_no_lease(writing: PostgresWriting) -> None:
    writing.writer.close()

    assert not writing.writer.holds_lease


def test_a_lease_is_held_again_when_the_database_is_back(database: TestDatabase, tmp_path: Path) -> None:
    proxy = CuttingProxy(tmp_path, database.app)
    writing = PostgresWriting(Database(conninfo=proxy.conninfo), WriterLimits(renew_every=TTL / 6), ttl=TTL)
    appended(writing.log.append("a", expected=0))
    proxy.is_closed, proxy.cut_request = True, lambda _: True
    eventually(lambda: not writing.writer.holds_lease)
    assert writing.writer.trouble

    proxy.is_closed, proxy.cut_request = False, lambda _: False

    eventually(lambda: writing.writer.holds_lease and not writing.writer.trouble)
    appended(writing.log.append("a", expected=1))
    writing.close()
    proxy.close()


def test_a_standby_waits_and_says_for_whom(
    database: TestDatabase, writing: PostgresWriting, waits: StartWaiting
) -> None:
    waiter = waits(database.place)

    eventually(lambda: len(waiter.heard) > 3 * TTL / 0.25)
    assert not waiter.has_lease
    assert all("another engine" in heard and "process" in heard for heard in waiter.heard)
    appended(writing.log.append("a", expected=0))
    waiter.goes_on = False
    eventually(lambda: waiter.failure is not None)
    assert isinstance(waiter.failure, LeaseHeld)


def test_a_standby_takes_over_when_the_lease_is_given_back(
    database: TestDatabase, writing: PostgresWriting, waits: StartWaiting
) -> None:
    waiter = waits(database.place)
    eventually(lambda: waiter.heard)

    writing.writer.close()

    eventually(lambda: waiter.has_lease)
    assert waiter.sink.epoch > writing.sink.epoch


def test_a_standby_deposes_a_holder_that_is_stuck_and_only_after_its_time(
    database: TestDatabase, stalled: PostgresWriting, waits: StartWaiting
) -> None:
    appended(stalled.log.append("a", expected=0))
    waiter = waits(database.place)

    eventually(lambda: waiter.has_lease)
    assert not stalled.writer.holds_lease
    outcome = stalled.log.append("a", expected=1)

    assert isinstance(outcome, AppendFailed)
    eventually(lambda: stalled.fenced)
    assert verify(stalled.reader).events == 1
    assert waiter.sink.holds_lease


def test_of_two_standbys_one_takes_over_and_the_other_waits_on(
    database: TestDatabase, stalled: PostgresWriting, waits: StartWaiting
) -> None:
    two = [waits(database.place, ttl=30), waits(database.place, ttl=30)]
    stalled.writer.close()

    eventually(lambda: any(waiter.has_lease for waiter in two))
    (other,) = [waiter for waiter in two if not waiter.has_lease]
    heard = len(other.heard)
    eventually(lambda: len(other.heard) > heard + 2)
    assert not other.has_lease


def test_a_standby_with_less_patience_keeps_to_the_holders_own_time(
    database: TestDatabase, stalled: PostgresWriting, waits: StartWaiting
) -> None:
    stalled.sink.declare_ttl()

    hasty = waits(database.place, ttl=0.05)

    eventually(lambda: len(hasty.heard) >= 2)
    assert not hasty.has_lease or not stalled.writer.holds_lease
    eventually(lambda: hasty.has_lease)
    assert not stalled.writer.holds_lease


def test_a_standby_outlives_a_database_that_goes_away_for_a_while(
    database: TestDatabase, writing: PostgresWriting, waits: StartWaiting, tmp_path: Path
) -> None:
    proxy = CuttingProxy(tmp_path, database.app)
    waiter = waits(Database(conninfo=proxy.conninfo))
    eventually(lambda: waiter.heard)
    proxy.is_closed, proxy.cut_request = True, lambda _: True
    eventually(lambda: any("cannot be" in heard for heard in waiter.heard))

    proxy.is_closed, proxy.cut_request = False, lambda _: False
    writing.writer.close()

    eventually(lambda: waiter.has_lease)
    proxy.close()


def test_the_log_is_opened_with_the_time_that_was_configured(external: LogPlace) -> None:
    lease = LeaseTerms(ttl=7.5)
    with open_log_for_writing(external, clock=SystemClock(), on_fenced=print, lease=lease) as log:
        with psycopg.connect(str(external.url)) as owner:
            assert owner.execute("SELECT ttl_seconds FROM log.writer_lease").fetchone() == (7.5,)
        assert log.writer.holds_lease


def test_a_log_whose_end_was_tampered_with_is_not_opened_for_writing(external: LogPlace) -> None:
    with open_log_for_writing(external, clock=SystemClock(), on_fenced=print) as log:
        appended(OpenedLog(log.reader, log.writer).append("a", expected=0))
    with psycopg.connect(str(external.url)) as owner:
        owner.execute("ALTER TABLE log.event DISABLE TRIGGER USER")
        owner.execute("UPDATE log.event SET payload = '1'")

    with pytest.raises(ChainBroken, match="batch 1 "):
        open_log_for_writing(external, clock=SystemClock(), on_fenced=print)
