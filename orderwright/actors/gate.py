"""The gate that every placement passes right before it is sent: closed before a pause or a halt is committed."""

import threading

from orderwright.engine.catalogue.events import HaltScope
from orderwright.engine.outcomes import PlaceOrder, Refused
from orderwright.moments import Micros

Scope = tuple[HaltScope, str]
"""What a halt is of: everything (with an empty name), or the account or the strategy of that name."""


class Gate:
    """What must not leave; sets are replaced as a whole, so that readers need no lock."""

    def __init__(self) -> None:
        # Two that change a set at the same time must not lose one of the changes.
        self._changing = threading.Lock()
        self._paused: frozenset[str] = frozenset()
        self._halted: frozenset[Scope] = frozenset()

    def close(self, name: str) -> None:
        """Let nothing through that could raise a position of the strategy account."""
        with self._changing:
            self._paused |= {name}

    def open(self, name: str) -> None:
        """Let everything of the strategy account through again, unless it is halted."""
        with self._changing:
            self._paused -= {name}

    def is_closed(self, name: str) -> bool:
        """Whether the strategy account is paused here."""
        return name in self._paused

    def halt(self, *scopes: Scope) -> None:
        """Let nothing through within these scopes, but for what a liquidation sends."""
        with self._changing:
            self._halted |= set(scopes)

    def lift(self, scope: Scope) -> None:
        """End a halt; others go on."""
        with self._changing:
            self._halted -= {scope}

    def refusal(self, name: str, effect: PlaceOrder, now: Micros) -> Refused | None:
        """Return why the order must not be sent now, or None if it may."""
        if self._halted and not effect.by_operator and any(covers(scope, name) for scope in self._halted):
            return Refused(code="halted", error="Trading was halted before the order was sent.")
        if effect.raises_exposure and name in self._paused:
            return Refused(code="paused", error="Trading was paused before the order was sent.")
        if now >= effect.valid_until:
            return Refused(code="not_placed", error="The order was not sent in time, and is not sent late.")
        return None


def covers(scope: Scope, name: str) -> bool:
    """Whether the strategy account of that name is within the scope."""
    kind, what = scope
    if kind is HaltScope.EVERYTHING:
        return True
    strategy, _, account = name.partition("/")[2].partition("@")
    return what == (account if kind is HaltScope.ACCOUNT else strategy)
