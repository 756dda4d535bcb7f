"""How an inbox stores signals in one order and hands them on in that order."""

import pytest

from orderwright.actors.idling import IDLE
from orderwright.actors.inbox import MOST_UNFINISHED, SignalInbox
from orderwright.actors.messages import (
    NOBODY,
    AccountHeldUp,
    AccountReady,
    AccountWanted,
    Address,
    AppendEnded,
    AskId,
    Execute,
    LogTrouble,
    NotStored,
    Overloaded,
    Ready,
    SignalDuplicate,
    SignalIdReused,
    SignalSettled,
    SignalStored,
    Start,
    Tick,
    name_of,
)
from orderwright.eventstore.store import AppendFailed
from orderwright.moments import HOUR, SECOND, Micros
from tests.actors.orders import signal_id, submit
from tests.actors.scripted_env import INBOX, ME, NAME, SUPERVISOR, ScriptedEnv

STREAM = name_of(INBOX)
OTHER = "strategy-account/test1@A2"
REBORN = Address(f"{NAME}#2")
READY = AccountReady(account=NAME, at=ME)


def rebuilt(env: ScriptedEnv) -> SignalInbox:
    """Return an inbox that has just read its stream."""
    inbox = SignalInbox(env=env, me=INBOX, supervisor=SUPERVISOR)
    inbox.handle(Start())
    inbox.handle(env.loaded(STREAM))
    return inbox


def handed_to(env: ScriptedEnv, at: Address) -> list[int]:
    """Return the places in the inbox of the signals handed to an address."""
    return [mail.command.sequence for mail in env.told_to(at) if isinstance(mail, Execute)]


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def inbox(env: ScriptedEnv) -> SignalInbox:
    """Return an inbox whose one strategy account takes commands."""
    actor = rebuilt(env)
    actor.handle(submit(1))
    actor.handle(READY)
    env.commit(actor)
    return actor


def test_a_signal_is_called_stored_when_it_is_durable_and_not_before(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2, ask=5))
    assert env.replies == []
    env.commit(inbox)
    assert env.replies == [(5, SignalStored(signal_id=signal_id(2)))]


def test_a_signal_is_handed_on_before_it_is_durable_so_that_both_share_a_commit(
    env: ScriptedEnv, inbox: SignalInbox
) -> None:
    inbox.handle(submit(2))
    assert len(env.appends) == 1
    assert handed_to(env, ME) == [1, 2]


def test_a_signal_that_the_log_does_not_take_is_not_handed_on(env: ScriptedEnv, inbox: SignalInbox) -> None:
    env.takes_appends = False
    inbox.handle(submit(2, ask=5))
    assert env.replies == [(5, Overloaded())]
    assert handed_to(env, ME) == [1]
    env.takes_appends = True
    inbox.handle(submit(3))
    assert handed_to(env, ME) == [1, 2]


def test_the_supervisor_is_asked_for_an_account_once(env: ScriptedEnv) -> None:
    inbox = rebuilt(env)
    inbox.handle(submit(1))
    inbox.handle(submit(2))
    assert env.told_to(SUPERVISOR) == [Ready(at=INBOX), AccountWanted(account=NAME, inbox=INBOX)]


def test_what_waited_for_an_account_is_handed_on_in_order_when_it_is_ready(env: ScriptedEnv) -> None:
    inbox = rebuilt(env)
    for number in range(1, 13):
        inbox.handle(submit(number))
    inbox.handle(READY)
    inbox.handle(submit(13))
    assert handed_to(env, ME) == list(range(1, 14))


def test_a_reborn_account_gets_all_that_has_not_ended_there_in_order(env: ScriptedEnv, inbox: SignalInbox) -> None:
    for number in range(2, 13):
        inbox.handle(submit(number))
    inbox.handle(SignalSettled(account=NAME, sequence=1))
    inbox.handle(SignalSettled(account=NAME, sequence=2))
    inbox.handle(AccountReady(account=NAME, at=REBORN))
    inbox.handle(submit(13))
    assert handed_to(env, REBORN) == list(range(3, 14))
    assert 13 not in handed_to(env, ME)


def test_a_rebuilt_inbox_hands_on_what_was_not_finished_and_no_more(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2))
    inbox.handle(submit(3))
    inbox.handle(SignalSettled(account=NAME, sequence=2))
    env.commit_all(inbox)
    env.told.clear()
    again = rebuilt(env)
    assert env.told_to(SUPERVISOR) == [Ready(at=INBOX), AccountWanted(account=NAME, inbox=INBOX)]
    again.handle(READY)
    assert handed_to(env, ME) == [1, 3]
    again.handle(submit(4))
    assert handed_to(env, ME) == [1, 3, 4]


def test_a_signal_is_finished_when_every_recipient_has_ended_with_it(env: ScriptedEnv) -> None:
    inbox = rebuilt(env)
    inbox.handle(submit(1, recipients=(NAME, OTHER)))
    env.commit(inbox)
    inbox.handle(SignalSettled(account=NAME, sequence=1))
    inbox.handle(SignalSettled(account=NAME, sequence=1))
    assert env.appends == []
    inbox.handle(SignalSettled(account=OTHER, sequence=1))
    env.commit(inbox)
    assert env.written(STREAM) == ["signal_received", "signal_finished"]
    assert [head.attention for head in env.log.streams()] == [False]


def test_a_signal_for_nobody_is_stored_and_leaves_nothing_to_look_after(env: ScriptedEnv) -> None:
    inbox = rebuilt(env)
    inbox.handle(submit(1, ask=5, recipients=()))
    env.commit_all(inbox)
    assert env.replies == [(5, SignalStored(signal_id=signal_id(1)))]
    assert [(head.stream, head.attention) for head in env.log.streams()] == [(STREAM, False)]
    assert inbox._asks == {}


def test_a_duplicate_that_comes_before_the_first_is_durable_waits_for_it(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2, ask=5, key="k"))
    inbox.handle(submit(3, ask=6, key="k", body="body 2"))
    assert env.replies == []
    env.commit(inbox)
    assert env.replies == [
        (5, SignalStored(signal_id=signal_id(2))),
        (6, SignalDuplicate(signal_id=signal_id(2))),
    ]
    assert handed_to(env, ME) == [1, 2]


def test_a_duplicate_that_comes_later_is_answered_at_once_also_after_a_rebuild(
    env: ScriptedEnv, inbox: SignalInbox
) -> None:
    inbox.handle(submit(2, body="same"))
    env.commit(inbox)
    inbox.handle(submit(3, ask=6, body="same"))
    again = rebuilt(env)
    again.handle(submit(4, ask=7, body="same"))
    duplicate = SignalDuplicate(signal_id=signal_id(2))
    assert env.replies == [(6, duplicate), (7, duplicate)]
    assert env.appends == []


def test_the_same_body_is_new_when_its_window_is_over(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2, body="same"))
    env.clock = Micros(env.clock + 30 * SECOND)
    inbox.handle(submit(3, body="same"))
    assert handed_to(env, ME) == [1, 2, 3]


def test_an_id_used_for_another_body_stores_nothing(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2, key="k"))
    env.commit(inbox)
    env.clock = Micros(env.clock + 23 * HOUR)
    inbox.handle(submit(3, ask=6, key="k"))
    assert env.replies == [(6, SignalIdReused(signal_id=signal_id(2)))]
    assert env.appends == []


def test_too_many_unfinished_signals_are_refused_before_they_are_stored(env: ScriptedEnv) -> None:
    inbox = rebuilt(env)
    for number in range(1, MOST_UNFINISHED + 1):
        inbox.handle(submit(number))
    env.commit_all(inbox)
    inbox.handle(submit(MOST_UNFINISHED + 1, ask=9))
    assert env.heard(AskId(9)) == [Overloaded()]
    assert env.appends == []


def test_too_many_signals_during_a_rebuild_are_refused_and_the_others_wait(env: ScriptedEnv) -> None:
    inbox = SignalInbox(env=env, me=INBOX, supervisor=SUPERVISOR)
    inbox.handle(Start())
    for number in range(1, MOST_UNFINISHED + 2):
        inbox.handle(submit(number, ask=number))
    assert env.replies == [(MOST_UNFINISHED + 1, Overloaded())]
    inbox.handle(env.loaded(STREAM))
    assert len(env.appends) == MOST_UNFINISHED


def test_a_failed_append_tells_all_who_waited_and_ends_the_incarnation(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2, ask=5, key="k"))
    inbox.handle(submit(3, ask=6, key="k", body="body 2"))
    inbox.handle(submit(4, ask=7))
    env.fail(inbox)
    assert [(ask, type(reply)) for ask, reply in env.replies] == [(5, NotStored), (6, NotStored), (7, NotStored)]
    assert [at for at, _reason in env.stopped] == [INBOX]
    assert env.told_to(SUPERVISOR)[-1] == LogTrouble(at=INBOX)
    inbox.handle(submit(5))
    inbox.handle(READY)
    assert handed_to(env, ME)[-1] == 3
    assert len(env.appends) == 1


def test_an_incarnation_that_may_not_write_any_more_hands_nothing_on_and_ends(
    env: ScriptedEnv, inbox: SignalInbox
) -> None:
    env.takes_appends = False
    inbox.handle(submit(2, ask=5))
    inbox.handle(AppendEnded(ticket=2, outcome=AppendFailed(reason="an earlier append failed")))
    assert env.replies == [(5, Overloaded())]
    assert handed_to(env, ME) == [1]
    assert [at for at, _reason in env.stopped] == [INBOX]


def test_a_full_log_does_not_end_an_inbox_whose_appends_are_under_way(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(2))
    env.takes_appends = False
    inbox.handle(SignalSettled(account=NAME, sequence=1))
    assert env.stopped == []
    (again,) = [mail for _delay, mail in env.timers if mail != Tick(reason=IDLE)]
    env.takes_appends = True
    inbox.handle(again)
    env.commit_all(inbox)
    assert env.written(STREAM) == ["signal_received", "signal_received", "signal_finished"]


def test_an_account_in_quarantine_does_not_keep_signals_from_the_others(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(AccountHeldUp(account=OTHER))
    for number in range(2, MOST_UNFINISHED + 10):
        inbox.handle(submit(number, recipients=(OTHER,)))
    inbox.handle(submit(5_000, ask=5))
    env.commit_all(inbox)
    assert env.heard(AskId(5)) == [SignalStored(signal_id=signal_id(5_000))]
    inbox.handle(AccountReady(account=OTHER, at=Address(f"{OTHER}#9")))
    inbox.handle(submit(5_001, ask=6))
    assert env.heard(AskId(6)) == [Overloaded()]


def test_reports_of_a_signal_sent_before_a_crash_go_to_nobody(env: ScriptedEnv) -> None:
    inbox = rebuilt(env)
    inbox.handle(submit(1, ask=5))
    env.commit(inbox)
    again = rebuilt(env)
    again.handle(READY)
    (execute,) = (mail for mail in env.told_to(ME) if isinstance(mail, Execute))
    assert execute.ask == NOBODY
