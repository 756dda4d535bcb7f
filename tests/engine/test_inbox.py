"""The inbox: what is a duplicate of what, for how long, and in what order signals stand."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orderwright.engine.inbox import (
    Arrival,
    Duplicate,
    IdReused,
    Inbox,
    InboxEvent,
    SignalFinished,
    SignalReceived,
    evolve,
    evolve_all,
    receive,
    settle,
)
from orderwright.engine.signals import Signal
from orderwright.moments import DAY, SECOND, Micros
from tests.engine.given import START, buy, modestly, numbered


def arrival(
    number: int,
    *,
    key: str | None = None,
    body: str = "body",
    holder: str = "alice",
    window: int = 30 * SECOND,
    recipients: tuple[str, ...] = ("a1", "a2"),
) -> Arrival:
    signal = Signal(
        signal_id=numbered(number), strategy="test1", holder=holder, received_at=START, instructions=(buy("1"),)
    )
    return Arrival(signal=signal, recipients=recipients, key=key, body_hash=body, dedupe_window=window)


def after(*arrivals: Arrival, inbox: Inbox | None = None, at: Micros = START) -> Inbox:
    inbox = inbox or Inbox()
    for item in arrivals:
        event = receive(inbox, item, at)
        assert isinstance(event, SignalReceived)
        inbox = evolve(inbox, event)
    return inbox


def verdict(inbox: Inbox, item: Arrival, seconds: float = 0) -> str:
    return type(receive(inbox, item, Micros(START + int(seconds * SECOND)))).__name__


def test_signals_are_numbered_as_they_come() -> None:
    inbox = after(arrival(1, body="a"), arrival(2, body="b"))
    assert sorted(inbox.unfinished) == [1, 2]
    assert inbox.last_sequence == 2


def test_the_same_id_within_a_day_is_a_duplicate_and_with_another_body_an_error() -> None:
    inbox = after(arrival(1, key="k", body="a"))
    assert receive(inbox, arrival(2, key="k", body="a"), START) == Duplicate(signal_id=numbered(1))
    assert receive(inbox, arrival(2, key="k", body="b"), START) == IdReused(signal_id=numbered(1))
    assert verdict(inbox, arrival(2, key="k", body="b"), 24 * 3600 - 1) == "IdReused"
    assert verdict(inbox, arrival(2, key="k", body="b"), 24 * 3600) == "SignalReceived"


def test_the_same_body_within_the_window_is_a_duplicate() -> None:
    inbox = after(arrival(1))
    assert verdict(inbox, arrival(2), 29.9) == "Duplicate"
    assert verdict(inbox, arrival(2), 30) == "SignalReceived"


def test_the_window_counts_from_the_first_arrival() -> None:
    inbox = after(arrival(1))
    assert verdict(inbox, arrival(2), 20) == "Duplicate"
    assert verdict(inbox, arrival(3), 31) == "SignalReceived"


def test_without_a_window_nothing_is_a_duplicate_but_an_id() -> None:
    inbox = after(arrival(1, window=0), arrival(2, key="k", window=0))
    assert not inbox.bodies.seen
    assert verdict(inbox, arrival(3, window=0)) == "SignalReceived"
    assert verdict(inbox, arrival(3, key="k", window=0)) == "Duplicate"


def test_another_holder_is_another_sender() -> None:
    inbox = after(arrival(1), arrival(2, key="k"))
    assert verdict(inbox, arrival(3, holder="bob")) == "SignalReceived"
    assert verdict(inbox, arrival(3, holder="bob", key="k")) == "SignalReceived"


def test_an_id_and_a_body_are_not_mistaken_for_each_other() -> None:
    inbox = after(arrival(1, key="x", body="a"))
    assert verdict(inbox, arrival(2, body="x")) == "SignalReceived"
    assert verdict(inbox, arrival(2, body="a")) == "SignalReceived"


def test_a_signal_is_finished_when_the_last_recipient_has_come_to_an_end() -> None:
    inbox, finished = settle(after(arrival(1)), 1, "a1", START)
    assert finished is None
    inbox, finished = settle(inbox, 1, "a1", START)
    assert finished is None
    inbox, finished = settle(inbox, 1, "a2", START)
    assert finished == SignalFinished(at=START, sequence=1, signal_id=numbered(1))
    inbox = evolve(inbox, finished)
    assert not inbox.unfinished
    assert settle(inbox, 1, "a2", START) == (inbox, None)
    assert evolve(inbox, finished) == inbox


def test_a_signal_for_nobody_is_not_awaited() -> None:
    assert not after(arrival(1, recipients=())).unfinished


def test_what_it_remembers_is_bounded_by_the_windows() -> None:
    inbox = Inbox()
    for number in range(200):
        at = Micros(START + number * 10 * SECOND)
        inbox = after(
            arrival(2 * number, body=f"b{number}"), arrival(2 * number + 1, key=f"k{number}"), inbox=inbox, at=at
        )
    assert len(inbox.bodies.seen) == len(inbox.bodies.order) <= 4
    late = after(arrival(999, body="late"), inbox=inbox, at=Micros(START + 2 * DAY))
    assert len(late.ids.seen) == len(late.ids.order) == 0
    assert len(late.bodies.seen) == 1


Asked = tuple[int, str | None, str, int, int]
asks = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from([None, "k1", "k2"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from([0, 20, 30]),
        st.integers(0, 1),
    ),
    max_size=20,
)


def told(items: list[Asked], each: Callable[[Inbox, InboxEvent], None]) -> Inbox:
    inbox, now = Inbox(), START
    for number, (pause, key, body, window, holder) in enumerate(items):
        now = Micros(now + pause * SECOND)
        item = arrival(number, key=key, body=body, holder=str(holder), window=window * SECOND)
        event = receive(inbox, item, now)
        if isinstance(event, SignalReceived):
            each(inbox, event)
            inbox = evolve(inbox, event)
            assert receive(inbox, item, now) == Duplicate(signal_id=numbered(number)) or (window == 0 and key is None)
    return inbox


@given(asks)
@modestly(20)
def test_whatever_was_taken_is_a_duplicate_at_once_and_replaying_gives_the_same_inbox(items: list[Asked]) -> None:
    events: list[InboxEvent] = []
    inbox = told(items, lambda _inbox, event: events.append(event))
    assert evolve_all(Inbox(), events) == inbox


@given(asks)
@modestly(20)
def test_forgetting_never_takes_what_still_counts(items: list[Asked]) -> None:
    firsts: dict[tuple[str, str], int] = {}

    def check(_inbox: Inbox, event: InboxEvent) -> None:
        assert isinstance(event, SignalReceived)
        if event.key is not None or event.dedupe_window:
            mark = (event.signal.holder, f"id {event.key}" if event.key is not None else f"body {event.body_hash}")
            assert event.at >= firsts.get(mark, 0)
            firsts[mark] = event.at + (DAY if event.key is not None else event.dedupe_window)

    told(items, check)


def test_a_clock_that_goes_back_breaks_nothing() -> None:
    inbox = after(arrival(1))
    event = receive(inbox, arrival(2, body="other"), Micros(START - DAY))
    assert isinstance(event, SignalReceived)
    assert evolve(inbox, replace(event, at=Micros(START - DAY))).last_sequence == 2
