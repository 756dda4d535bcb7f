"""What a strategy account still knows after a restart: since when it doubts, and what had surfaced."""

from uuid import UUID

import pytest

from orderwright.actors.alarms import Alarm, AlarmKind
from orderwright.actors.messages import AskId, Operate, OperatorCommand, OrdersShown, Start, Tick
from orderwright.actors.noticeboard import Noticeboard
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.outcomes import CancelAnswered, NotFound, PlaceOrder, Unclear
from orderwright.engine.strategy_account.commands import CancelOrders, PauseTrading, ResumeTrading
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, seen, signal_id, stranger
from tests.actors.scripted_env import ME, NAME, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers


class Stage:
    """Lives of one strategy account on one log."""

    def __init__(self) -> None:
        self.env = ScriptedEnv()
        self.account = self.started()

    def started(self) -> StrategyAccount:
        account = StrategyAccount(env=self.env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(self.env))
        account.handle(Start())
        account.handle(self.env.loaded(NAME))
        self.env.commit_all(account)
        return account

    def restart(self) -> None:
        self.env.noticeboard = Noticeboard(self.env)
        self.account = self.started()

    def operate(self, command: OperatorCommand) -> None:
        self.account.handle(Operate(command_id=UUID(int=9), command=command, ask=AskId(9)))
        self.env.commit_all(self.account)

    def wait(self, seconds: int) -> None:
        self.env.clock = Micros(self.env.clock + seconds * SECOND)

    def alarms(self) -> list[Alarm]:
        return [alarm for alarm in self.env.noticeboard.alarms.listed() if alarm.cleared is None]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_cancel_in_doubt_since_before_a_restart_alarms_by_when_the_doubt_began(stage: Stage) -> None:
    stage.account.handle(execute(1))
    stage.env.commit_all(stage.account)
    order = stage.env.calls[-1][1]
    assert isinstance(order, PlaceOrder)
    answers([accepted(order)], stage.account)
    stage.env.commit_all(stage.account)
    stage.wait(1_000)
    stage.operate(CancelOrders(command_id=signal_id(50), by="kim", why="enough"))
    answers([CancelAnswered(order_id=order.order_id, result=Unclear(reason="502"))], stage.account)
    stage.env.commit_all(stage.account)
    stage.wait(59)

    stage.restart()
    answers([seen(order.order_id, NotFound())], stage.account)
    stage.env.commit_all(stage.account)
    stage.account.handle(Tick(reason="poll"))
    assert stage.alarms() == []
    stage.wait(1)
    stage.account.handle(Tick(reason="poll"))

    (alarm,) = stage.alarms()
    assert (alarm.kind, alarm.what) == (AlarmKind.IN_DOUBT, order.order_id)
    assert "may or may not be cancelled, for 60 s" in alarm.why


def test_an_order_that_surfaced_while_an_operator_had_paused_rings_again_after_a_restart_until_a_resume(
    stage: Stage,
) -> None:
    stage.operate(PauseTrading(by="kim", why="news"))
    stage.wait(60)
    order = stranger()
    stage.account.handle(OrdersShown(orders=(order,), asked_at=stage.env.clock))
    answers([seen(order.client_order_id, order, asked_at=stage.env.clock)], stage.account)
    stage.account.handle(stage.env.recalled())
    stage.env.commit_all(stage.account)

    stage.restart()

    (alarm,) = stage.alarms()
    assert (alarm.kind, alarm.what) == (AlarmKind.SURFACED_ORDER, NAME)
    assert alarm.why == f"order {order.client_order_id} is at the exchange; in the log it was unknown"
    answers([seen(order.client_order_id, order, asked_at=stage.env.clock)], stage.account)
    stage.operate(ResumeTrading(by="kim", why="seen"))
    assert stage.alarms() == []
    stage.restart()
    assert stage.alarms() == []
