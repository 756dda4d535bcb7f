"""How an exchange account keeps connected and sees orders that are not ours."""

import logging

import pytest
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.exchange_account import MOST_WOKEN, ExchangeAccount
from orderwright.actors.messages import (
    Answering,
    Called,
    Connected,
    Deliver,
    OrdersShown,
    Ready,
    Start,
    Surveyed,
    Unreachable,
    Wake,
    address,
)
from orderwright.engine.ids import client_order_id
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import ExchangeOrder, LookUpOrder, NotFound, OrderSeen
from orderwright.engine.signals import Side
from orderwright.moments import SECOND, Micros
from tests.actors.orders import signal_id
from tests.actors.scripted_env import BTC, NAME, NOON, SUPERVISOR, ScriptedDirectory, ScriptedEnv, bitcoin, profile

ME = address("exchange-account/A1", 1)


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def account(env: ScriptedEnv) -> ExchangeAccount:
    actor = ExchangeAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(env))
    actor.handle(Start())
    return actor


def open_order(client_id: str, exchange_id: str) -> ExchangeOrder:
    """Return an order as the exchange lists it."""
    return ExchangeOrder(
        client_order_id=client_id,
        exchange_order_id=exchange_id,
        symbol=BTC,
        side=Side.BUY,
        amount=bitcoin().step,
        status=OrderStatus.NEW,
        filled=bitcoin().min_amount,
        fills=(),
    )


def test_it_connects_then_is_ready_and_looks_around(env: ScriptedEnv, account: ExchangeAccount) -> None:
    assert (env.connects, env.told) == (["A1"], [])
    account.handle(Connected())
    assert env.told_to(SUPERVISOR) == [Ready(at=ME)]
    assert env.surveys == ["A1"]


def test_it_tries_again_with_growing_waits_up_to_half_a_minute(env: ScriptedEnv, account: ExchangeAccount) -> None:
    for _ in range(9):
        account.handle(Unreachable(reason="no route"))
        account.handle(env.timers[-1][1])
    delays = [delay / SECOND for delay, _mail in env.timers]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert len(env.connects) == 10


def test_a_failed_survey_is_made_again_without_connecting_anew(env: ScriptedEnv, account: ExchangeAccount) -> None:
    account.handle(Connected())
    for _ in range(2):
        account.handle(Unreachable(reason="no route"))
        account.handle(env.timers[-1][1])
    assert [delay for delay, _mail in env.timers] == [SECOND // 2, SECOND]
    assert (env.connects, env.surveys) == (["A1"], ["A1"] * 3)
    account.handle(Surveyed(orders=()))
    assert env.timers[-1][0] == 30 * SECOND


def test_it_asks_at_once_when_others_say_that_the_exchange_answers_again_and_keeps_to_one_round(
    env: ScriptedEnv, account: ExchangeAccount
) -> None:
    account.handle(Connected())
    account.handle(Answering(account="A1"))
    for _ in range(7):
        account.handle(Unreachable(reason="no route"))
        account.handle(env.timers[-1][1])
    account.handle(Unreachable(reason="no route"))
    late = env.timers[-1][1]
    assert len(env.surveys) == 8

    for _ in range(2):
        account.handle(Answering(account="A1"))
    assert len(env.surveys) == 9
    account.handle(Surveyed(orders=()))
    account.handle(late)
    assert len(env.surveys) == 9
    account.handle(env.timers[-1][1])
    assert len(env.surveys) == 10


def test_whoever_trades_there_is_told_when_the_exchange_is_back(env: ScriptedEnv, account: ExchangeAccount) -> None:
    account.handle(Connected())
    account.handle(Surveyed(orders=()))
    assert env.told_to(SUPERVISOR) == [Ready(at=ME)]
    account.handle(env.timers[-1][1])
    account.handle(Unreachable(reason="no route"))
    account.handle(Surveyed(orders=()))
    assert env.told_to(SUPERVISOR)[1:] == [Answering(account="A1")]


def test_an_exchange_that_is_away_for_long_makes_an_alarm_until_it_is_back(
    env: ScriptedEnv, account: ExchangeAccount
) -> None:
    account.handle(Connected())
    for seconds in (0, 59):
        env.clock = Micros(NOON + seconds * SECOND)
        account.handle(Unreachable(reason="no route"))
    assert env.noticeboard.alarms.listed() == ()
    assert env.noticeboard.exchanges["A1"].trouble == "no route"
    env.clock = Micros(NOON + 60 * SECOND)
    account.handle(Unreachable(reason="no route"))
    (alarm,) = env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what, alarm.cleared) == (AlarmKind.DEAD_EXCHANGE, "A1", None)
    account.handle(Surveyed(orders=()))
    (alarm,) = env.noticeboard.alarms.listed()
    assert alarm.cleared is not None
    assert env.noticeboard.exchanges["A1"].trouble == ""


def own(account_number: int = 1) -> str:
    """Return a client order id of this installation."""
    return client_order_id(salt="salt5", account_number=account_number, signal_id=signal_id(1), leg=0, attempt=1)


def alarms(env: ScriptedEnv) -> list[tuple[AlarmKind, str]]:
    return [(alarm.kind, alarm.what) for alarm in env.noticeboard.alarms.listed() if alarm.cleared is None]


def test_foreign_orders_are_reported_once_and_left_alone(
    env: ScriptedEnv, account: ExchangeAccount, caplog: pytest.LogCaptureFixture
) -> None:
    survey = Surveyed(orders=(open_order(own(), "x1"), open_order("by-hand", "x2")))
    account.handle(Connected())
    with caplog.at_level(logging.WARNING):
        account.handle(survey)
        account.handle(survey)
    assert [("x1" in line, "x2" in line) for line in caplog.messages] == [(False, True)]
    assert alarms(env) == [(AlarmKind.FOREIGN_ORDER, "x2")]
    assert [order.exchange_order_id for order in env.noticeboard.exchanges["A1"].foreign] == ["x2"]
    account.handle(Surveyed(orders=()))
    assert alarms(env) == []
    assert env.noticeboard.exchanges["A1"].foreign == ()


def test_orders_are_shown_to_the_strategy_account_whose_number_they_bear(
    env: ScriptedEnv, account: ExchangeAccount
) -> None:
    order = open_order(own(), "x1")
    account.handle(Surveyed(orders=(order, open_order("by-hand", "x2")), asked_at=NOON))
    shown = OrdersShown(orders=(order,), asked_at=NOON)
    assert env.told_to(SUPERVISOR) == [Deliver(name=NAME, mail=shown)]


def test_an_order_with_our_mark_and_nobodys_number_makes_an_alarm(env: ScriptedEnv, account: ExchangeAccount) -> None:
    account.handle(Surveyed(orders=(open_order(own(77), "x1"),)))
    assert alarms(env) == [(AlarmKind.SURFACED_ORDER, "x1")]
    assert env.told_to(SUPERVISOR) == []


def test_the_child_of_a_stop_is_as_foreign_as_its_parent(env: ScriptedEnv, account: ExchangeAccount) -> None:
    ours = replace(open_order("", "x2"), parent_exchange_order_id="x1")
    theirs = replace(open_order("", "x4"), parent_exchange_order_id="x3")
    account.handle(Surveyed(orders=(open_order(own(), "x1"), ours, open_order("by-hand", "x3"), theirs)))
    assert sorted(what for _kind, what in alarms(env)) == ["x3", "x4"]


def child_of(parent: str, exchange_order_id: str) -> ExchangeOrder:
    """Return what trades for a stop that was triggered, and is not open itself any more."""
    return replace(open_order("", exchange_order_id), parent_exchange_order_id=parent)


def looked(env: ScriptedEnv, account: ExchangeAccount, *results: ExchangeOrder | NotFound) -> None:
    """Answer the latest looks."""
    for (_account, effect), result in zip(env.calls[-len(results) :], results, strict=True):
        assert isinstance(effect, LookUpOrder)
        account.handle(Called(outcome=OrderSeen(order_id=effect.order_id, asked_at=NOON, result=result)))


def test_whose_a_triggered_stop_is_is_asked_for_once(env: ScriptedEnv, account: ExchangeAccount) -> None:
    survey = Surveyed(orders=(child_of("x1", "x2"), child_of("x3", "x4")))
    account.handle(survey)
    account.handle(survey)
    assert [getattr(effect, "exchange_order_id", "") for effect in env.effects(LookUpOrder)] == ["x1", "x3"]
    assert alarms(env) == []

    ours = replace(open_order(own(), "x1"), status=OrderStatus.TRIGGERED, child_exchange_order_id="x2")
    looked(env, account, ours, open_order("by-hand", "x3"))
    assert env.told_to(SUPERVISOR) == [Deliver(name=NAME, mail=OrdersShown(orders=(ours,), asked_at=NOON))]
    account.handle(survey)
    assert alarms(env) == [(AlarmKind.FOREIGN_ORDER, "x4")]
    assert len(env.effects(LookUpOrder)) == 2


def test_a_stop_that_could_not_be_looked_up_is_looked_for_again(env: ScriptedEnv, account: ExchangeAccount) -> None:
    for looks in (1, 2):
        account.handle(Surveyed(orders=(child_of("x1", "x2"),)))
        assert len(env.effects(LookUpOrder)) == looks
        looked(env, account, NotFound())
    assert alarms(env) == []


def siblings(env: ScriptedEnv, number: int) -> tuple[ExchangeAccount, list[str]]:
    """Return an exchange account that so many strategies share, and the strategy accounts' names."""
    directory = ScriptedDirectory(env)
    directory.profiles = {
        f"strategy-account/s{one}@A1": replace(profile(), identity=replace(profile().identity, number=one))
        for one in range(number)
    }
    return ExchangeAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=directory), list(directory.profiles)


def test_siblings_that_have_not_said_what_they_hold_are_woken_once_one_is_awake(env: ScriptedEnv) -> None:
    account, names = siblings(env, 3)
    account.handle(Surveyed(orders=()))
    assert env.told_to(SUPERVISOR) == []
    env.noticeboard.exposures.put(profile().place, names[1], frozenset())
    account.handle(Surveyed(orders=()))
    assert env.told_to(SUPERVISOR) == [Wake(name=names[0]), Wake(name=names[2])]


def test_too_many_siblings_are_left_asleep(env: ScriptedEnv) -> None:
    account, names = siblings(env, MOST_WOKEN + 1)
    env.noticeboard.exposures.put(profile().place, names[0], frozenset())
    account.handle(Surveyed(orders=()))
    assert env.told_to(SUPERVISOR) == []
