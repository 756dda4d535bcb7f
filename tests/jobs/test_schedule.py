"""Jobs run by the clock, tell how they went, and none holds up another."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from orderwright.clock import SystemClock
from orderwright.jobs.schedule import Job, JobFailed, Schedule
from orderwright.moments import SECOND
from orderwright.readmodels.job_view import JobView
from tests.processes import wait_until

OFTEN = SECOND // 20
NEVER = 3_600 * SECOND


def job(name: str, run: Callable[[threading.Event], str], *, every: int = OFTEN, at_once: bool = False) -> Job:
    return Job(name=name, purpose=f"does {name}", every=every, run=run, at_once=at_once)


@contextmanager
def running(*jobs: Job) -> Iterator[Schedule]:
    schedule = Schedule(jobs, clock=SystemClock(), zone=UTC)
    schedule.start()
    try:
        yield schedule
    finally:
        schedule.close()


def view_of(schedule: Schedule, name: str) -> JobView:
    return next(view for view in schedule.views() if view.name == name)


def runs_of(schedule: Schedule, name: str, least: int) -> JobView:
    """Wait until the job has run so often."""

    def look() -> JobView | None:
        view = view_of(schedule, name)
        return view if view.runs >= least and not view.is_running else None

    return wait_until(look, what=f"run {least} of {name}")


def test_a_job_runs_again_and_again_and_tells_of_its_last_run() -> None:
    began = SystemClock().now()
    with running(job("count", lambda _stopping: "counted")) as schedule:
        view = runs_of(schedule, "count", 3)
        assert (view.said, view.error, view.failures) == ("counted", "", 0)
        assert view.began_at is not None
        assert view.began_at > began
        assert view.took is not None
        assert 0 <= view.took < SECOND
        assert view.next_at is not None
        assert view.next_at > view.began_at
        assert schedule.conditions() == {}


def test_a_job_that_has_not_run_yet_tells_when_it_will() -> None:
    with running(job("later", lambda _stopping: "", every=NEVER)) as schedule:
        view = view_of(schedule, "later")
        assert (view.runs, view.began_at, view.took) == (0, None, None)
        assert view.next_at is not None
        assert abs(view.next_at - (SystemClock().now() + NEVER)) < 5 * SECOND
        assert view.purpose == "does later"


def test_a_job_can_run_at_once_and_then_by_the_clock() -> None:
    with running(job("now", lambda _stopping: "done", every=NEVER, at_once=True)) as schedule:
        view = runs_of(schedule, "now", 1)
        assert view.next_at is not None
        assert view.next_at > SystemClock().now() + NEVER // 2


def test_a_job_that_fails_is_told_of_and_holds_up_no_other() -> None:
    moods: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def moody(stopping: threading.Event) -> str:
        while moods.empty() and not stopping.is_set():
            stopping.wait(0.01)
        mood = None if stopping.is_set() else moods.get()
        if mood is not None:
            raise mood
        return "all well"

    def is_told(what: dict[str, str]) -> bool:
        return schedule.conditions() == what

    with running(job("moody", moody), job("steady", lambda _stopping: "went on")) as schedule:
        moods.put(JobFailed("2 of 5 accounts could not be asked"))
        failed = {"job/moody": "failed: 2 of 5 accounts could not be asked"}
        wait_until(lambda: is_told(failed), what="the failure")
        runs_of(schedule, "steady", view_of(schedule, "steady").runs + 2)
        moods.put(None)
        wait_until(lambda: is_told({}), what="the recovery")
        moods.put(KeyError("a fault in the code"))
        wait_until(lambda: is_told({"job/moody": "failed: KeyError: 'a fault in the code'"}), what="the fault")
        runs_of(schedule, "steady", view_of(schedule, "steady").runs + 2)
        view = view_of(schedule, "moody")
        assert (view.failures, view.said) == (2, "all well")


def test_a_slow_job_does_not_run_beside_itself_and_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR")
    let_go, at_work = threading.Event(), []

    def slow(_stopping: threading.Event) -> str:
        at_work.append(1)
        let_go.wait(10)
        return "at last"

    with running(job("slow", slow), job("quick", lambda _stopping: "quick")) as schedule:
        runs_of(schedule, "quick", 5)
        assert len(at_work) == 1
        assert view_of(schedule, "slow").is_running
        let_go.set()
        runs_of(schedule, "slow", 2)


def test_a_job_under_way_is_asked_to_end_and_waited_for() -> None:
    ended = []

    def long(stopping: threading.Event) -> str:
        stopping.wait(10)
        ended.append(stopping.is_set())
        return "stopped in the middle"

    with running(job("long", long, every=NEVER, at_once=True)) as schedule:
        wait_until(lambda: view_of(schedule, "long").is_running, what="the job")
    assert ended == [True]
    assert view_of(schedule, "long").next_at is None


def test_a_schedule_that_never_began_can_be_closed() -> None:
    Schedule([], clock=SystemClock(), zone=ZoneInfo("Asia/Seoul")).close()
