"""An exchange that answers again is asked at once by all who wait for it, whoever noticed first."""

import pytest

from orderwright.actors.calls import Calls
from orderwright.actors.messages import Answering, Start, Tick
from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.outcomes import FetchQuote, LookUpOrder, PlaceOrder, QuoteAnswered, Unclear
from orderwright.moments import SECOND, Micros
from tests.actors.orders import execute, placement, seen, shown, unclear
from tests.actors.scripted_env import ME, NAME, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers

TROUBLE = "no route"


class Stage:
    """A strategy account with an order in doubt, at an exchange that cannot be reached."""

    def __init__(self) -> None:
        self.env = ScriptedEnv()
        self.account = StrategyAccount(
            env=self.env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(self.env)
        )
        self.account.handle(Start())
        self.account.handle(self.env.loaded(NAME))
        self.env.commit_all(self.account)
        self.account.handle(execute(1))
        self.env.commit_all(self.account)
        self.order: PlaceOrder = placement(self.env.calls[-1][1])
        self.say(TROUBLE)
        answers([unclear(self.order)], self.account)
        self.env.commit_all(self.account)

    def say(self, trouble: str) -> None:
        condition = ExchangeCondition(account="A1", is_connected=True, trouble=trouble, since=self.env.clock)
        self.env.noticeboard.put_exchange(condition)

    def look_in_vain(self) -> None:
        """Have a look end in vain, and its next turn come."""
        answers([seen(self.order.order_id, Unclear(reason=TROUBLE), asked_at=self.env.clock)], self.account)
        delay, tick = self.turns[-1]
        self.env.clock = Micros(self.env.clock + delay)
        self.account.handle(tick)

    @property
    def turns(self) -> list[tuple[int, Tick]]:
        """The waits for turns of looks."""
        ticks = [(delay, mail) for delay, mail in self.env.timers if isinstance(mail, Tick)]
        return [(delay, tick) for delay, tick in ticks if tick.reason.startswith("look ")]

    @property
    def looks(self) -> int:
        return len(self.env.effects(LookUpOrder))

    @property
    def told(self) -> list[object]:
        return [mail for mail in self.env.told_to(SUPERVISOR) if isinstance(mail, Answering)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_look_waits_for_its_turn_no_longer_when_the_exchange_answers_again(stage: Stage) -> None:
    for _ in range(12):
        stage.look_in_vain()
    answers([seen(stage.order.order_id, Unclear(reason=TROUBLE), asked_at=stage.env.clock)], stage.account)
    looks = stage.looks
    assert stage.turns[-1][0] == 30 * SECOND

    stage.account.handle(Answering(account="A1"))

    assert stage.looks == looks + 1
    answers([seen(stage.order.order_id, Unclear(reason=TROUBLE), asked_at=stage.env.clock)], stage.account)
    assert stage.turns[-1][0] == SECOND


def test_a_clear_answer_from_an_exchange_that_counts_as_unreachable_is_told_once(stage: Stage) -> None:
    stage.look_in_vain()
    assert stage.told == []
    for _ in range(2):
        answers([seen(stage.order.order_id, shown(stage.order), asked_at=stage.env.clock)], stage.account)
        stage.env.commit_all(stage.account)
    assert stage.told == [Answering(account="A1")]


def test_a_clear_answer_from_an_exchange_that_is_reached_is_no_news(stage: Stage) -> None:
    stage.say("")
    answers([seen(stage.order.order_id, shown(stage.order), asked_at=stage.env.clock)], stage.account)
    assert stage.told == []


def test_a_price_that_could_not_be_had_is_asked_for_again_only_after_a_pause(stage: Stage) -> None:
    calls = Calls(stage.env, ME)
    wanted = FetchQuote(symbol="ETH/USDT", deadline=Micros(stage.env.clock + 10 * SECOND))
    for _ in range(3):
        calls.make("A1", wanted)
        calls.answered(QuoteAnswered(symbol="ETH/USDT", result=Unclear(reason="connection refused")))
        calls.make("A1", wanted)
        assert stage.env.effects(FetchQuote) == [wanted]
        assert stage.env.timers[-1] == (SECOND // 2, Tick(reason="quote ETH/USDT"))
        calls.pace_ended("quote ETH/USDT")
        stage.env.calls.clear()
