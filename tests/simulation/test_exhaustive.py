"""A crash before and after every step of a scenario, for every way in which things can have been under way."""

import pytest

from tests.simulation.drivers import exhaustive
from tests.simulation.faults import FaultMix
from tests.simulation.scenario import all_scenarios

SCENARIOS = all_scenarios()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


def test_a_crash_at_any_step_of_a_single_market_order_loses_and_doubles_nothing() -> None:
    runs = list(exhaustive(SCENARIOS["single_market"]))
    assert len(runs) >= 4 * 35, "the scenario has shrunk: are all its steps still simulated?"


def test_a_crash_at_any_step_after_a_lost_answer_loses_and_doubles_nothing() -> None:
    lossy = FaultMix(answer_lost=1.0, lasts=2_000_000)
    assert list(exhaustive(SCENARIOS["single_market"], seed=1, mix=lossy))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_crash_at_any_step_loses_and_doubles_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs = len(list(exhaustive(SCENARIOS[name])))
    with capsys.disabled():
        print(f"{name:22} {runs // 4} steps, {runs} crashes")
