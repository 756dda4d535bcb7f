"""What a seed stands for: an exchange, a market, a mix of faults, and when the engine crashes or is replaced."""

from random import Random

from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.traits import ClientIdRule, Traits
from orderwright.exchanges.paper.profiles import PROFILES, StopStyle
from orderwright.moments import SECOND
from tests.simulation.faults import FaultMix, random_mix
from tests.simulation.scenario import Scenario, all_scenarios
from tests.simulation.simulation import ANY, Crash, Disturbance, Plan, Run, TakeOver
from tests.simulation.wire import Fate

_DOWN_FOR = (SECOND // 10, 5 * SECOND, 20 * SECOND, 90 * SECOND)
_STEPS: dict[str, int] = {}
_THAWS_AFTER = (0, SECOND // 10, 3 * SECOND, 20 * SECOND)


def random_plan(scenario: Scenario, seed: int, *, mix: FaultMix | None = None) -> Plan:
    """Return the plan that a seed stands for; `mix` takes the place of the one that it draws."""
    rng = Random(f"{scenario.name} {seed}")  # noqa: S311 -- chance that can be repeated, not a secret
    drawn = replace(random_mix(rng), exchange_away_for=rng.choice((0, 0, 0, 30 * SECOND)))
    # Faults make a run longer than a calm one, and recovery is worth a crash of its own.
    longest = 2 * steps_in(scenario)
    steps = sorted(rng.randrange(1, longest) for _ in range(rng.choice((0, 1, 1, 2))))
    disturbances = tuple(_disturbance(rng, step) for step in steps)
    market_type = rng.choice((scenario.market_type, scenario.market_type, *scenario.also))
    profile = rng.choice((ANY, ANY, *(name for name, known in PROFILES.items() if market_type in known.market_types)))
    traits, style = _exchange(rng, profile, market_type)
    if not scenario.can_be_asked:
        traits = replace(traits, lookup_by_client_id=False)
    drawn = replace(drawn, forgets=0 if scenario.lies else rng.choice((0.0, 0.0, 0.1, 0.5)))
    return Plan(
        seed=seed,
        mix=mix or drawn,
        disturbances=disturbances,
        profile=profile,
        market_type=market_type,
        traits=traits,
        stops_keep_their_id=style is not StopStyle.CHILD,
    )


def _disturbance(rng: Random, step: int) -> Disturbance:
    kept = rng.choice((0.0, 0.5, 1.0))
    if rng.random() < 1 / 3:
        return TakeOver(step=step, kept=kept, thaws_after=rng.choice(_THAWS_AFTER))
    return Crash(step=step, kept=kept, wire=rng.choice(tuple(Fate)), down_for=rng.choice(_DOWN_FOR))


def _exchange(rng: Random, profile: str, market_type: MarketType) -> tuple[Traits, StopStyle]:
    if profile != ANY:
        known = PROFILES[profile]
        return known.traits, known.stops.get(market_type, StopStyle.KEPT)
    traits = Traits(
        client_id_unique=rng.choice(tuple(ClientIdRule)),
        request_expiry=rng.random() < 0.5,
        lookup_by_client_id=rng.random() < 0.9,
        native_stops=True,
        tells_trades=rng.random() < 0.8,
        tells_at_once=rng.random() < 0.7,
        sets_leverage=rng.random() < 0.5,
    )
    return traits, rng.choice((StopStyle.KEPT, StopStyle.CHILD, StopStyle.CHILD))


def steps_of(name: str) -> int:
    """Return how many steps a scenario has in which nothing goes wrong: at each of them something is done or heard."""
    return steps_in(all_scenarios()[name])


def steps_in(scenario: Scenario) -> int:
    """Return the same of a scenario that need not be among those that are found."""
    if scenario.name not in _STEPS:
        run = Run(scenario, Plan(seed=0))
        run.run()
        _STEPS[scenario.name] = run.world.step
    return _STEPS[scenario.name]
