"""Actors of the simulation begin from snapshots, so that all its promises are kept by such actors too."""

from tests.simulation.drivers import swarm
from tests.simulation.scenario import all_scenarios


def test_after_crashes_actors_begin_from_snapshots() -> None:
    runs = swarm(all_scenarios()["batch_two_accounts"], range(30))
    assert sum(run.log.begun_from_snapshots for run in runs) >= 10
