"""What a mailbox takes, in which order, and what it gives back."""

import queue
import threading

import pytest

from orderwright.actors.mailbox import Mailbox, Posted, TurnOver
from orderwright.actors.messages import AskId, Deliver, Describe, Mail, Ready, Tick
from tests.actors.scripted_env import ME


def describe(number: int) -> Describe:
    return Describe(ask=AskId(number))


class Calls:
    """Counts how often a reader was called."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def mailbox(calls: Calls) -> Mailbox:
    return Mailbox(2, calls)


def read(mailbox: Mailbox) -> list[Mail]:
    mails = []
    while not mailbox.empty():
        mails.append(mailbox.get().message)
    return mails


def take_turn(mailbox: Mailbox) -> list[str]:
    reasons = []
    while True:
        try:
            reasons.append(mailbox.get().message.reason)
        except TurnOver:
            return reasons


def test_the_reader_is_called_once_until_its_turn_is_over(mailbox: Mailbox, calls: Calls) -> None:
    mailbox.post(Tick(reason="1"))
    mailbox.post(Tick(reason="2"))
    assert calls.number == 1
    assert take_turn(mailbox) == ["1", "2"]
    assert calls.number == 1
    mailbox.put("the end")
    assert calls.number == 2


def test_a_turn_is_over_before_others_have_waited_for_long_and_the_reader_is_called_again(
    mailbox: Mailbox, calls: Calls
) -> None:
    for number in range(20):
        mailbox.post(Tick(reason=str(number)))
    first = take_turn(mailbox)
    assert calls.number == 2
    second = take_turn(mailbox)
    assert calls.number == 2
    assert first + second == [str(number) for number in range(20)]
    assert len(first) < 20


def test_commands_are_taken_up_to_the_limit_and_everything_else_always(mailbox: Mailbox) -> None:
    mails: list[Mail] = [describe(1), Tick(reason="x"), describe(2), Ready(at=ME)]
    assert [mailbox.post(mail) for mail in mails] == [Posted.TAKEN] * 4
    assert mailbox.post(describe(3)) is Posted.FULL
    assert mailbox.post(Deliver(name="x", mail=describe(3))) is Posted.FULL
    assert mailbox.post(Tick(reason="y")) is Posted.TAKEN
    assert read(mailbox) == [*mails, Tick(reason="y")]


def test_a_command_that_was_read_makes_room_for_the_next(mailbox: Mailbox) -> None:
    for number in (1, 2):
        mailbox.post(describe(number))
    mailbox.get()
    assert mailbox.post(describe(3)) is Posted.TAKEN
    assert mailbox.post(describe(4)) is Posted.FULL


def test_a_closed_mailbox_takes_nothing_and_has_given_back_what_was_not_read(mailbox: Mailbox) -> None:
    mailbox.post(describe(1))
    mailbox.post(Tick(reason="x"))
    assert mailbox.close() == [describe(1), Tick(reason="x")]
    assert mailbox.post(Tick(reason="late")) is Posted.CLOSED
    assert mailbox.empty()


def test_what_ends_an_actor_gets_into_a_closed_mailbox_too(mailbox: Mailbox) -> None:
    mailbox.close()
    mailbox.put("the end")
    assert mailbox.get() == "the end"


def test_many_threads_lose_nothing_and_keep_each_ones_order() -> None:
    called: queue.SimpleQueue[None] = queue.SimpleQueue()
    mailbox = Mailbox(10, lambda: called.put(None))
    senders = 4

    def send(name: int) -> None:
        for number in range(500):
            mailbox.post(Tick(reason=f"{name} {number}"))

    threads = [threading.Thread(target=send, args=(name,)) for name in range(senders)]
    for thread in threads:
        thread.start()
    reasons: list[str] = []
    while len(reasons) < senders * 500:
        called.get(timeout=5.0)
        reasons += take_turn(mailbox)
    for thread in threads:
        thread.join()
    assert called.empty()
    for name in range(senders):
        assert [int(number) for sender, number in map(str.split, reasons) if sender == str(name)] == list(range(500))
