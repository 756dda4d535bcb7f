"""What can go wrong between the engine, its log and the exchange, and how likely each is in one run."""

from enum import StrEnum
from random import Random

from msgspec import Struct

from orderwright.engine.outcomes import CancelOrder, Effect, PlaceOrder
from orderwright.moments import SECOND
from tests.simulation.world import World


class Fault(StrEnum):
    """What happens to one call."""

    NONE = "none"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    ERROR_BEFORE = "5xx, nothing done"
    ERROR_AFTER = "5xx after success"
    REFUSED = "refused"
    RATE_LIMITED = "rate limited"
    LATE = "request arrives late"
    TARDY = "request arrives later than any request may"
    HIDDEN = "done, visible late"
    FILLS_LAG = "fills visible late"


class FaultMix(Struct, frozen=True, kw_only=True):
    """Probabilities per call, per commit and per step; durations in microseconds.

    `impatience` is how likely the next timed thing happens while the actors are still busy (a stalled process);
    `queue_limit` how many appends may wait before the log refuses more; `lasts` how long faults go on. Actors rest
    `idle_after` their last work.
    """

    request_lost: float = 0
    answer_lost: float = 0
    error_before: float = 0
    error_after: float = 0
    refused: float = 0
    rate_limited: float = 0
    late: float = 0
    hidden: float = 0
    fills_lag: float = 0
    partial_fills: float = 0
    slow: float = 0
    unreachable: float = 0
    impatience: float = 0.01
    append_fails: float = 0
    load_fails: float = 0
    queue_limit: int = 10_000
    log_away_for: int = 0
    lasts: int = 30 * SECOND
    idle_after: int = 40 * SECOND


CALM = FaultMix()

_PER_CALL = (
    (Fault.REQUEST_LOST, "request_lost"),
    (Fault.ANSWER_LOST, "answer_lost"),
    (Fault.ERROR_BEFORE, "error_before"),
    (Fault.ERROR_AFTER, "error_after"),
    (Fault.REFUSED, "refused"),
    (Fault.RATE_LIMITED, "rate_limited"),
    (Fault.LATE, "late"),
    (Fault.HIDDEN, "hidden"),
    (Fault.FILLS_LAG, "fills_lag"),
)


def random_mix(rng: Random) -> FaultMix:
    """Return a mix in which each fault is absent, rare or frequent."""
    levels = (0.0, 0.0, 0.03, 0.2)
    return FaultMix(
        request_lost=rng.choice(levels),
        answer_lost=rng.choice(levels),
        error_before=rng.choice(levels),
        error_after=rng.choice(levels),
        refused=rng.choice(levels),
        late=rng.choice(levels),
        hidden=rng.choice(levels),
        fills_lag=rng.choice(levels),
        partial_fills=rng.choice((0.0, 0.5)),
        slow=rng.choice((0.0, 0.3)),
        unreachable=rng.choice((0.0, 0.5)),
        impatience=rng.choice((0.0, 0.01, 0.1)),
        append_fails=rng.choice((0.0, 0.0, 0.02, 0.1)),
        load_fails=rng.choice((0.0, 0.0, 0.1)),
        queue_limit=rng.choice((10_000, 10_000, 2)),
        log_away_for=rng.choice((0, 0, 4 * SECOND)),
        idle_after=rng.choice((40 * SECOND, SECOND, SECOND // 10)),
    )


class Faults:
    """Draws from a mix until its time is over; then everything is honest."""

    def __init__(self, world: World, mix: FaultMix) -> None:
        self._world = world
        self.mix = mix
        self.until = world.now() + mix.lasts
        self.counts: dict[Fault, int] = {}
        self._away_from = 0
        if mix.log_away_for:
            self._away_from = world.now() + world.rng.randrange(20 * SECOND)
        self._per_call = [(fault, getattr(mix, field)) for fault, field in _PER_CALL if getattr(mix, field)]

    @property
    def are_over(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self._world.now() >= self.until

    def draw(self, effect: Effect) -> Fault:
        """Return what happens to a call."""
        if self.are_over:
            return Fault.NONE
        for fault, probability in self._per_call:
            if self._world.chance(probability) and _fits(fault, effect):
                self.counts[fault] = self.counts.get(fault, 0) + 1
                return fault
        return Fault.NONE

    def happens(self, probability: float) -> bool:
        """Return whether something else goes wrong now."""
        return probability > 0 and not self.are_over and self._world.chance(probability)

    def latency(self) -> int:
        """Return how long one way to the exchange takes, in microseconds."""
        if self.happens(self.mix.slow):
            return self._world.rng.randrange(6 * SECOND)
        return self._world.rng.choice((0, 500, 2_000, 40_000))

    @property
    def log_is_away(self) -> bool:
        """Whether the database cannot be reached at the moment."""
        return 0 < self._away_from <= self._world.now() < self._away_from + self.mix.log_away_for


def _fits(fault: Fault, effect: Effect) -> bool:
    if fault in (Fault.HIDDEN, Fault.FILLS_LAG):
        return isinstance(effect, PlaceOrder)
    return fault not in (Fault.REFUSED, Fault.RATE_LIMITED) or isinstance(effect, PlaceOrder | CancelOrder)
