"""The writer: unknown outcomes, refusals, fences, and a queue that is bounded and keeps its order."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from msgspec.structs import replace

from orderwright.clock import SystemClock
from orderwright.eventstore.connections import Database
from orderwright.eventstore.postgres_sink import PostgresSink
from orderwright.eventstore.store import (
    ANY_VERSION,
    Appended,
    AppendFailed,
    AppendOutcome,
    Conflict,
    Fenced,
    LeaseHeld,
    QueueFull,
)
from orderwright.eventstore.verify import verify
from orderwright.eventstore.writer import WriterLimits
from tests.eventstore.logs import PATIENCE, PostgresWriting, appended, appending
from tests.eventstore.proxy import CuttingProxy
from tests.fixtures_database import TestDatabase


class StartWriting(Protocol):
    def __call__(self, place: Database, limits: WriterLimits | None = None) -> PostgresWriting: ...


@pytest.fixture
def start_writing() -> Iterator[StartWriting]:
    opened: list[PostgresWriting] = []

    def start(place: Database, limits: WriterLimits | None = None) -> PostgresWriting:
        opened.append(PostgresWriting(place, limits))
        return opened[-1]

    yield start
    for writing in opened:
        writing.close()


@pytest.fixture
def writing(database: TestDatabase, start_writing: StartWriting) -> PostgresWriting:
    return start_writing(database.place)


@pytest.fixture
def proxy(database: TestDatabase, tmp_path: Path) -> Iterator[CuttingProxy]:
    relay = CuttingProxy(tmp_path, database.app)
    yield relay
    relay.close()


def once(cut: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    left = [True]

    def decide(data: bytes) -> bool:
        return left[0] and cut(data) and left.pop() and not left.append(False)  # type: ignore[func-returns-value]

    return decide


def eventually(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_commit_whose_answer_was_lost_is_found_and_not_written_again(
    proxy: CuttingProxy, start_writing: StartWriting
) -> None:
    writing = start_writing(Database(conninfo=proxy.conninfo))
    appended(writing.log.append("a", expected=0))
    proxy.cut_answer = once(lambda _: True)

    outcome = writing.log.append("a", '"kept"', expected=1)

    assert (outcome, proxy.cuts) == (Appended(version=2, position=2), 1)
    assert writing.log.append("a", expected=2) == Appended(version=3, position=3)
    assert verify(writing.reader).events == 3


def test_a_request_that_never_arrived_is_sent_again(proxy: CuttingProxy, start_writing: StartWriting) -> None:
    writing = start_writing(Database(conninfo=proxy.conninfo))
    appended(writing.log.append("a", expected=0))
    proxy.cut_request = once(lambda data: b"kept" in data)

    assert writing.log.append("a", '"kept"', expected=1) == Appended(version=2, position=2)
    assert proxy.cuts == 1
    assert verify(writing.reader).events == 2


def test_a_killed_session_is_replaced_and_nothing_is_lost_or_doubled(
    database: TestDatabase, writing: PostgresWriting
) -> None:
    total, ends = 300, queue.SimpleQueue[AppendOutcome]()
    with psycopg.connect(database.owner, autocommit=True) as owner:
        for n in range(total):
            writing.writer.append(appending("a", f"{n}", expected=n), ends.put)
            if n % 60 == 59:
                owner.execute("SELECT pg_terminate_backend(backend_pid) FROM log.writer_lease")
                time.sleep(0.02)
    outcomes = [ends.get(timeout=PATIENCE) for _ in range(total)]

    assert outcomes == [Appended(version=n + 1, position=n + 1) for n in range(total)]
    assert [event.payload for event in writing.reader.read_stream("a")] == [f"{n}" for n in range(total)]
    assert verify(writing.reader).events == total
    assert writing.writer.is_healthy


def test_appends_wait_in_a_bounded_queue_while_the_database_is_away(
    proxy: CuttingProxy, start_writing: StartWriting
) -> None:
    writing = start_writing(Database(conninfo=proxy.conninfo), WriterLimits(queue=5))
    appended(writing.log.append("a", expected=0))
    proxy.is_closed = True
    proxy.cut_request = once(lambda _: True)
    ends: queue.SimpleQueue[AppendOutcome] = queue.SimpleQueue()
    writing.writer.append(appending("a", expected=1), ends.put)
    eventually(lambda: not writing.writer.is_healthy and writing.writer.waiting == 0)
    for n in range(5):
        writing.writer.append(appending("a", expected=2 + n), ends.put)

    with pytest.raises(QueueFull):
        writing.writer.append(appending("a", expected=7), ends.put)
    assert ends.empty()
    assert "lost" in writing.writer.trouble or "closed" in writing.writer.trouble

    proxy.is_closed = False
    assert [appended(ends.get(timeout=PATIENCE)).version for _ in range(6)] == [2, 3, 4, 5, 6, 7]
    assert writing.writer.is_healthy


def test_a_database_that_stays_away_ends_the_writer(proxy: CuttingProxy, start_writing: StartWriting) -> None:
    writing = start_writing(Database(conninfo=proxy.conninfo), WriterLimits(reconnect_within=0.3))
    proxy.is_closed = True
    proxy.cut_request = lambda _: True

    outcome = writing.log.append("a", expected=0)

    assert isinstance(outcome, AppendFailed)
    assert "gone" in outcome.reason
    eventually(lambda: len(writing.fenced) == 1)
    with pytest.raises(Fenced):
        writing.writer.append(appending("a", expected=0), print)


def test_a_refused_batch_fails_whatever_is_queued_behind_it_and_the_writer_goes_on(
    writing: PostgresWriting,
) -> None:
    ends: queue.SimpleQueue[AppendOutcome] = queue.SimpleQueue()
    begun, go_on = threading.Event(), threading.Event()

    def hold_the_writer(outcome: AppendOutcome) -> None:
        ends.put(outcome)
        begun.set()
        go_on.wait(PATIENCE)

    writing.writer.append(appending("a", expected=0), hold_the_writer)
    begun.wait(PATIENCE)
    writing.writer.append(appending("b", "this is no JSON", expected=0), ends.put)
    writing.writer.append(appending("b", expected=1), ends.put)
    go_on.set()

    outcomes = [ends.get(timeout=PATIENCE) for _ in range(3)]
    assert isinstance(outcomes[0], Appended)
    assert all(isinstance(outcome, AppendFailed) for outcome in outcomes[1:])
    assert not writing.writer.is_healthy
    assert "json" in writing.writer.trouble
    assert writing.writer.generation == 1

    assert writing.log.append("b", expected=0) == Appended(version=1, position=2)
    assert writing.writer.trouble == ""
    assert verify(writing.reader).events == 2


def test_a_writer_that_is_refused_for_the_databases_own_reasons_is_in_trouble_until_it_could_write(
    database: TestDatabase, start_writing: StartWriting
) -> None:
    writing = start_writing(database.place, WriterLimits(renew_every=0.05))
    appended(writing.log.append("a", expected=0))
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("REVOKE EXECUTE ON FUNCTION log.append_batch FROM orderwright_app")
        assert isinstance(writing.log.append("b", expected=0), AppendFailed)
        time.sleep(0.5)
        assert "permission" in writing.writer.trouble

        owner.execute("GRANT EXECUTE ON FUNCTION log.append_batch TO orderwright_app")
        eventually(lambda: writing.writer.is_healthy)

    assert verify(writing.reader).events == 1
    assert writing.log.append("b", expected=0) == Appended(version=1, position=2)


def test_a_batch_that_is_refused_for_what_it_says_leaves_no_trouble_behind(
    database: TestDatabase, start_writing: StartWriting
) -> None:
    writing = start_writing(database.place, WriterLimits(renew_every=0.05))
    assert isinstance(writing.log.append("a", "this is no JSON", expected=0), AppendFailed)
    eventually(lambda: writing.writer.is_healthy)


def test_a_conflict_that_only_the_database_knows_of_fails_alone(
    database: TestDatabase, writing: PostgresWriting
) -> None:
    appended(writing.log.append("a", expected=0))
    with psycopg.connect(database.owner) as owner:
        owner.execute("UPDATE log.stream SET version = 5 WHERE name = 'a'")

    outcomes = writing.log.append_all(
        [appending("b", expected=0), appending("a", expected=1), appending("b", expected=1)]
    )

    assert outcomes == [
        Appended(version=1, position=2),
        Conflict(expected_version=1, actual_version=5),
        Appended(version=2, position=3),
    ]


def test_a_failing_listener_does_not_harm_the_next(writing: PostgresWriting) -> None:
    def fail(_: AppendOutcome) -> None:
        message = "a listener's own fault"
        raise RuntimeError(message)

    writing.writer.append(appending("a", expected=0), fail)

    assert writing.log.append("a", expected=1) == Appended(version=2, position=2)


def test_closing_writes_what_is_queued(database: TestDatabase, start_writing: StartWriting) -> None:
    writing = start_writing(database.place)
    ends: queue.SimpleQueue[AppendOutcome] = queue.SimpleQueue()
    for _ in range(500):
        writing.writer.append(appending("a", expected=ANY_VERSION), ends.put)

    writing.writer.close()

    assert ends.qsize() == 500
    assert writing.reader.head_position() == 500
    assert writing.fenced == []


def test_a_second_engine_is_told_who_writes_the_log(database: TestDatabase, writing: PostgresWriting) -> None:
    appended(writing.log.append("a", expected=0))

    with pytest.raises(LeaseHeld) as refused:
        PostgresSink(database.place).take_lease(SystemClock())

    assert socket.gethostname() in str(refused.value)
    assert "process" in str(refused.value)
    assert "since" in str(refused.value)


def test_the_lease_is_free_once_it_is_given_back(database: TestDatabase, start_writing: StartWriting) -> None:
    first = start_writing(database.place)
    appended(first.log.append("a", expected=0))
    first.writer.close()

    second = start_writing(database.place)

    assert second.log.append("a", expected=1) == Appended(version=2, position=2)
    assert second.sink.epoch > first.sink.epoch


def test_a_holder_that_stopped_renewing_is_deposed_and_writes_no_more(
    database: TestDatabase, start_writing: StartWriting
) -> None:
    old = start_writing(database.place, WriterLimits(renew_every=3_600))
    appended(old.log.append("a", expected=0))
    with psycopg.connect(database.owner) as owner:
        owner.execute("UPDATE log.writer_lease SET renewed_at = renewed_at - interval '11 s'")

    new = start_writing(database.place)
    outcome = old.log.append("a", expected=1)

    assert isinstance(outcome, AppendFailed)
    eventually(lambda: len(old.fenced) == 1)
    with pytest.raises(Fenced):
        old.writer.append(appending("a", expected=1), print)
    assert new.log.append("a", expected=1) == Appended(version=2, position=2)
    assert verify(new.reader).events == 2


def test_an_unknown_outcome_after_which_another_engine_took_over_is_fenced(
    database: TestDatabase, proxy: CuttingProxy, start_writing: StartWriting
) -> None:
    old = start_writing(Database(conninfo=proxy.conninfo), WriterLimits(renew_every=3_600))
    appended(old.log.append("a", expected=0))

    def take_over() -> None:
        with psycopg.connect(database.owner) as owner:
            owner.execute("UPDATE log.writer_lease SET renewed_at = renewed_at - interval '11 s'")
        start_writing(database.place)

    proxy.cut_request = once(lambda data: b"kept" in data)
    proxy.while_cut = take_over
    outcome = old.log.append("a", '"kept"', expected=1)

    assert isinstance(outcome, AppendFailed)
    eventually(lambda: len(old.fenced) == 1)
    assert old.reader.head_position() == 1


def test_an_idle_writer_renews_its_lease(database: TestDatabase, start_writing: StartWriting) -> None:
    start_writing(database.place, WriterLimits(renew_every=0.05))
    with psycopg.connect(database.owner, autocommit=True) as owner:

        def renewed_at() -> object:
            return owner.execute("SELECT renewed_at FROM log.writer_lease").fetchone()

        before = renewed_at()
        eventually(lambda: renewed_at() != before)


def test_an_idle_writer_notices_that_its_epoch_is_over(database: TestDatabase, start_writing: StartWriting) -> None:
    writing = start_writing(database.place, WriterLimits(renew_every=0.05))

    with psycopg.connect(database.owner) as owner:
        owner.execute("UPDATE log.writer_lease SET epoch = epoch + 1")

    eventually(lambda: len(writing.fenced) == 1)
    assert not writing.writer.is_healthy


def test_a_batch_that_does_not_follow_the_last_one_is_refused(
    database: TestDatabase, start_writing: StartWriting
) -> None:
    writing = start_writing(database.place)
    appended(writing.log.append("a", expected=0))
    writing.writer._tail = replace(writing.writer._tail, batch_no=7, position=20)

    outcome = writing.log.append("a", expected=1)

    assert isinstance(outcome, AppendFailed)
    assert "does not follow" in outcome.reason
