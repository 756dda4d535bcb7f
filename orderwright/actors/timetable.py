"""The timers that an actor has set for itself: one for each reason, and one for the next moment that matters."""

from orderwright.actors.env import Env
from orderwright.actors.messages import Address, Tick
from orderwright.moments import Micros

DUE = "due"
"""The reason of the tick at the next moment that matters."""


class Timetable:
    """Sets no timer twice; `ended` is to be told of every tick."""

    def __init__(self, env: Env, me: Address) -> None:
        self._env = env
        self._me = me
        self._set: dict[str, Micros] = {}

    def within(self, delay: int, reason: str) -> None:
        """Have a tick in `delay` microseconds, unless one of that reason is on its way."""
        if reason not in self._set:
            self._tick_at(Micros(self._env.now() + delay), reason)

    def at(self, moment: Micros | None) -> None:
        """Have a tick of the reason DUE at `moment`, unless one comes earlier; None: no moment matters."""
        if moment is not None and moment < self._set.get(DUE, moment + 1):
            self._tick_at(moment, DUE)

    def ended(self, reason: str) -> None:
        """Note that a tick has come."""
        self._set.pop(reason, None)

    def _tick_at(self, moment: Micros, reason: str) -> None:
        self._set[reason] = moment
        self._env.after(max(0, moment - self._env.now()), Tick(reason=reason), self._me)
