"""Whom a strategy account alarms when the exchange does not know an order any more, and what ends that."""

import pytest

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.messages import OrdersShown, Start, Tick
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.outcomes import LookUpOrder, NotFound, PlaceOrder
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, placement, seen, shown
from tests.actors.scripted_env import ME, NAME, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


def started(env: ScriptedEnv) -> StrategyAccount:
    account = StrategyAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(env))
    account.handle(Start())
    account.handle(env.loaded(NAME))
    env.commit_all(account)
    return account


def missed(env: ScriptedEnv, account: StrategyAccount, order: PlaceOrder) -> None:
    """Let half a minute pass, and a poll find nothing."""
    env.clock = Micros(env.clock + 30 * SECOND)
    account.handle(Tick(reason="poll"))
    answers([seen(order.order_id, NotFound(), asked_at=env.clock)], account)
    env.commit_all(account)


def vanished(env: ScriptedEnv, account: StrategyAccount) -> PlaceOrder:
    """Let an order be accepted, and then not be known any more."""
    account.handle(execute(1))
    env.commit_all(account)
    order = placement(env.calls[-1][1])
    answers([accepted(order)], account)
    env.commit_all(account)
    missed(env, account, order)
    assert env.noticeboard.alarms.listed() == ()
    missed(env, account, order)
    assert env.written()[-2:] == ["order_missed", "order_vanished"]
    return order


def alarms(env: ScriptedEnv) -> list[tuple[AlarmKind, str, bool]]:
    """Return each alarm's kind, what it is about, and whether it is on."""
    return [(alarm.kind, alarm.what, alarm.cleared is None) for alarm in env.noticeboard.alarms.listed()]


def test_an_order_that_vanished_makes_an_alarm_at_once_until_it_is_shown_again(env: ScriptedEnv) -> None:
    account = started(env)
    order = vanished(env, account)
    assert alarms(env) == [(AlarmKind.VANISHED_ORDER, order.order_id, True)]
    (alarm,) = env.noticeboard.alarms.listed()
    assert "is not known any more" in alarm.why
    answers([seen(order.order_id, shown(order), asked_at=env.clock)], account)
    env.commit_all(account)
    assert env.written()[-1] == "order_reappeared"
    assert alarms(env) == [(AlarmKind.VANISHED_ORDER, order.order_id, False)]


def test_a_vanished_order_is_looked_for_again_and_again(env: ScriptedEnv) -> None:
    account = started(env)
    order = vanished(env, account)
    before = len(env.effects(LookUpOrder))
    for _ in range(6):
        env.clock = Micros(env.clock + 31 * SECOND)
        account.handle(Tick(reason=f"look {order.order_id}"))
        answers([seen(order.order_id, NotFound(), asked_at=env.clock)], account)
    assert len(env.effects(LookUpOrder)) - before >= 5
    assert env.written()[-1] == "order_vanished"


def test_a_vanished_order_is_brought_back_by_a_list_that_is_younger_than_the_look(env: ScriptedEnv) -> None:
    account = started(env)
    order = vanished(env, account)
    account.handle(OrdersShown(orders=(shown(order),), asked_at=Micros(env.clock - SECOND)))
    env.commit_all(account)
    assert env.written()[-1] == "order_vanished"
    account.handle(OrdersShown(orders=(shown(order),), asked_at=Micros(env.clock + 1)))
    env.commit_all(account)
    assert env.written()[-1] == "order_reappeared"


def test_the_alarm_of_a_vanished_order_rings_again_after_a_restart(env: ScriptedEnv) -> None:
    order = vanished(env, started(env))
    again = ScriptedEnv()
    again.clock, again.log = env.clock, env.log
    account = started(again)
    assert alarms(again) == []
    answers([seen(order.order_id, NotFound(), asked_at=again.clock)], account)
    assert alarms(again) == [(AlarmKind.VANISHED_ORDER, order.order_id, True)]
