"""How the supervisor brings actors to life, restarts them, and when it gives up."""

import pytest

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.messages import (
    AccountHeldUp,
    AccountReady,
    AccountResting,
    AccountWanted,
    Address,
    Answering,
    AskId,
    Away,
    CatalogueChanged,
    Deliver,
    Describe,
    LogTrouble,
    NotStored,
    Overloaded,
    Ping,
    Pong,
    Ready,
    Revive,
    Stopped,
    Tick,
    Unavailable,
    Wake,
    address,
)
from orderwright.actors.supervisor import Supervisor
from orderwright.moments import SECOND, Micros
from tests.actors.orders import submit
from tests.actors.scripted_env import INBOX, NAME, ScriptedEnv

FIRST, SECOND_ONE = address(NAME, 1), address(NAME, 2)
ASK = AskId(3)


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def supervisor(env: ScriptedEnv) -> Supervisor:
    return Supervisor(env=env)


def describe(ask: int) -> Describe:
    """Return a question."""
    return Describe(ask=AskId(ask))


def fails(supervisor: Supervisor, env: ScriptedEnv, at: Address) -> int:
    """Let an incarnation fail; return how long the supervisor waits before the next, in microseconds."""
    timers = len(env.timers)
    supervisor.handle(Stopped(at=at, reason="it broke"))
    return env.timers[-1][0] if len(env.timers) > timers else 0


def fails_and_rises(supervisor: Supervisor, env: ScriptedEnv, at: Address) -> int:
    """Let an incarnation fail, and the wait for the next pass."""
    delay = fails(supervisor, env, at)
    env.clock = Micros(env.clock + delay)
    supervisor.handle(Tick(reason=NAME))
    return delay


def test_an_actor_is_brought_to_life_once_however_many_want_it(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    assert env.spawned == [FIRST]
    assert dict(supervisor.book) == {}


def test_whoever_woke_an_actor_hears_when_it_is_ready_and_finds_it_in_the_book(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME, ask=ASK))
    assert env.replies == []
    supervisor.handle(Ready(at=FIRST))
    supervisor.handle(Wake(name=NAME, ask=ASK))
    assert env.replies == [(ASK, Ready(at=FIRST))] * 2
    assert dict(supervisor.book) == {NAME: FIRST}


def test_an_interested_inbox_hears_of_every_new_incarnation(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    supervisor.handle(Ready(at=FIRST))
    fails_and_rises(supervisor, env, FIRST)
    supervisor.handle(Ready(at=SECOND_ONE))
    assert env.told_to(INBOX) == [AccountReady(account=NAME, at=FIRST), AccountReady(account=NAME, at=SECOND_ONE)]


def test_an_inbox_that_asks_for_an_account_that_is_ready_hears_at_once(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(Ready(at=FIRST))
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    assert env.told_to(INBOX) == [AccountReady(account=NAME, at=FIRST)]


def test_an_inbox_that_is_gone_hears_nothing_more(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name="inbox/test1"))
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    supervisor.handle(Stopped(at=INBOX, reason="it broke"))
    supervisor.handle(Ready(at=FIRST))
    assert env.told_to(INBOX) == []


def test_a_failed_actor_leaves_the_book_and_comes_back_after_half_a_second(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(Ready(at=FIRST))
    delay = fails(supervisor, env, FIRST)
    assert dict(supervisor.book) == {}
    assert dict(supervisor.conditions) == {NAME: "restarting: it broke"}
    assert 0.4 * SECOND <= delay <= 0.6 * SECOND
    supervisor.handle(Wake(name=NAME))
    assert env.spawned == [FIRST]
    supervisor.handle(Tick(reason=NAME))
    assert env.spawned == [FIRST, SECOND_ONE]


def test_each_wait_is_twice_the_one_before(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    delays = [fails_and_rises(supervisor, env, address(NAME, number)) for number in range(1, 6)]
    for delay, nominal in zip(delays, (0.5, 1, 2, 4, 8), strict=True):
        assert 0.8 * nominal * SECOND <= delay <= 1.2 * nominal * SECOND


def test_waits_start_again_after_two_healthy_minutes(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    fails_and_rises(supervisor, env, FIRST)
    fails_and_rises(supervisor, env, SECOND_ONE)
    env.clock = Micros(env.clock + 120 * SECOND)
    assert fails(supervisor, env, address(NAME, 3)) <= 0.6 * SECOND


def test_the_sixth_failure_within_ten_minutes_puts_an_actor_into_quarantine(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    for number in range(1, 6):
        assert fails_and_rises(supervisor, env, address(NAME, number)) > 0
    assert fails(supervisor, env, address(NAME, 6)) == 0
    assert dict(supervisor.conditions) == {NAME: "quarantined: it broke"}
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    assert len(env.spawned) == 6


def into_quarantine(supervisor: Supervisor, env: ScriptedEnv) -> None:
    """Let the actor fail once too often."""
    supervisor.handle(Wake(name=NAME))
    for number in range(1, 7):
        fails_and_rises(supervisor, env, address(NAME, number))


def test_an_operator_revives_an_actor_and_its_inbox_hears(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    into_quarantine(supervisor, env)
    (alarm,) = env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what, alarm.cleared) == (AlarmKind.QUARANTINE, NAME, None)
    supervisor.handle(Revive(name=NAME, ask=ASK))
    supervisor.handle(Ready(at=address(NAME, 7)))
    assert env.told_to(INBOX) == [AccountHeldUp(account=NAME), AccountReady(account=NAME, at=address(NAME, 7))]
    assert env.replies == [(ASK, Ready(at=address(NAME, 7)))]
    (alarm,) = env.noticeboard.alarms.listed()
    assert alarm.cleared is not None


def test_nothing_but_an_operator_lets_an_actor_out_of_quarantine(env: ScriptedEnv, supervisor: Supervisor) -> None:
    into_quarantine(supervisor, env)
    supervisor.handle(Wake(name=NAME, ask=ASK))
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    supervisor.handle(Deliver(name=NAME, mail=describe(4)))
    assert len(env.spawned) == 6
    away = Unavailable(name=NAME, away=Away.QUARANTINED, reason="it broke")
    assert env.replies == [(ASK, away), (AskId(4), away)]
    assert env.told_to(INBOX) == [AccountHeldUp(account=NAME)]


def test_a_signal_for_an_inbox_in_quarantine_is_not_stored(env: ScriptedEnv, supervisor: Supervisor) -> None:
    into_quarantine(supervisor, env)
    supervisor.handle(Deliver(name=NAME, mail=submit(1, ask=4)))
    assert env.replies == [(AskId(4), NotStored(reason="it broke"))]


def test_whoever_waits_when_an_actor_goes_into_quarantine_is_told(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME, ask=ASK))
    supervisor.handle(Deliver(name=NAME, mail=describe(4)))
    into_quarantine(supervisor, env)
    assert [ask for ask, reply in env.replies if isinstance(reply, Unavailable)] == [ASK, AskId(4)]


def test_commands_wait_for_a_rebuild_and_reach_the_actor_in_order_before_anybody_finds_it_in_the_book(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    for ask in (1, 2):
        supervisor.handle(Deliver(name=NAME, mail=describe(ask)))
    assert env.spawned == [FIRST]
    fails_and_rises(supervisor, env, FIRST)
    supervisor.handle(Deliver(name=NAME, mail=describe(3)))
    supervisor.handle(Ready(at=SECOND_ONE))
    assert env.told_to(SECOND_ONE) == [describe(1), describe(2), describe(3)]
    supervisor.handle(Deliver(name=NAME, mail=describe(4)))
    assert env.told_to(SECOND_ONE)[-1] == describe(4)


def test_no_more_commands_wait_for_a_rebuild_than_there_is_room_for(env: ScriptedEnv) -> None:
    supervisor = Supervisor(env=env, stash=2)
    for number in (1, 2, 3):
        supervisor.handle(Deliver(name=NAME, mail=submit(number, ask=number)))
    assert env.replies == [(AskId(3), Overloaded())]
    supervisor.handle(Ready(at=FIRST))
    assert env.told_to(FIRST) == [submit(1, ask=1), submit(2, ask=2)]


def test_an_inbox_hears_that_an_account_rests_and_brings_it_back_by_asking(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    supervisor.handle(Ready(at=FIRST))
    supervisor.handle(Stopped(at=FIRST, reason=""))
    assert env.told_to(INBOX)[-1] == AccountResting(account=NAME, at=FIRST)
    assert (dict(supervisor.book), dict(supervisor.conditions)) == ({}, {})
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    assert env.spawned == [FIRST, SECOND_ONE]


def test_a_command_that_came_while_an_actor_went_to_rest_brings_it_back(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(Ready(at=FIRST))
    supervisor.handle(Stopped(at=FIRST, reason=""))
    supervisor.handle(Deliver(name=NAME, mail=describe(4)))
    supervisor.handle(Ready(at=SECOND_ONE))
    assert env.told_to(SECOND_ONE) == [describe(4)]


def test_the_supervisor_answers_a_ping(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Ping(ask=ASK))
    assert env.replies == [(ASK, Pong())]


def test_failures_spread_over_more_than_ten_minutes_are_no_reason_for_quarantine(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    for number in range(1, 20):
        env.clock = Micros(env.clock + 150 * SECOND)
        assert fails_and_rises(supervisor, env, address(NAME, number)) > 0


def test_what_the_log_ended_comes_back_soon_and_does_not_count_toward_quarantine(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    for number in range(1, 20):
        supervisor.handle(LogTrouble(at=address(NAME, number)))
        assert 0 < fails_and_rises(supervisor, env, address(NAME, number)) <= 0.6 * SECOND
    assert dict(supervisor.conditions) == {NAME: "rebuilding"}


def test_the_log_excuses_only_the_incarnation_that_it_failed(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(LogTrouble(at=FIRST))
    fails_and_rises(supervisor, env, FIRST)
    supervisor.handle(LogTrouble(at=FIRST))
    for number in range(2, 7):
        assert fails_and_rises(supervisor, env, address(NAME, number)) > 0
    assert fails(supervisor, env, address(NAME, 7)) == 0


def test_an_actor_that_was_asked_to_stop_stays_down_until_wanted(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    supervisor.handle(Ready(at=FIRST))
    supervisor.handle(Stopped(at=FIRST, reason=""))
    assert env.timers == []
    supervisor.handle(Wake(name=NAME))
    assert env.spawned == [FIRST, SECOND_ONE]


def test_news_of_an_earlier_incarnation_change_nothing(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    fails_and_rises(supervisor, env, FIRST)
    supervisor.handle(Ready(at=FIRST))
    assert dict(supervisor.book) == {}
    supervisor.handle(Ready(at=SECOND_ONE))
    supervisor.handle(Stopped(at=FIRST, reason="late"))
    assert dict(supervisor.book) == {NAME: SECOND_ONE}


def test_a_changed_catalogue_is_told_to_strategy_accounts_alone(env: ScriptedEnv, supervisor: Supervisor) -> None:
    for at in (FIRST, INBOX):
        supervisor.handle(Wake(name=at.partition("#")[0]))
        supervisor.handle(Ready(at=at))
    supervisor.handle(CatalogueChanged())
    assert env.told == [(CatalogueChanged(), FIRST)]


def test_whoever_trades_on_an_account_that_answers_again_is_told_and_so_is_the_account(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    names = ("strategy-account/test1@A1", "strategy-account/test2@A1", "strategy-account/test1@A2", "inbox/test1")
    for name in (*names, "exchange-account/A1"):
        supervisor.handle(Wake(name=name))
    news = Answering(account="A1")
    supervisor.handle(news)
    told = [to for mail, to in env.told if mail == news]
    assert told == [address(name, 1) for name in (*names[:2], "exchange-account/A1")]
