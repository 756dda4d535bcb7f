"""A crash before and after every step of a scenario, for every way in which things can have been under way.

And a take-over by a standby at every step; and every two crashes for the shortest scenarios.
"""

import pytest

from tests.proofs import tell
from tests.simulation.drivers import WAYS, check, exhaustive, pair_plans
from tests.simulation.faults import FaultMix
from tests.simulation.fleet import Driver, in_parts, run_all
from tests.simulation.plans import steps_of
from tests.simulation.reports import Reporter, report
from tests.simulation.scenario import all_scenarios

SCENARIOS = all_scenarios()
SHORTEST = sorted(SCENARIOS, key=lambda name: (steps_of(name), name))[:3]
EVERY = 300


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


def test_a_crash_at_any_step_of_a_single_market_order_loses_and_doubles_nothing() -> None:
    assert len(list(exhaustive(SCENARIOS["single_market"]))) == 1 + WAYS * steps_of("single_market")


def test_a_crash_at_any_step_after_a_lost_answer_loses_and_doubles_nothing() -> None:
    lossy = FaultMix(answer_lost=1.0, lasts=2_000_000)
    assert list(exhaustive(SCENARIOS["single_market"], seed=1, mix=lossy))


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_scenario_does_not_shrink(name: str) -> None:
    assert steps_of(name) >= SCENARIOS[name].steps, "are all its steps still simulated?"


@pytest.mark.ci_slice
@pytest.mark.parametrize("name", SHORTEST)
def test_two_crashes_lose_and_double_nothing(name: str) -> None:
    for number, plan in enumerate(pair_plans(SCENARIOS[name])):
        if number % EVERY == 0:
            check(SCENARIOS[name], plan)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_crash_or_a_take_over_at_any_step_loses_and_doubles_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [job for name in SCENARIOS for job in in_parts(Driver.EXHAUSTIVE, name, count=0)]
    jobs.sort(key=lambda job: -steps_of(job.scenario))
    with capsys.disabled():
        points = [f"{name:34} {steps_of(name):6}" for name in sorted(SCENARIOS)]
        tell("\n".join(["simulation: steps at which a crash and a take-over are tried", *points]))
        tallies = run_all(jobs, progress=Reporter(sum(1 + WAYS * steps_of(name) for name in SCENARIOS)))
        whole = report("simulation: a crash or a take-over at every step", tallies)
    assert not whole.failed, next(tally.failure for tally in tallies.values() if tally.failure)
    assert whole.runs == sum(1 + WAYS * steps_of(name) for name in SCENARIOS)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_every_two_crashes_of_the_shortest_scenarios_lose_and_double_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs = [job for name in SHORTEST for job in in_parts(Driver.PAIRS, name, count=0, parts=16)]
    with capsys.disabled():
        tallies = run_all(jobs, progress=Reporter(sum(1 for name in SHORTEST for _ in pair_plans(SCENARIOS[name]))))
        whole = report("simulation: every two crashes", tallies)
    assert not whole.failed, next(tally.failure for tally in tallies.values() if tally.failure)
