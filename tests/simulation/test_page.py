"""The page on adding a scenario shows one that works."""

import re
from typing import Any

import pytest

from tests.repository.walk import ROOT
from tests.simulation.drivers import check, swarm
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import Plan

PAGE = ROOT / "docs" / "how-to" / "scenario.md"


def test_the_scenario_that_the_page_shows_can_be_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
    (shown,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(shown, names)  # noqa: S102 -- our own page
    scenario = names["SCENARIO"]
    assert isinstance(scenario, Scenario)
    assert check(scenario, Plan(seed=0)).world.step >= scenario.steps
    assert len(list(swarm(scenario, range(10)))) == 10
