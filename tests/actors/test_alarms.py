"""How alarms are counted, logged once, ended and let go."""

import logging

import pytest

from orderwright.actors.alarms import Alarm, AlarmKind, Alarms
from orderwright.moments import SECOND, Micros
from tests.actors.scripted_env import NOON, ScriptedEnv


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def alarms(env: ScriptedEnv) -> Alarms:
    return Alarms(env, most=3)


def named(alarms: Alarms) -> list[str]:
    return [alarm.what for alarm in alarms.listed()]


def test_the_same_cause_is_counted_and_logged_once(
    env: ScriptedEnv, alarms: Alarms, caplog: pytest.LogCaptureFixture
) -> None:
    for seconds in (0, 5, 10):
        env.clock = Micros(NOON + seconds * SECOND)
        alarms.ring(AlarmKind.DEAD_EXCHANGE, "A1", f"for {seconds} s")
    expected = Alarm(
        kind=AlarmKind.DEAD_EXCHANGE,
        what="A1",
        why="for 10 s",
        since=NOON,
        last=Micros(NOON + 10 * SECOND),
        count=3,
    )
    assert alarms.listed() == (expected,)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_an_alarm_that_is_over_begins_anew(env: ScriptedEnv, alarms: Alarms, caplog: pytest.LogCaptureFixture) -> None:
    alarms.ring(AlarmKind.DEAD_EXCHANGE, "A1", "gone")
    assert alarms.clear(AlarmKind.DEAD_EXCHANGE, "A1")
    assert not alarms.clear(AlarmKind.DEAD_EXCHANGE, "A1")
    (alarm,) = alarms.listed()
    assert alarm.cleared == NOON
    env.clock = Micros(NOON + SECOND)
    alarms.ring(AlarmKind.DEAD_EXCHANGE, "A1", "gone again")
    (alarm,) = alarms.listed()
    assert (alarm.cleared, alarm.count, alarm.since) == (None, 1, NOON + SECOND)
    assert len(caplog.records) == 3


def test_what_never_rang_cannot_end(alarms: Alarms) -> None:
    assert not alarms.clear(AlarmKind.FAILED_JOB, "snapshots")


def test_those_that_are_on_come_first_and_the_newest_of_them_before_the_others(
    env: ScriptedEnv, alarms: Alarms
) -> None:
    for number in (1, 2, 3):
        env.clock = Micros(NOON + number)
        alarms.ring(AlarmKind.FAILED_JOB, f"job {number}", "it broke")
    alarms.clear(AlarmKind.FAILED_JOB, "job 3")
    assert named(alarms) == ["job 2", "job 1", "job 3"]


def test_what_is_over_is_let_go_first_and_then_the_oldest(alarms: Alarms) -> None:
    for number in (1, 2, 3):
        alarms.ring(AlarmKind.FAILED_JOB, f"job {number}", "it broke")
    alarms.clear(AlarmKind.FAILED_JOB, "job 2")
    alarms.ring(AlarmKind.FAILED_JOB, "job 4", "it broke")
    assert sorted(named(alarms)) == ["job 1", "job 3", "job 4"]
    alarms.ring(AlarmKind.FAILED_JOB, "job 5", "it broke")
    assert sorted(named(alarms)) == ["job 3", "job 4", "job 5"]
