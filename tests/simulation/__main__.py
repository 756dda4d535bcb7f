"""Repeats one run and prints what happened: `python -m tests.simulation SCENARIO SEED`, or a plan as JSON."""

import logging
import sys

import msgspec

from tests.simulation.drivers import told
from tests.simulation.plans import random_plan
from tests.simulation.scenario import all_scenarios
from tests.simulation.simulation import Plan, Run


def main(name: str, what: str) -> int:
    """Run the scenario with a seed's plan, or with the plan that `what` is; return the exit code."""
    logging.disable(logging.CRITICAL)
    scenario = all_scenarios()[name]
    plan = msgspec.json.decode(what, type=Plan) if what.startswith("{") else random_plan(scenario, int(what))
    wrongs = Run(scenario, plan).run()
    print(told(scenario, plan, wrongs or ["nothing is wrong"]))
    return 1 if wrongs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
