"""Orders that count as never placed are looked at often, then ever more rarely, also by accounts with nothing open."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from orderwright.actors.calls import Calls
from orderwright.actors.strangers import Strangers
from orderwright.actors.watches import Watches
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import LookUpOrder, NotFound
from orderwright.engine.strategy_account.state import Context, Identity, Rules, Watch
from orderwright.moments import DAY, SECOND, Micros
from tests.actors.orders import seen
from tests.actors.scripted_env import BTC, ME, NAME, NOON, ScriptedDirectory, ScriptedEnv, profile

LATE = OrderId("salt5000010000000000000000000000")


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


def polls(env: ScriptedEnv, times: int) -> Iterator[Context]:
    """Yield what is known at each of so many polls."""
    market = ScriptedDirectory(env).market(profile())
    for number in range(times):
        env.clock = Micros(NOON + number * 30 * SECOND)
        yield Context(now=env.clock, identity=Identity(name=NAME, number=1, salt="salt5"), rules=Rules(), market=market)


def test_it_is_looked_at_at_every_poll_and_later_less_often(env: ScriptedEnv) -> None:
    calls = Calls(env, ME)
    strangers = Strangers(env, ME, NAME, calls)
    watches = Watches(strangers)
    watched = {LATE: Watch(symbol=BTC, since=NOON, until=Micros(NOON + DAY))}
    moments = []
    for context in polls(env, 120):
        before = len(env.calls)
        watches.look(watched, "A1", context)
        if len(env.calls) > before:
            moments.append((context.now - NOON) // (30 * SECOND))
            outcome = seen(LATE, NotFound(), asked_at=env.clock)
            calls.answered(outcome)
            strangers.answered(outcome, {})
    assert moments[:17] == list(range(17))
    assert moments[-2:] == [110, 118]
    assert {effect.order_id for effect in env.effects(LookUpOrder) if isinstance(effect, LookUpOrder)} == {LATE}


def test_nothing_is_looked_at_when_nothing_is_watched(env: ScriptedEnv) -> None:
    watches = Watches(Strangers(env, ME, NAME, Calls(env, ME)))
    for context in polls(env, 3):
        watches.look({}, "A1", context)
    assert env.calls == []


def test_one_more_look_comes_when_the_watch_is_over(env: ScriptedEnv) -> None:
    calls = Calls(env, ME)
    strangers = Strangers(env, ME, NAME, calls)
    watches = Watches(strangers)
    context = next(polls(env, 1))
    watched = {LATE: Watch(symbol=BTC, since=Micros(NOON - DAY), until=Micros(NOON + 31 * SECOND))}
    for moment in (NOON, NOON + 30 * SECOND, NOON + 60 * SECOND):
        env.clock = Micros(moment)
        watches.look(watched, "A1", replace(context, now=env.clock))
        outcome = seen(LATE, NotFound(), asked_at=env.clock)
        calls.answered(outcome)
        strangers.answered(outcome, {})
    assert len(env.effects(LookUpOrder)) == 2
