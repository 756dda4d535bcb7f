"""Random faults and crashes over many seeds of every scenario; when things are quiet, every promise was kept.

A few run with the tests, 3,000 with `.ci/run`. `make prove` runs SEEDS seeds in all, shared by the scenarios, each
beginning with FROM.
"""

import os

import pytest

from orderwright.eventstore.verify import verify
from tests.simulation.drivers import swarm
from tests.simulation.fleet import Driver, in_parts, run_all
from tests.simulation.plans import random_plan, steps_of
from tests.simulation.reports import Reporter, report
from tests.simulation.scenario import all_scenarios
from tests.simulation.simulation import Run

SCENARIOS = all_scenarios()
A_FEW = 15
SLICE = 3_000


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_promise_is_kept_under_random_faults(name: str) -> None:
    assert len(list(swarm(SCENARIOS[name], range(A_FEW)))) == A_FEW


def test_the_chain_of_a_log_that_met_crashes_is_whole() -> None:
    for run in swarm(SCENARIOS["batch_two_accounts"], range(20)):
        assert verify(run.log.memory).events == run.log.memory.head_position()


def test_the_same_seed_gives_the_same_run() -> None:
    scenario = SCENARIOS["batch_two_accounts"]
    timelines = []
    for _ in range(2):
        run = Run(scenario, random_plan(scenario, 7), is_traced=True)
        run.run()
        timelines.append(run.world.timeline)
    assert timelines[0] == timelines[1]


@pytest.mark.slow
@pytest.mark.ci_slice
@pytest.mark.timeout(600)
def test_every_promise_is_kept_over_a_slice_of_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    _swarm(A_FEW, SLICE, capsys)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_every_promise_is_kept_over_many_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    _swarm(int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "100000")), capsys)


def _swarm(first: int, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    share = -(-count // len(SCENARIOS))
    jobs = [job for name in SCENARIOS for job in in_parts(Driver.SWARM, name, first=first, count=share, parts=8)]
    # The long ones first: no core is to wait for the last of them.
    jobs.sort(key=lambda job: -steps_of(job.scenario))
    with capsys.disabled():
        tallies = run_all(jobs, progress=Reporter(share * len(SCENARIOS)))
        whole = report(f"simulation: {count:,} seeds from {first}", tallies)
    assert not whole.failed, next(tally.failure for tally in tallies.values() if tally.failure)
    assert whole.runs >= count
