"""The two drivers: every crash of one scenario, and random faults over many seeds; a failure says how to repeat it."""

from collections.abc import Iterator, Sequence
from functools import cache
from random import Random

from msgspec.structs import replace

from orderwright.engine.traits import ClientIdRule, Traits
from orderwright.moments import SECOND
from tests.simulation.faults import CALM, FaultMix, random_mix
from tests.simulation.scenario import Scenario, all_scenarios
from tests.simulation.simulation import Crash, Plan, Run
from tests.simulation.wire import Fate

_DOWN_FOR = (SECOND // 10, 5 * SECOND, 20 * SECOND, 90 * SECOND)


class SimulationFailed(AssertionError):
    """A run ended with something wrong; the message has the plan that repeats it, and its timeline."""


def check(scenario: Scenario, plan: Plan) -> Run:
    """Run a scenario; return the run if all is well at its end.

    Raises:
        SimulationFailed: it is not.
    """
    run = Run(scenario, plan)
    try:
        wrongs = run.run()
    except Exception as exc:  # an actor that raises is a finding like any other, and wants its seed printed
        raise SimulationFailed(_told(scenario, plan, [repr(exc)])) from exc
    if wrongs:
        raise SimulationFailed(_told(scenario, plan, wrongs))
    return run


def random_plan(scenario: Scenario, seed: int, *, mix: FaultMix | None = None) -> Plan:
    """Return the plan that a seed stands for: a mix of faults (unless given), up to two crashes, an exchange."""
    rng = Random(f"{scenario.name} {seed}")  # noqa: S311 -- chance that can be repeated, not a secret
    drawn = random_mix(rng)
    # Faults make a run longer than a calm one, and recovery is worth a crash of its own.
    longest = 2 * _length(scenario.name)
    steps = sorted(rng.randrange(1, longest) for _ in range(rng.choice((0, 1, 1, 2))))
    crashes = tuple(
        Crash(
            step=step,
            kept=rng.choice((0.0, 0.5, 1.0)),
            wire=rng.choice(tuple(Fate)),
            down_for=rng.choice(_DOWN_FOR),
        )
        for step in steps
    )
    traits = Traits(
        client_id_unique=rng.choice((ClientIdRule.ALWAYS, ClientIdRule.OPEN_ONLY)),
        request_expiry=rng.random() < 0.5,
        lookup_by_client_id=rng.random() < 0.9,
        native_stops=True,
    )
    keep = rng.random() < 0.3
    traits = replace(traits, tells_trades=rng.random() < 0.8, tells_at_once=rng.random() < 0.7)
    if not scenario.can_be_asked:
        traits = replace(traits, lookup_by_client_id=False)
    traits = replace(traits, sets_leverage=rng.random() < 0.5)
    drawn = replace(drawn, exchange_away_for=rng.choice((0, 0, 0, 30 * SECOND)))
    return Plan(seed=seed, mix=mix or drawn, crashes=crashes, traits=traits, stops_keep_their_id=keep)


@cache
def _length(name: str) -> int:
    run = Run(all_scenarios()[name], Plan(seed=0))
    run.run()
    return run.world.step


def swarm(scenario: Scenario, seeds: Sequence[int], *, mix: FaultMix | None = None) -> Iterator[Run]:
    """Check a scenario with the plans of many seeds."""
    for seed in seeds:
        yield check(scenario, random_plan(scenario, seed, mix=mix))


def exhaustive(scenario: Scenario, *, seed: int = 0, mix: FaultMix = CALM) -> Iterator[Run]:
    """Check a scenario with a crash before each of its steps, for every way in which things can have been under way."""
    whole = check(scenario, Plan(seed=seed, mix=mix))
    for step in range(1, whole.world.step + 1):
        for kept in (0.0, 1.0):
            for wire in (Fate.LOST, Fate.ARRIVE):
                yield check(scenario, Plan(seed=seed, mix=mix, crashes=(Crash(step=step, kept=kept, wire=wire),)))


def _told(scenario: Scenario, plan: Plan, wrongs: list[str]) -> str:
    again = Run(scenario, plan, is_traced=True)
    try:
        again.run()
    except Exception as exc:  # noqa: BLE001 -- the timeline up to it is what is wanted
        again.world.note("raised", repr(exc))
    lines = "\n".join(again.world.timeline)
    told = "\n  ".join(wrongs)
    return f"scenario {scenario.name}, {plan}\n  {told}\n{lines}"
