"""What it means that an ask is stored, refused or complete, and that nobody waits for ever."""

import threading

import pytest

from orderwright.actors.asks import Ask, Asks
from orderwright.actors.messages import (
    AccountReport,
    Address,
    AskId,
    NotStored,
    Overloaded,
    Ready,
    Reply,
    SignalDuplicate,
    SignalIdReused,
    SignalStored,
)
from orderwright.engine.signals import OrderType
from orderwright.engine.strategy_account.results import LegResult
from tests.actors.orders import signal_id

STORED = SignalStored(signal_id=signal_id(1))
REPORT = AccountReport(account="a", results=(LegResult(leg=0, order_type=OrderType.MARKET),))


def test_a_signal_is_complete_when_stored_and_reported_by_all() -> None:
    ask = Ask(AskId(1), expected=2)
    for reply, complete in ((STORED, False), (REPORT, False), (REPORT, True)):
        ask.add(reply)
        assert ask.is_complete is complete
    assert ask.replies == (REPORT, REPORT)


def test_a_signal_is_stored_by_what_came_of_it_and_not_by_a_word_that_it_had_ended_before() -> None:
    ask = Ask(AskId(1), expected=2)
    ask.add(AccountReport(account="a", results=()))
    assert not ask.stored
    ask.add(REPORT)
    assert ask.stored


def test_a_signal_for_nobody_is_complete_when_it_is_stored() -> None:
    ask = Ask(AskId(1), expected=0)
    assert not ask.is_complete
    ask.add(STORED)
    assert ask.is_complete


def test_a_report_proves_that_the_signal_is_stored() -> None:
    ask = Ask(AskId(1), expected=2)
    ask.add(REPORT)
    assert ask.stored


@pytest.mark.parametrize(
    "verdict",
    [
        SignalDuplicate(signal_id=signal_id(1)),
        SignalIdReused(signal_id=signal_id(1)),
        Overloaded(),
        NotStored(reason="the disk is full"),
    ],
)
def test_a_verdict_completes_and_is_not_stored(verdict: Reply) -> None:
    ask = Ask(AskId(1), expected=2)
    ask.add(verdict)
    assert (ask.is_complete, ask.stored, ask.verdict) == (True, False, verdict)
    assert ask.wait_stored(0)


def test_waiting_ends_with_the_time_out_and_tells_so() -> None:
    ask = Ask(AskId(1), expected=1)
    assert ask.wait(0.01) is False
    assert ask.wait_stored(0.01) is False


def test_waiting_ends_when_the_reply_comes_from_another_thread() -> None:
    asks = Asks()
    ask = asks.open(expected=1)
    answering = threading.Timer(0.02, lambda: asks.reply(ask.id, Ready(at=Address("a#1"))))
    answering.start()
    assert ask.wait(5)
    answering.join()


def test_a_closed_ask_hears_nothing_more() -> None:
    asks = Asks()
    ask = asks.open(expected=1)
    asks.close(ask)
    asks.reply(ask.id, REPORT)
    assert ask.replies == ()


def test_no_two_asks_share_an_id() -> None:
    asks = Asks()
    assert len({asks.open(expected=1).id for _ in range(100)}) == 100


def test_whoever_waits_for_all_is_not_content_with_a_part() -> None:
    asks = Asks()
    ask = asks.open(expected=2)
    answering = [threading.Timer(delay, lambda: asks.reply(ask.id, REPORT)) for delay in (0.02, 0.06)]
    for timer in answering:
        timer.start()
    assert ask.wait_stored(5)
    assert ask.wait(5)
    assert ask.replies == (REPORT, REPORT)
    for timer in answering:
        timer.join()
