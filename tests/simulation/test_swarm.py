"""Random faults and crashes over many seeds of every scenario; when things are quiet, every promise was kept.

A slice runs with the tests; `make prove` runs SEEDS seeds of every scenario, beginning with FROM (environment).
"""

import os
from time import perf_counter

import pytest

from orderwright.eventstore.verify import verify
from tests.simulation.drivers import swarm
from tests.simulation.plans import random_plan
from tests.simulation.scenario import all_scenarios
from tests.simulation.simulation import Run

SCENARIOS = all_scenarios()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_promise_is_kept_under_random_faults(name: str) -> None:
    assert len(list(swarm(SCENARIOS[name], range(200)))) == 200


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
@pytest.mark.timeout(0)
def test_every_promise_is_kept_over_many_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    first, count = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "1000"))
    for name, scenario in SCENARIOS.items():
        began = perf_counter()
        steps = [run.world.step for run in swarm(scenario, range(first, first + count))]
        speed = count / (perf_counter() - began) * 60
        with capsys.disabled():
            print(f"{name:22} {count} seeds, {sum(steps) // count} steps each, {speed:,.0f} a minute")
