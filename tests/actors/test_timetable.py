"""An actor's own timers: one for each reason, and one for the next moment that matters."""

import pytest

from orderwright.actors.messages import Tick
from orderwright.actors.timetable import DUE, Timetable
from orderwright.moments import SECOND, Micros
from tests.actors.scripted_env import ME, NOON, ScriptedEnv


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def timetable(env: ScriptedEnv) -> Timetable:
    return Timetable(env, ME)


def test_a_reason_has_one_timer_at_a_time(env: ScriptedEnv, timetable: Timetable) -> None:
    timetable.within(SECOND, "poll")
    timetable.within(SECOND, "poll")
    timetable.within(SECOND, "market")
    assert env.timers == [(SECOND, Tick(reason="poll")), (SECOND, Tick(reason="market"))]
    timetable.ended("poll")
    timetable.within(SECOND, "poll")
    assert len(env.timers) == 3


def test_only_an_earlier_moment_needs_another_timer(env: ScriptedEnv, timetable: Timetable) -> None:
    timetable.at(None)
    timetable.at(Micros(NOON + 5 * SECOND))
    timetable.at(Micros(NOON + 7 * SECOND))
    timetable.at(Micros(NOON + 3 * SECOND))
    assert env.timers == [(5 * SECOND, Tick(reason=DUE)), (3 * SECOND, Tick(reason=DUE))]


def test_a_tick_that_comes_early_leaves_room_for_the_next(env: ScriptedEnv, timetable: Timetable) -> None:
    timetable.at(Micros(NOON + 5 * SECOND))
    timetable.ended(DUE)
    timetable.at(Micros(NOON + 5 * SECOND))
    assert len(env.timers) == 2


def test_a_moment_that_has_passed_is_due_at_once(env: ScriptedEnv, timetable: Timetable) -> None:
    timetable.at(Micros(NOON - SECOND))
    assert env.timers == [(0, Tick(reason=DUE))]
