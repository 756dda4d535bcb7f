"""Small scenarios without faults run fast enough for a proof to be long: 20,000 a minute on one core."""

import os
from time import process_time

import pytest

from tests.proofs import tell
from tests.simulation.scenario import all_scenarios
from tests.simulation.simulation import Plan, Run

SCENARIOS = all_scenarios()
SMALL = ("single_market", "limit_then_fill", "nobody_listens", "duplicate_during_recovery")
LEAST_A_MINUTE = 20_000
RUNS = 1_000


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_small_scenarios_are_fast(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Runs that others on the machine got in the way of take longer, also in processor time: the tenth part is without.
    taken = sorted(_seconds(name, seed) for seed in range(RUNS))
    quiet, half = 60 / taken[RUNS // 10], 60 / taken[RUNS // 2]
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    with capsys.disabled():
        tell(
            f"simulation: {name:26} {quiet:9,.0f} a minute on one core undisturbed, {half:,.0f} as the machine was "
            f"(load {load:.1f} on {cores} cores)"
        )
    # The bar is for a machine that has nothing else to do.
    assert quiet >= LEAST_A_MINUTE or load > cores


def _seconds(name: str, seed: int) -> float:
    began = process_time()
    assert not Run(SCENARIOS[name], Plan(seed=seed)).run()
    return process_time() - began
