"""The gate that every placement passes right before it is sent: shut before a pause or a halt is committed."""

import threading

from orderwright.engine.catalogue.events import HaltScope
from orderwright.engine.outcomes import PlaceOrder, Refused
from orderwright.moments import Micros

Scope = tuple[HaltScope, str]
"""What a halt is of: everything (with an empty name), or the account or the strategy of that name."""

_NOT_LATER = "Trading was {} before the order was sent, and it is not sent later."


class Gate:
    """What must not leave; sets are replaced as a whole, so that readers need no lock.

    Whether a strategy account is paused is for itself to say, by `settle`: after it was rebuilt, and whenever that has
    changed. Until then a pause that somebody wants is held here.
    """

    def __init__(self) -> None:
        # Two that change a set at the same time must not lose one of the changes.
        self._changing = threading.Lock()
        self._held: frozenset[str] = frozenset()
        self._paused: frozenset[str] = frozenset()
        self._halted: frozenset[Scope] = frozenset()
        self._sealed: frozenset[Scope] = frozenset()

    def hold(self, name: str) -> None:
        """Let nothing through that could raise a position of the strategy account, which is about to be paused."""
        with self._changing:
            self._held |= {name}

    def release(self, name: str) -> None:
        """Hold nothing back for a pause that will not come."""
        with self._changing:
            self._held -= {name}

    def settle(self, name: str, *, is_paused: bool) -> None:
        """Let through what the strategy account's own state allows, whatever was held back before."""
        with self._changing:
            self._paused = self._paused | {name} if is_paused else self._paused - {name}
            self._held -= {name}

    def is_closed(self, name: str) -> bool:
        """Whether the strategy account is paused here."""
        return name in self._paused or name in self._held

    def halt(self, *scopes: Scope) -> None:
        """Let nothing through within these scopes, but for what a liquidation sends."""
        with self._changing:
            self._halted |= set(scopes)

    def seal(self, *scopes: Scope) -> None:
        """Let nothing at all through within these scopes."""
        with self._changing:
            self._sealed |= set(scopes)

    def lift(self, scope: Scope) -> None:
        """End a halt; others go on."""
        with self._changing:
            self._halted -= {scope}
            self._sealed -= {scope}

    def refusal(self, name: str, effect: PlaceOrder, now: Micros) -> Refused | None:
        """Return why the order must not be sent now, or None if it may."""
        shut = self._sealed if effect.by_operator else self._halted | self._sealed
        if shut and any(covers(scope, name) for scope in shut):
            return Refused(code="halted", error=_NOT_LATER.format("halted"))
        if effect.raises_exposure and self.is_closed(name):
            return Refused(code="paused", error=_NOT_LATER.format("paused"))
        if now >= effect.valid_until:
            error = "The order was not sent in time, and is not sent late."
            return Refused(code="not_placed", error=error, again_after=0)
        return None


def covers(scope: Scope, name: str) -> bool:
    """Whether the strategy account of that name is within the scope."""
    kind, what = scope
    if kind is HaltScope.EVERYTHING:
        return True
    strategy, _, account = name.partition("/")[2].partition("@")
    return what == (account if kind is HaltScope.ACCOUNT else strategy)
