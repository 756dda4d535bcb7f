"""The gate says what a strategy account's own state says of its pause, whoever paused and whatever came in between."""

from uuid import UUID

import pytest

from orderwright.actors.messages import AskId, Operate, Operated, OrdersShown, Start
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.strategy_account.commands import PauseTrading, ResumeTrading
from orderwright.moments import Micros
from tests.actors.orders import seen, stranger
from tests.actors.scripted_env import ME, NAME, NOON, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers

ASK = AskId(7)


def rebuilt(env: ScriptedEnv) -> StrategyAccount:
    """Return an actor that has just read its stream."""
    account = StrategyAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(env))
    account.handle(Start())
    account.handle(env.loaded(NAME))
    return account


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def account(env: ScriptedEnv) -> StrategyAccount:
    actor = rebuilt(env)
    env.commit_all(actor)
    return actor


def pause(number: int = 1) -> Operate:
    return Operate(command_id=UUID(int=number), command=PauseTrading(by="kim", why="news"), ask=ASK)


def resume(number: int = 2) -> Operate:
    return Operate(command_id=UUID(int=number), command=ResumeTrading(by="kim", why="over"), ask=ASK)


def test_a_pause_shuts_the_gate_before_it_is_written_down_and_a_resume_opens_it_after(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(pause())
    assert env.gate.is_closed(NAME)
    env.commit(account)
    account.handle(resume())
    assert env.gate.is_closed(NAME)
    env.commit(account)
    assert not env.gate.is_closed(NAME)
    assert env.heard(ASK) == [Operated(account=NAME, done=True, changed=True)] * 2


def test_a_pause_that_comes_before_a_resume_was_told_holds(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(pause())
    env.commit(account)
    account.handle(resume())
    account.handle(pause(3))
    env.commit_all(account)
    assert env.gate.is_closed(NAME)


def test_a_pause_from_before_a_restart_shuts_the_gate_before_anything_can_leave(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(pause())
    env.commit(account)
    env.gate.settle(NAME, is_paused=False)
    rebuilt(env)
    assert env.gate.is_closed(NAME)


def test_a_pause_that_was_never_written_down_holds_nothing_back_after_a_rebuild(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    env.gate.hold(NAME)
    account.handle(pause())
    env.fail(account)
    assert env.gate.is_closed(NAME)
    rebuilt(env)
    assert not env.gate.is_closed(NAME)


def test_the_engines_own_pause_shuts_the_gate(env: ScriptedEnv, account: StrategyAccount) -> None:
    order = stranger()
    env.clock = Micros(NOON + 60_000_000)
    account.handle(OrdersShown(orders=(order,), asked_at=env.clock))
    answers([seen(order.client_order_id, order, asked_at=env.clock)], account)
    account.handle(env.recalled())
    assert env.gate.is_closed(NAME)
    env.commit_all(account)
    assert "trading_paused" in env.written()
    assert env.gate.is_closed(NAME)
