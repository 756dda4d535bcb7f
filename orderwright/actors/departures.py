"""What may leave for an exchange at this very moment: nothing once the log may be another engine's."""

from collections.abc import Callable

from orderwright.actors.gate import Gate
from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    LeverageAnswered,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    Refused,
    SetLeverage,
    Unclear,
)
from orderwright.moments import Micros

_NOT_OURS = "Not sent: this engine may not act for its log any more."


class Departures:
    """Asks the lease, then the gate; `holds_lease` says whether the log is surely still ours."""

    def __init__(self, gate: Gate, *, holds_lease: Callable[[], bool]) -> None:
        self._gate = gate
        self._holds_lease = holds_lease

    def refusal(self, name: str, effect: Effect, now: Micros) -> Outcome | None:
        """Return what comes of an effect of the strategy account `name` that must not leave now; None: it may."""
        match effect:
            case PlaceOrder() | CancelOrder() | SetLeverage() if not self._holds_lease():
                return _unsent(effect)
            case PlaceOrder():
                refused = self._gate.refusal(name, effect, now)
                return None if refused is None else PlacementAnswered(order_id=effect.order_id, result=refused)
            case _:
                return None


def _unsent(effect: PlaceOrder | CancelOrder | SetLeverage) -> Outcome:
    match effect:
        case PlaceOrder():
            refused = Refused(code="not_placed", error=_NOT_OURS, again_after=0)
            return PlacementAnswered(order_id=effect.order_id, result=refused)
        case CancelOrder():
            return CancelAnswered(order_id=effect.order_id, result=Unclear(reason=_NOT_OURS), attempt=effect.attempt)
        case SetLeverage():
            return LeverageAnswered(symbol=effect.symbol, leverage=effect.leverage, problem=Unclear(reason=_NOT_OURS))
