"""Seeds that once found something, each with what it was; they stand for other plans when other faults are drawn."""

import pytest

from tests.simulation.drivers import check
from tests.simulation.plans import random_plan
from tests.simulation.scenario import all_scenarios

FOUND = (
    # An actor that was being rebuilt asked for a price again and again, as fast as the exchange refused the connection.
    ("ladder_on_three_accounts", 7017),
    # The check itself: a fill that was forgotten by the exchange's clock, which was not the engine's.
    ("resolved_by_hand", 90),
)


@pytest.mark.parametrize(("name", "seed"), FOUND)
def test_what_was_found_once_is_not_found_again(name: str, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    scenario = all_scenarios()[name]
    check(scenario, random_plan(scenario, seed))
