"""How the supervisor brings actors to life, restarts them, and when it gives up."""

import pytest

from orderwright.actors.messages import (
    AccountReady,
    AccountWanted,
    Address,
    AskId,
    CatalogueChanged,
    LogTrouble,
    Ready,
    Stopped,
    Tick,
    Wake,
    address,
)
from orderwright.actors.supervisor import Supervisor
from orderwright.moments import SECOND, Micros
from tests.actors.scripted_env import INBOX, NAME, ScriptedEnv

FIRST, SECOND_ONE = address(NAME, 1), address(NAME, 2)
ASK = AskId(3)


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def supervisor(env: ScriptedEnv) -> Supervisor:
    return Supervisor(env=env)


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
    assert supervisor.book == {}


def test_whoever_woke_an_actor_hears_when_it_is_ready_and_finds_it_in_the_book(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME, ask=ASK))
    assert env.replies == []
    supervisor.handle(Ready(at=FIRST))
    supervisor.handle(Wake(name=NAME, ask=ASK))
    assert env.replies == [(ASK, Ready(at=FIRST))] * 2
    assert supervisor.book == {NAME: FIRST}


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
    assert supervisor.book == {}
    assert supervisor.conditions() == {NAME: "it broke"}
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
    assert supervisor.conditions() == {NAME: "in quarantine: it broke"}
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    assert len(env.spawned) == 6


def test_an_operator_wakes_an_actor_from_quarantine_and_its_inbox_hears(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(AccountWanted(account=NAME, inbox=INBOX))
    for number in range(1, 7):
        fails_and_rises(supervisor, env, address(NAME, number))
    supervisor.handle(Wake(name=NAME, ask=ASK))
    supervisor.handle(Ready(at=address(NAME, 7)))
    assert env.told_to(INBOX) == [AccountReady(account=NAME, at=address(NAME, 7))]
    assert env.replies == [(ASK, Ready(at=address(NAME, 7)))]


def test_failures_spread_over_more_than_ten_minutes_are_no_reason_for_quarantine(
    env: ScriptedEnv, supervisor: Supervisor
) -> None:
    supervisor.handle(Wake(name=NAME))
    for number in range(1, 20):
        env.clock = Micros(env.clock + 150 * SECOND)
        assert fails_and_rises(supervisor, env, address(NAME, number)) > 0


def test_what_the_log_ended_does_not_count_toward_quarantine(env: ScriptedEnv, supervisor: Supervisor) -> None:
    supervisor.handle(Wake(name=NAME))
    for number in range(1, 20):
        supervisor.handle(LogTrouble(at=address(NAME, number)))
        assert 0 < fails_and_rises(supervisor, env, address(NAME, number)) <= 72 * SECOND
    assert supervisor.conditions() == {NAME: "it broke"}


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
    assert supervisor.book == {}
    supervisor.handle(Ready(at=SECOND_ONE))
    supervisor.handle(Stopped(at=FIRST, reason="late"))
    assert supervisor.book == {NAME: SECOND_ONE}


def test_a_changed_catalogue_is_told_to_strategy_accounts_alone(env: ScriptedEnv, supervisor: Supervisor) -> None:
    for at in (FIRST, INBOX):
        supervisor.handle(Wake(name=at.partition("#")[0]))
        supervisor.handle(Ready(at=at))
    supervisor.handle(CatalogueChanged())
    assert env.told == [(CatalogueChanged(), FIRST)]
