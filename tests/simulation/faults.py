"""What can go wrong between the engine, its log and the exchange, and how likely each is in one run."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from random import Random

from msgspec import Struct

from orderwright.engine.outcomes import CancelOrder, Effect, LookUpOrder, PlaceOrder
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
    UNSENT = "connection refused"
    LATE = "request arrives late"
    TARDY = "request arrives later than any request may"
    HIDDEN = "done, visible late"
    FILLS_LAG = "fills visible late"
    STALE = "answered from an old copy"
    ECHO = "told twice, the second time late"
    UNREACHABLE = "account not reached"
    APPEND_FAILS = "database refuses a batch"
    COMMIT_UNKNOWN = "acknowledgement of a commit lost"
    LOAD_FAILS = "stream cannot be read"
    LOG_AWAY = "database away"


class FaultMix(Struct, frozen=True, kw_only=True):
    """Probabilities per call, per commit and per step; durations in microseconds.

    `impatience` is how likely the next timed thing happens while the actors are still busy (a stalled process);
    `queue_limit` how many appends may wait before the log refuses more; `lasts` how long faults go on. Actors rest
    `idle_after` their last work. The engine's clock differs from the exchange's by at most `skew`, and jumps. An order
    that it accepted the exchange `forgets`, for a while.
    """

    request_lost: float = 0
    answer_lost: float = 0
    error_before: float = 0
    error_after: float = 0
    refused: float = 0
    rate_limited: float = 0
    forgets: float = 0
    late: float = 0
    hidden: float = 0
    fills_lag: float = 0
    stale: float = 0
    echoes: float = 0
    skew: int = 0
    partial_fills: float = 0
    slow: float = 0
    unreachable: float = 0
    impatience: float = 0.01
    append_fails: float = 0
    commit_unknown: float = 0
    load_fails: float = 0
    queue_limit: int = 10_000
    log_away_for: int = 0
    exchange_away_for: int = 0
    lasts: int = 30 * SECOND
    idle_after: int = 40 * SECOND


CALM = FaultMix()

MOST_SKEW = SECOND
"""An exchange's lag has to cover how far the clocks are apart; twice, since ours can jump from one end to the other."""

OLDEST_COPY = 6 * SECOND

Mishaps = Mapping[tuple[str, int], Fault]
"""What happens to the n-th placement ("place", n), cancel ("cancel", n) or look ("look", n) of a run, from 1."""

_KINDS: Mapping[type[Effect], str] = {PlaceOrder: "place", CancelOrder: "cancel", LookUpOrder: "look"}

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
    (Fault.STALE, "stale"),
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
        rate_limited=rng.choice((0.0, 0.0, 0.05, 0.3)),
        late=rng.choice(levels),
        hidden=rng.choice(levels),
        fills_lag=rng.choice(levels),
        stale=rng.choice(levels),
        echoes=rng.choice((0.0, 0.0, 0.3)),
        skew=rng.choice((0, 0, MOST_SKEW)),
        partial_fills=rng.choice((0.0, 0.5)),
        slow=rng.choice((0.0, 0.3)),
        unreachable=rng.choice((0.0, 0.5)),
        impatience=rng.choice((0.0, 0.01, 0.1)),
        append_fails=rng.choice((0.0, 0.0, 0.02, 0.1)),
        commit_unknown=rng.choice((0.0, 0.0, 0.02, 0.1)),
        load_fails=rng.choice((0.0, 0.0, 0.1)),
        queue_limit=rng.choice((10_000, 10_000, 2)),
        log_away_for=rng.choice((0, 0, 4 * SECOND)),
        idle_after=rng.choice((40 * SECOND, SECOND, SECOND // 10)),
    )


class Faults:
    """Draws from a mix until its time is over; then everything is honest. What is scripted happens at any time."""

    def __init__(self, world: World, mix: FaultMix, mishaps: Mishaps | None = None) -> None:
        self._world = world
        self.mix = mix
        self.until = world.now() + mix.lasts
        self.counts: Counter[Fault] = Counter()
        self._mishaps = mishaps or {}
        self._calls: Counter[str] = Counter()
        self._away_from = 0
        if mix.log_away_for:
            self._away_from = world.now() + world.rng.randrange(20 * SECOND)
        self.outages: list[tuple[int, int]] = []
        if mix.exchange_away_for:
            began = world.now() + world.rng.randrange(20 * SECOND)
            self.outages.append((began, began + mix.exchange_away_for))
        self._per_call = [(fault, getattr(mix, field)) for fault, field in _PER_CALL if getattr(mix, field)]

    @property
    def are_over(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self._world.now() >= self.until

    @property
    def may_be_late(self) -> int:
        """By how much less than its promised lag the exchange may be late, for the clocks' sake; in microseconds."""
        return 2 * self.mix.skew

    @property
    def blind_for(self) -> int:
        """How old a look can be by the engine's clock, in microseconds."""
        return self.mix.skew + (OLDEST_COPY if self.mix.stale else 0)

    def count(self, fault: Fault) -> None:
        """Note that a fault happened."""
        self.counts[fault] += 1

    def draw(self, effect: Effect) -> Fault:
        """Return what happens to a call."""
        fault = self._scripted(effect) if self._mishaps else Fault.NONE
        if self.exchange_is_away:
            fault = Fault.UNSENT
        elif fault is Fault.NONE and not self.are_over:
            fault = self._drawn(effect)
        if fault is not Fault.NONE:
            self.count(fault)
        return fault

    def _scripted(self, effect: Effect) -> Fault:
        kind = _KINDS.get(type(effect), "")
        self._calls[kind] += 1
        return self._mishaps.get((kind, self._calls[kind]), Fault.NONE)

    def _drawn(self, effect: Effect) -> Fault:
        for fault, probability in self._per_call:
            if self._world.chance(probability) and _fits(fault, effect):
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
    def exchange_is_away(self) -> bool:
        """Whether every connection to the exchange is refused at the moment."""
        return any(began <= self._world.now() < ended for began, ended in self.outages)

    @property
    def log_is_away(self) -> bool:
        """Whether the database cannot be reached at the moment."""
        return 0 < self._away_from <= self._world.now() < self._away_from + self.mix.log_away_for


def _fits(fault: Fault, effect: Effect) -> bool:
    if fault in (Fault.HIDDEN, Fault.FILLS_LAG):
        return isinstance(effect, PlaceOrder)
    if fault is Fault.STALE:
        return isinstance(effect, LookUpOrder)
    return fault not in (Fault.REFUSED, Fault.RATE_LIMITED) or isinstance(effect, PlaceOrder | CancelOrder)
