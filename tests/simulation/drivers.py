"""The drivers: every crash, every two crashes, random faults over many seeds; a failure says how to repeat it."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from orderwright.moments import SECOND
from tests.simulation.faults import CALM, FaultMix
from tests.simulation.plans import random_plan
from tests.simulation.scenario import Scenario
from tests.simulation.simulation import Crash, Disturbance, Plan, Run, TakeOver
from tests.simulation.wire import Fate


class SimulationFailed(AssertionError):
    """A run ended with something wrong; the message has the line that repeats it, and its timeline."""


def check(scenario: Scenario, plan: Plan) -> Run:
    """Run a scenario; return the run if all is well at its end.

    Raises:
        SimulationFailed: it is not.
    """
    run = Run(scenario, plan)
    try:
        wrongs = run.run()
    except Exception as exc:  # an actor that raises is a finding like any other, and wants its seed printed
        raise SimulationFailed(told(scenario, plan, [repr(exc)])) from exc
    if wrongs:
        raise SimulationFailed(told(scenario, plan, wrongs))
    return run


def swarm(scenario: Scenario, seeds: Sequence[int], *, mix: FaultMix | None = None) -> Iterator[Run]:
    """Check a scenario with the plans of many seeds."""
    for seed in seeds:
        yield check(scenario, random_plan(scenario, seed, mix=mix))


def exhaustive(scenario: Scenario, *, seed: int = 0, mix: FaultMix = CALM) -> Iterator[Run]:
    """Check a scenario with every plan of `exhaustive_plans`."""
    for plan in exhaustive_plans(scenario, seed=seed, mix=mix):
        yield check(scenario, plan)


def exhaustive_plans(scenario: Scenario, *, seed: int = 0, mix: FaultMix = CALM) -> Iterator[Plan]:
    """Yield a plan with a crash before each step, for every way in which things can have been under way.

    And one with a standby that takes over before each step, and first one in which nothing of that happens.
    """
    calm = Plan(seed=seed, mix=mix)
    yield calm
    for step in range(1, check(scenario, calm).world.step + 1):
        for disturbance in (*crashes_at(step), *take_overs_at(step)):
            yield replace(calm, disturbances=(disturbance,))


def pair_plans(scenario: Scenario) -> Iterator[Plan]:
    """Yield a plan for every two crashes, the second at any step up to the end of what the first one leads to."""
    calm = Plan(seed=0)
    for step in range(1, check(scenario, calm).world.step + 1):
        for first in crashes_at(step):
            once = check(scenario, replace(calm, disturbances=(first,)))
            for second_step in range(step + 1, once.world.step + 1):
                for second in crashes_at(second_step):
                    yield replace(calm, disturbances=(first, second))


def crashes_at(step: int) -> Iterator[Disturbance]:
    """Yield each crash before a step: what was queued is durable or not, what was on the wire arrives or not."""
    for kept in (0.0, 1.0):
        for wire in (Fate.LOST, Fate.ARRIVE):
            yield Crash(step=step, kept=kept, wire=wire)


def take_overs_at(step: int) -> Iterator[Disturbance]:
    """Yield each take-over before a step: what was queued is durable or not, the old engine goes on soon or late."""
    for kept in (0.0, 1.0):
        for thaws_after in (SECOND // 10, 20 * SECOND):
            yield TakeOver(step=step, kept=kept, thaws_after=thaws_after)


WAYS = len([*crashes_at(1), *take_overs_at(1)])
"""In how many ways the exhaustive driver disturbs a run at each step."""


def told(scenario: Scenario, plan: Plan, wrongs: list[str]) -> str:
    """Return what is wrong, the command that repeats it, and all that happened."""
    again = Run(scenario, plan, is_traced=True)
    try:
        again.run()
    except Exception as exc:  # noqa: BLE001 -- the timeline up to it is what is wanted
        again.world.note("raised", repr(exc))
    lines = "\n".join(again.world.timeline)
    wrong = "\n  ".join(wrongs)
    return f"{repeated_by(scenario, plan)}\n{plan}\n  {wrong}\n{lines}"


def repeated_by(scenario: Scenario, plan: Plan) -> str:
    """Return the command that repeats a run."""
    what = str(plan.seed) if plan == random_plan(scenario, plan.seed) else f"'{msgspec.json.encode(plan).decode()}'"
    return f"python -m tests.simulation {scenario.name} {what}"
