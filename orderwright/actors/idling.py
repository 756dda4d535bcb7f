"""How an actor notices that it has had nothing to do for long enough to rest."""

from orderwright.actors.env import Env
from orderwright.actors.messages import Address, Tick
from orderwright.moments import Micros

IDLE = "idle"
"""The reason of the tick that asks `is_over`."""


class Idling:
    """Measures by one timer how long nothing was asked of the actor at `me`; `rest_after` in microseconds."""

    def __init__(self, env: Env, me: Address, rest_after: int) -> None:
        self._env = env
        self._me = me
        self._rest_after = rest_after
        self._since = Micros(0)
        self._is_set = False

    def interrupt(self) -> None:
        """Note that there is something to do, and measure from now on."""
        self._since = self._env.now()
        if not self._is_set:
            self._set(self._rest_after)

    def is_over(self) -> bool:
        """Whether it has been long enough; an actor that cannot rest now is to interrupt when it could."""
        self._is_set = False
        left = self._since + self._rest_after - self._env.now()
        if left > 0:
            self._set(left)
        return left <= 0

    def _set(self, delay: int) -> None:
        self._is_set = True
        self._env.after(delay, Tick(reason=IDLE), self._me)
