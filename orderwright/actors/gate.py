"""The gate that every placement passes right before it is sent: closed by a pause before the pause is committed."""

from orderwright.engine.outcomes import PlaceOrder, Refused
from orderwright.moments import Micros


class Gate:
    """Names of strategy accounts that must not open anything; replaced as a whole, so that readers need no lock."""

    def __init__(self) -> None:
        self._closed: frozenset[str] = frozenset()

    def close(self, name: str) -> None:
        """Let nothing through that could raise a position of the strategy account."""
        self._closed |= {name}

    def open(self, name: str) -> None:
        """Let everything through again."""
        self._closed -= {name}

    def refusal(self, name: str, effect: PlaceOrder, now: Micros) -> Refused | None:
        """Return why the order must not be sent now, or None if it may."""
        if effect.raises_exposure and name in self._closed:
            return Refused(code="paused", error="Trading was paused before the order was sent.")
        if now >= effect.valid_until:
            return Refused(code="not_placed", error="The order was not sent in time, and is not sent late.")
        return None
