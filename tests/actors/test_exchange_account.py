"""How an exchange account keeps connected and sees orders that are not ours."""

import logging

import pytest

from orderwright.actors.exchange_account import ExchangeAccount
from orderwright.actors.messages import Connected, Ready, Start, Surveyed, Tick, Unreachable, address
from orderwright.engine.ids import client_order_id
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.signals import Side
from orderwright.moments import SECOND
from tests.actors.orders import signal_id
from tests.actors.scripted_env import BTC, SUPERVISOR, ScriptedDirectory, ScriptedEnv, bitcoin

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
    account.handle(Unreachable(reason="no route"))
    assert env.timers == [(30 * SECOND, Tick(reason="survey"))]
    account.handle(Tick(reason="survey"))
    assert (env.connects, env.surveys) == (["A1"], ["A1", "A1"])


def test_foreign_orders_are_reported_once_and_ours_not_at_all(
    env: ScriptedEnv, account: ExchangeAccount, caplog: pytest.LogCaptureFixture
) -> None:
    ours = client_order_id(salt="salt5", account_number=1, signal_id=signal_id(1), leg=0, attempt=1)
    survey = Surveyed(orders=(open_order(ours, "x1"), open_order("by-hand", "x2")))
    account.handle(Connected())
    with caplog.at_level(logging.WARNING):
        account.handle(survey)
        account.handle(survey)
    assert [("x1" in line, "x2" in line) for line in caplog.messages] == [(False, True)]
    assert [delay for delay, _mail in env.timers] == [30 * SECOND] * 2
