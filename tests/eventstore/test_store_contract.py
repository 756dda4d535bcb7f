"""What every log does, whether it lives in memory or in PostgreSQL."""

import itertools
import queue
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from orderwright.clock import SystemClock
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import (
    ANY_VERSION,
    Append,
    Appended,
    AppendOutcome,
    Conflict,
    Fenced,
    Stale,
    StoredText,
    StreamHead,
)
from orderwright.eventstore.verify import verify
from tests.eventstore.logs import PATIENCE, OpenedLog, PostgresWriting, appended, appending, new_event
from tests.fixtures_database import TestDatabase


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> Iterator[OpenedLog]:
    if request.param == "memory":
        memory = MemoryLog(SystemClock())
        yield OpenedLog(memory, memory)
        return
    database: TestDatabase = request.getfixturevalue("database")
    writing = PostgresWriting(database.place)
    yield writing.log
    writing.close()


def test_what_was_appended_is_read_back_as_it_was(log: OpenedLog) -> None:
    event = new_event('{"type": "happened",  "who": "김", "emoji": "😀"}')
    before = SystemClock().now()
    outcome = log.append_all([Append(stream="a", expected_version=0, events=(event,))])[0]

    assert outcome == Appended(version=1, position=1)
    (stored,) = log.reader.read_stream("a")
    assert (stored.position, stored.stream, stored.version) == (1, "a", 1)
    assert stored.payload == event.payload
    assert (stored.event_id, stored.causation, stored.correlation) == (
        event.event_id,
        event.causation,
        event.correlation,
    )
    assert (stored.type, stored.schema_version) == ("happened", 1)
    assert before <= stored.recorded_at <= SystemClock().now()
    assert list(log.reader.read_all()) == [stored]


def test_an_empty_log_has_nothing(log: OpenedLog) -> None:
    assert log.reader.head_position() == 0
    assert list(log.reader.read_all()) == []
    assert list(log.reader.read_stream("a")) == []
    assert list(log.reader.read_correlation(uuid4())) == []
    assert log.reader.streams() == []
    assert verify(log.reader).events == 0


def test_positions_are_contiguous_across_streams_in_the_order_of_the_appends(log: OpenedLog) -> None:
    appends = [appending(f"s{n % 3}", f'{{"n": {n}}}', expected=n // 3) for n in range(30)]
    outcomes = log.append_all(appends)

    assert [appended(outcome).position for outcome in outcomes] == list(range(1, 31))
    assert [event.payload for event in log.reader.read_all()] == [f'{{"n": {n}}}' for n in range(30)]
    assert log.reader.head_position() == 30


def test_a_wrong_expected_version_writes_nothing_and_says_what_the_version_is(log: OpenedLog) -> None:
    log.append("a", "{}", "{}", expected=0)

    assert log.append("a", expected=1) == Conflict(expected_version=1, actual_version=2)
    assert log.append("b", expected=4) == Conflict(expected_version=4, actual_version=0)
    assert log.reader.head_position() == 2
    assert [head.stream for head in log.reader.streams()] == ["a"]


def test_a_conflict_fails_that_append_alone_and_those_that_built_on_it(log: OpenedLog) -> None:
    outcomes = log.append_all(
        [
            appending("a", expected=0),
            appending("b", expected=7),
            appending("a", expected=1),
            appending("b", expected=8),
            appending("c", expected=0),
        ]
    )

    assert outcomes == [
        Appended(version=1, position=1),
        Conflict(expected_version=7, actual_version=0),
        Appended(version=2, position=2),
        Conflict(expected_version=8, actual_version=0),
        Appended(version=1, position=3),
    ]


def test_any_version_appends_to_a_new_and_to_an_old_stream(log: OpenedLog) -> None:
    first = log.append("inbox", expected=ANY_VERSION)
    second = log.append("inbox", "{}", "{}", expected=ANY_VERSION)

    assert (first, second) == (Appended(version=1, position=1), Appended(version=3, position=3))


def test_several_events_are_one_append(log: OpenedLog) -> None:
    assert log.append("a", "1", "2", "3", expected=0) == Appended(version=3, position=3)
    assert [(event.version, event.payload) for event in log.reader.read_stream("a")] == [(1, "1"), (2, "2"), (3, "3")]


def test_attention_is_set_kept_and_cleared_by_the_appends(log: OpenedLog) -> None:
    log.append("a", expected=0, attention=True)
    log.append("a", expected=1)
    log.append("b", expected=0)
    assert log.reader.streams(attention_only=True) == [StreamHead(stream="a", version=2, attention=True)]

    log.append("a", expected=2, attention=False)
    log.append("b", expected=1, attention=True)
    assert [head.stream for head in log.reader.streams(attention_only=True)] == ["b"]


def test_the_last_word_on_attention_counts_within_one_commit(log: OpenedLog) -> None:
    log.append_all(
        [
            appending("a", expected=0, attention=True),
            appending("a", expected=1, attention=False),
            appending("b", expected=0, attention=True),
            appending("b", expected=1),
        ]
    )

    assert [(head.stream, head.attention) for head in log.reader.streams()] == [("a", False), ("b", True)]


def test_streams_are_found_by_the_beginning_of_their_name(log: OpenedLog) -> None:
    for name in ("inbox-b", "inbox-a", "inbo%", "strategy-1"):
        log.append(name, expected=0)

    assert [head.stream for head in log.reader.streams(prefix="inbox-")] == ["inbox-a", "inbox-b"]
    assert [head.stream for head in log.reader.streams(prefix="inbo%")] == ["inbo%"]
    assert [head.stream for head in log.reader.streams()] == ["inbo%", "inbox-a", "inbox-b", "strategy-1"]


def test_a_correlation_finds_the_whole_life_of_a_signal_across_streams(log: OpenedLog) -> None:
    signal = uuid4()
    for number, stream in enumerate(["inbox", "other", "account", "inbox"]):
        event = new_event(f"{number}", correlation=None if stream == "other" else signal)
        log.append_all([Append(stream=stream, expected_version=ANY_VERSION, events=(event,))])

    found = list(log.reader.read_correlation(signal))
    assert [(event.stream, event.payload) for event in found] == [("inbox", "0"), ("account", "2"), ("inbox", "3")]


def test_reading_goes_on_after_a_version_or_a_position(log: OpenedLog) -> None:
    log.append("a", *map(str, range(10)), expected=0)

    assert [event.version for event in log.reader.read_stream("a", after_version=7)] == [8, 9, 10]
    assert [event.position for event in log.reader.read_all(after_position=4, limit=3)] == [5, 6, 7]
    assert list(log.reader.read_all(after_position=10)) == []
    assert list(log.reader.read_all(limit=0)) == []


def test_events_are_read_as_they_are_folded_with_the_same_words(log: OpenedLog) -> None:
    log.append("a", '"김"', '"2"', expected=0)
    log.append("b", '"other"', expected=0)
    log.append("a", *(f"{n}" for n in range(3, 4_003)), expected=2)
    fields = ("position", "stream", "version", "type", "schema_version", "recorded_at", "payload")

    def words(event: StoredText) -> list[object]:
        return [getattr(event, name) for name in fields]

    texts = [words(text) for text in log.reader.read_texts("a")]
    assert len(texts) == 4_002
    assert texts == [words(event) for event in log.reader.read_stream("a")]
    assert list(log.reader.read_texts("unheard")) == []


def test_reading_crosses_pages_without_a_gap(log: OpenedLog) -> None:
    log.append_all([appending("long", *["{}"] * 500, expected=n * 500) for n in range(10)])

    assert [event.version for event in log.reader.read_stream("long")] == list(range(1, 5_001))
    assert [event.position for event in log.reader.read_all(after_position=1)] == list(range(2, 5_001))
    assert len(list(log.reader.read_all(limit=4_321))) == 4_321


def test_a_reader_with_a_cursor_sees_every_position_once_while_others_append(log: OpenedLog) -> None:
    streams, each = 8, 60
    failures: list[object] = []

    def write(stream: str) -> None:
        for version in range(each):
            outcome = log.append(stream, expected=version)
            if not isinstance(outcome, Appended):
                failures.append(outcome)

    writers = [threading.Thread(target=write, args=(f"s{n}",)) for n in range(streams)]
    for thread in writers:
        thread.start()
    seen: list[int] = []
    while len(seen) < streams * each:
        seen += [event.position for event in log.reader.read_all(after_position=seen[-1] if seen else 0)]
        assert seen == list(range(1, len(seen) + 1))
    for thread in writers:
        thread.join()

    assert failures == []
    assert {head.version for head in log.reader.streams()} == {each}


def test_the_chain_holds_over_all_that_was_appended(log: OpenedLog) -> None:
    for n in range(20):
        log.append_all([appending(f"s{n % 4}", "{}", '{"n": 1}', expected=ANY_VERSION) for _ in range(3)])
    told: list[int] = []

    found = verify(log.reader, progress=told.append)

    assert found.events == 120
    assert told[-1] == 120
    assert told == sorted(told)
    batches = list(log.reader.read_batches())
    assert found.chain == batches[-1].chain
    assert all(after.epoch >= before.epoch for before, after in itertools.pairwise(batches))
    tail = verify(log.reader, after_batch=batches[-2].batch_no)
    assert (tail.batches, tail.chain) == (1, found.chain)


def test_an_append_of_another_generation_is_refused_at_once_and_alone(log: OpenedLog) -> None:
    ends: queue.SimpleQueue[AppendOutcome] = queue.SimpleQueue()
    generation = log.writer.generation
    log.writer.append(appending("a", expected=0), ends.put, generation=generation)
    with pytest.raises(Stale):
        log.writer.append(appending("a", expected=1), ends.put, generation=generation - 1)
    log.writer.append(appending("b", expected=0), ends.put, generation=generation)

    outcomes = [ends.get(timeout=PATIENCE) for _ in range(2)]
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended]
    assert log.reader.head_position() == 2
    assert log.writer.trouble == ""


def test_all_that_was_queued_can_be_waited_for(log: OpenedLog) -> None:
    ends: list[AppendOutcome] = []
    for expected in range(50):
        log.writer.append(appending("a", expected=expected), ends.append)
    assert log.writer.wait_settled(PATIENCE)
    assert len(ends) == 50
    assert log.reader.head_position() == 50


def test_an_append_without_events_is_an_error(log: OpenedLog) -> None:
    with pytest.raises(ValueError, match="without events"):
        log.writer.append(Append(stream="a", expected_version=0, events=()), print)


def test_a_closed_log_takes_no_more_appends(log: OpenedLog) -> None:
    log.append("a", expected=0)
    log.writer.close()

    with pytest.raises(Fenced):
        log.writer.append(appending("a", expected=1), print)
    assert log.reader.head_position() == 1
