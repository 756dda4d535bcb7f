"""How strategy accounts and inboxes go to rest when there is nothing to do, and lose nothing by it."""

import pytest

from orderwright.actors.idling import IDLE
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    AccountReady,
    AccountResting,
    AccountWanted,
    Address,
    Describe,
    Execute,
    Mail,
    Operate,
    SignalSettled,
    Start,
    Tick,
    name_of,
)
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.strategy_account.commands import PauseTrading
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, seen, shown, signal_id, submit
from tests.actors.scripted_env import INBOX, ME, NAME, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers
from tests.actors.test_strategy_account import ASK, rebuilt

IDLE_AFTER = 60 * SECOND
TICK = Tick(reason=IDLE)
REBORN = Address(f"{NAME}#2")


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def account(env: ScriptedEnv) -> StrategyAccount:
    """Return a strategy account that takes commands and has nothing to do."""
    directory = ScriptedDirectory(env)
    limits = Limits(idle_after=IDLE_AFTER)
    actor = StrategyAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=directory, limits=limits)
    actor.handle(Start())
    actor.handle(env.loaded(NAME))
    env.commit(actor)
    return actor


@pytest.fixture
def inbox(env: ScriptedEnv) -> SignalInbox:
    """Return an inbox that has nothing to do."""
    actor = SignalInbox(env=env, me=INBOX, supervisor=SUPERVISOR, idle_after=IDLE_AFTER)
    actor.handle(Start())
    actor.handle(env.loaded(name_of(INBOX)))
    return actor


def wait(env: ScriptedEnv, room: StrategyAccount | SignalInbox, micros: int = IDLE_AFTER) -> None:
    """Let time pass, and the idle timer run out."""
    env.clock = Micros(env.clock + micros)
    room.handle(TICK)


def idle_timers(env: ScriptedEnv) -> list[int]:
    return [delay for delay, mail in env.timers if mail == TICK]


def test_an_idle_account_leaves_a_snapshot_and_rests(env: ScriptedEnv, account: StrategyAccount) -> None:
    assert idle_timers(env) == [IDLE_AFTER]
    wait(env, account)
    assert env.stopped == [(ME, "")]
    assert [(taken.stream, taken.version) for taken in env.saved] == [(NAME, 1)]


def test_work_puts_rest_off(env: ScriptedEnv, account: StrategyAccount) -> None:
    env.clock = Micros(env.clock + 20 * SECOND)
    account.handle(Operate(command_id=signal_id(9), command=PauseTrading(by="kim", why="news"), ask=ASK))
    env.commit(account)
    wait(env, account, 40 * SECOND)
    assert env.stopped == []
    assert idle_timers(env) == [IDLE_AFTER, 20 * SECOND]
    wait(env, account, 20 * SECOND)
    assert env.stopped == [(ME, "")]


def test_questions_do_not_keep_an_account_awake(env: ScriptedEnv, account: StrategyAccount) -> None:
    env.clock = Micros(env.clock + 59 * SECOND)
    account.handle(Describe(ask=ASK))
    wait(env, account, SECOND)
    assert env.stopped == [(ME, "")]


def test_an_account_with_an_open_order_does_not_rest_until_it_has_ended(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    placed = env.calls[-1][1]
    answers([accepted(placed)], account)
    env.commit_all(account)
    wait(env, account)
    assert env.stopped == []
    order = shown(placed, status=OrderStatus.CANCELLED)
    answers([seen(order.client_order_id, order)], account)
    env.commit_all(account)
    wait(env, account)
    assert env.stopped == [(ME, "")]


def test_what_a_resting_account_holds_stays_published(env: ScriptedEnv, account: StrategyAccount) -> None:
    wait(env, account)
    assert dict(env.noticeboard.exposures.on(("A1", MarketType.FUTURES))) == {NAME: frozenset()}


def test_commands_that_an_account_did_not_get_to_are_given_back_when_it_ends(env: ScriptedEnv) -> None:
    account = rebuilt(env)
    waiting: list[Mail] = [Describe(ask=ASK), execute(1)]
    for mail in waiting:
        account.handle(mail)
    env.fail(account)
    assert env.given_back == waiting


def test_an_idle_inbox_leaves_a_snapshot_and_rests(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(submit(1, recipients=()))
    env.commit_all(inbox)
    wait(env, inbox)
    assert env.stopped == [(INBOX, "")]
    assert [taken.version for taken in env.saved] == [1]


def test_an_inbox_with_an_unfinished_signal_does_not_rest_until_it_has_ended(
    env: ScriptedEnv, inbox: SignalInbox
) -> None:
    inbox.handle(submit(1))
    env.commit_all(inbox)
    wait(env, inbox)
    assert env.stopped == []
    inbox.handle(SignalSettled(account=NAME, sequence=1))
    env.commit_all(inbox)
    wait(env, inbox)
    assert env.stopped == [(INBOX, "")]


def test_signals_given_to_an_account_that_was_going_to_rest_go_to_the_next_incarnation_in_order(
    env: ScriptedEnv, inbox: SignalInbox
) -> None:
    inbox.handle(AccountReady(account=NAME, at=ME))
    for number in (1, 2):
        inbox.handle(submit(number))
    inbox.handle(AccountResting(account=NAME, at=ME))
    wanted = AccountWanted(account=NAME, inbox=INBOX)
    assert env.told_to(SUPERVISOR)[-1] == wanted
    inbox.handle(submit(3))
    inbox.handle(AccountReady(account=NAME, at=REBORN))
    handed = [mail.command.sequence for mail in env.told_to(REBORN) if isinstance(mail, Execute)]
    assert handed == [1, 2, 3]


def test_an_account_that_rests_is_wanted_again_by_the_next_signal(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(AccountReady(account=NAME, at=ME))
    inbox.handle(AccountResting(account=NAME, at=ME))
    wanted = AccountWanted(account=NAME, inbox=INBOX)
    assert wanted not in env.told_to(SUPERVISOR)
    inbox.handle(submit(1))
    assert env.told_to(SUPERVISOR).count(wanted) == 1
    assert env.told_to(ME) == []


def test_news_of_an_earlier_incarnations_rest_change_nothing(env: ScriptedEnv, inbox: SignalInbox) -> None:
    inbox.handle(AccountReady(account=NAME, at=REBORN))
    inbox.handle(AccountResting(account=NAME, at=ME))
    inbox.handle(submit(1))
    assert [type(mail) for mail in env.told_to(REBORN)] == [Execute]
