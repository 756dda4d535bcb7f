"""Actors of the simulation rest and come back, so that all its promises are kept around that too."""

from tests.simulation.drivers import swarm
from tests.simulation.scenario import all_scenarios


def test_actors_rest_and_come_back_between_signals() -> None:
    runs = swarm(all_scenarios()["rest_between_signals"], range(10))
    assert sum(run.rests for run in runs) >= 40
