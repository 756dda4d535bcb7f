"""The world a simulation runs in: one virtual clock, one source of chance, and all that happens at a known moment."""

import heapq
import random
from collections.abc import Callable
from itertools import count
from typing import Protocol

from orderwright.moments import SECOND, Micros

START = Micros(1_750_000_000 * SECOND)


class Owner(Protocol):
    """Whoever set something up for later; when it is over, that no longer happens, and while it is frozen, not yet."""

    is_over: bool
    frozen_until: int


class World:
    """Virtual time in microseconds; `timeline` is kept only when traced, since it costs more than all the rest."""

    def __init__(self, seed: int, *, is_traced: bool = False) -> None:
        self.rng = random.Random(seed)  # noqa: S311 -- chance that can be repeated, not a secret
        self.step = 0
        self.is_traced = is_traced
        self.timeline: list[str] = []
        self._now = START
        self._due: list[tuple[int, int, Callable[[], None], Owner | None]] = []
        self._order = count()

    def now(self) -> Micros:
        """Return the virtual moment."""
        return self._now

    def pass_time(self, micros: int) -> None:
        """Let a little time pass."""
        self._now = Micros(self._now + micros)

    def at(self, moment: int, act: Callable[[], None], owner: Owner | None = None) -> None:
        """Do something at a moment, unless its owner is over by then."""
        heapq.heappush(self._due, (moment, next(self._order), act, owner))

    @property
    def is_due(self) -> bool:
        """Whether something should have happened by now."""
        return bool(self._due) and self._due[0][0] <= self._now

    @property
    def next_moment(self) -> int | None:
        """When the next thing happens; None: never."""
        return self._due[0][0] if self._due else None

    def fire_next(self) -> None:
        """Go on to the next thing that happens at a known moment."""
        moment, _order, act, owner = heapq.heappop(self._due)
        if owner is not None and owner.is_over:
            # What the dead had set up, perhaps for tomorrow, is no reason for time to pass.
            return
        self._now = Micros(max(self._now, moment))
        if owner is not None and owner.frozen_until > self._now:
            self.at(owner.frozen_until, act, owner)
        else:
            act()

    def chance(self, probability: float) -> bool:
        """Return whether something of that probability happens now."""
        return probability > 0 and self.rng.random() < probability

    def note(self, kind: str, text: str) -> None:
        """Put a line into the timeline of a traced run."""
        self.timeline.append(f"{self.step:6} {(self._now - START) / SECOND:10.4f} {kind:9} {text}")
