"""What an operator is told, also where the log is full and where other things become possible at the same moment."""

from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from orderwright.actors.env import Profile
from orderwright.actors.messages import AskId, Operate, Operated, OperatorCommand, Reply, Start
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import CancelAnswered, CancelOrder, FetchQuote, Refused
from orderwright.engine.strategy_account.commands import (
    LiquidatePositions,
    PauseTrading,
    ResolveDoubt,
    ResumeTrading,
)
from orderwright.engine.strategy_account.events import Decision
from orderwright.engine.strategy_account.state import Market
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, limit_buy, signal_id
from tests.actors.scripted_env import ME, NAME, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers

ASK = AskId(7)


class Directory(ScriptedDirectory):
    """A directory in which the price is known only when the test says so."""

    is_priced = True

    def market(self, profile: Profile) -> Market:
        known = super().market(profile)
        return known if self.is_priced else replace(known, quotes={})


class Stage:
    def __init__(self) -> None:
        self.env = ScriptedEnv()
        self.directory = Directory(self.env)
        self.account = StrategyAccount(env=self.env, me=ME, supervisor=SUPERVISOR, directory=self.directory)
        self.account.handle(Start())
        self.account.handle(self.env.loaded(NAME))
        self.env.commit_all(self.account)

    def wait_for_a_price(self) -> None:
        """Have an entry wait for a price that gets known without anybody saying so."""
        self.directory.is_priced = False
        self.account.handle(execute(1, replace(limit_buy(), price=None, qty=None, qty_per=Decimal(1))))
        self.env.commit_all(self.account)
        assert self.env.effects(FetchQuote)
        self.directory.is_priced = True

    def operate(self, command: OperatorCommand, number: int = 1) -> None:
        self.account.handle(Operate(command_id=UUID(int=number), command=command, ask=ASK))

    @property
    def heard(self) -> list[Reply]:
        return self.env.heard(ASK)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def liquidate(number: int) -> LiquidatePositions:
    return LiquidatePositions(command_id=signal_id(number), by="kim", why="enough")


def test_a_command_put_off_by_a_full_log_is_answered_when_it_comes_to_nothing(stage: Stage) -> None:
    stage.wait_for_a_price()
    stage.env.takes_appends = False
    stage.operate(ResumeTrading(by="kim", why="over"))
    assert stage.heard == []
    stage.directory.is_priced = False
    stage.account.handle(stage.env.timers[-1][1])
    assert stage.heard == [Operated(account=NAME, done=True, changed=False)]


def test_a_command_put_off_by_a_full_log_is_answered_once(stage: Stage) -> None:
    stage.env.takes_appends = False
    stage.operate(PauseTrading(by="kim", why="news"))
    stage.operate(liquidate(50))
    assert stage.heard == []
    stage.env.takes_appends = True
    stage.account.handle(stage.env.timers[-1][1])
    stage.env.commit_all(stage.account)
    assert stage.heard == [Operated(account=NAME, done=True, changed=True)] * 2


def test_what_becomes_possible_meanwhile_is_no_sign_that_a_command_was_carried_out(stage: Stage) -> None:
    stage.wait_for_a_price()
    stage.operate(ResolveDoubt(order_id=OrderId("o1"), decision=Decision.NEVER_PLACED, by="kim", why="not there"))
    assert len(stage.env.appends) == 1
    (reply,) = stage.heard
    assert isinstance(reply, Operated)
    assert (reply.done, reply.changed) == (False, False)
    assert "no unfinished order o1" in reply.note


def test_a_second_liquidation_hears_at_once_that_one_is_under_way_whatever_else_happens(stage: Stage) -> None:
    stage.account.handle(execute(1))
    stage.env.commit_all(stage.account)
    answers([accepted(stage.env.calls[-1][1])], stage.account)
    stage.env.commit_all(stage.account)
    stage.operate(liquidate(50))
    stage.env.commit_all(stage.account)
    (cancel,) = stage.env.effects(CancelOrder)
    assert isinstance(cancel, CancelOrder)
    answers(
        [CancelAnswered(order_id=cancel.order_id, result=Refused(code="exchange_rejected", error="no"))], stage.account
    )
    stage.env.commit_all(stage.account)
    stage.env.clock = Micros(stage.env.clock + 6 * SECOND)
    stage.operate(liquidate(51), 2)
    assert len(stage.env.appends) == 1
    assert stage.heard == [Operated(account=NAME, done=False, changed=False, note="already under way")]
