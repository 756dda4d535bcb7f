"""The way to the exchange and back: requests and answers travel by themselves, some of them never arrive."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    FetchQuote,
    LeverageAnswered,
    LookUpOrder,
    OrderSeen,
    Outcome,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    SetLeverage,
    Unclear,
)
from orderwright.moments import SECOND, Micros
from tests.simulation.faults import OLDEST_COPY, Fault, Faults
from tests.simulation.forgetting import Forgetting
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.world import Owner, World


class Fate(StrEnum):
    """What becomes of requests that were on their way when the engine died."""

    LOST = "lost"
    ARRIVE = "arrive"
    EITHER = "either"


class Engine(Owner, Protocol):
    """Who sends: its clock says `skew` more than the world's."""

    skew: int


class _Trip:
    """One call on its way; the first answer counts. `asked_at` is by its sender's clock, the others by the world's."""

    def __init__(self, account: str, effect: Effect, done: Callable[[Outcome], None], owner: Owner) -> None:
        self.account = account
        self.effect = effect
        self.done = done
        self.owner = owner
        self.sent_at = Micros(0)
        self.asked_at = Micros(0)
        self.deadline = 0
        self.fault = Fault.NONE
        self.is_lost = False
        self.is_answered = False


class Wire:
    """Carries effects to the exchange and outcomes back, at the latest at each effect's deadline."""

    def __init__(
        self, world: World, exchange: SimExchange, faults: Faults, forgetting: Forgetting, *, tardiness: float = 0
    ) -> None:
        self._world = world
        self._exchange = exchange
        self._faults = faults
        self._forgetting = forgetting
        self._tardiness = tardiness
        self._under_way: list[_Trip] = []

    @property
    def is_empty(self) -> bool:
        """Whether no request is on its way to the exchange."""
        return not self._under_way

    def send(self, account: str, effect: Effect, done: Callable[[Outcome], None], owner: Engine) -> None:
        """Send a request; `done` hears the outcome unless its owner is over by then."""
        trip = _Trip(account, effect, done, owner)
        trip.sent_at = self._world.now()
        trip.asked_at = Micros(trip.sent_at + owner.skew)
        trip.deadline = effect.deadline - owner.skew
        trip.fault = self._faults.draw(effect)
        is_refused_late = self._exchange.traits.request_expiry or self._faults.are_over
        can_be_tardy = self._tardiness and trip.fault is not Fault.UNSENT
        if can_be_tardy and isinstance(effect, PlaceOrder) and not is_refused_late:
            trip.fault = Fault.TARDY if self._world.chance(self._tardiness) else trip.fault
        if self._world.is_traced and trip.fault is not Fault.NONE:
            self._world.note("fault", f"{trip.fault}: {effect}")
        if trip.fault is Fault.UNSENT:
            outcome = _refused(effect, trip.asked_at, again_after=0, code="exchange_unreachable")
            self._world.at(self._world.now(), lambda: self._deliver(trip, outcome), owner)
            return
        if trip.fault is Fault.REQUEST_LOST:
            self._answer_unclear(trip, "the connection broke")
            return
        self._under_way.append(trip)
        self._world.at(trip.sent_at + self._way(trip), lambda: self._arrive(trip))
        if trip.fault in (Fault.ANSWER_LOST, Fault.LATE, Fault.TARDY):
            self._answer_unclear(trip, "no answer came")

    def cut(self, fate: Fate) -> None:
        """The engine died: decide what becomes of requests that were on their way."""
        for trip in self._under_way:
            trip.is_lost = fate is Fate.LOST or (fate is Fate.EITHER and self._world.chance(0.5))

    def _way(self, trip: _Trip) -> int:
        # The exchange's lag is a promise: nothing sent before its deadline shows up later than that.
        latest = trip.deadline + self._exchange.traits.lag - self._faults.may_be_late - trip.sent_at
        if trip.fault is Fault.TARDY:
            return latest + self._world.rng.randrange(60 * SECOND)
        if trip.fault is not Fault.LATE:
            return min(self._faults.latency(), latest)
        return self._world.rng.randrange(SECOND, max(latest, 2 * SECOND))

    def _arrive(self, trip: _Trip) -> None:
        self._under_way.remove(trip)
        if trip.is_lost:
            return
        match trip.fault:
            case Fault.ERROR_BEFORE:
                outcome = unclear(trip.effect, "500 before anything was done", trip.asked_at)
            case Fault.REFUSED:
                outcome = _refused(trip.effect, trip.asked_at)
            case Fault.RATE_LIMITED:
                again_after = self._world.rng.choice((0, SECOND, 3 * SECOND))
                outcome = _refused(trip.effect, trip.asked_at, again_after, "rate_limited")
            case _:
                outcome = self._exchange.arrive(
                    trip.account,
                    trip.effect,
                    sent_at=trip.sent_at,
                    asked_at=trip.asked_at,
                    stale=self._world.rng.randrange(OLDEST_COPY) if trip.fault is Fault.STALE else 0,
                    hidden=trip.fault is Fault.HIDDEN,
                    fills_lag=self._world.rng.randrange(6 * SECOND) if trip.fault is Fault.FILLS_LAG else 0,
                )
        match outcome:
            case PlacementAnswered(result=Placed(order=placed)) if self._faults.happens(self._faults.mix.forgets):
                self._forgetting.soon(self._exchange.orders[placed.exchange_order_id])
        if trip.fault is Fault.ERROR_AFTER:
            outcome = unclear(trip.effect, "502", trip.asked_at)
        if trip.fault is not Fault.ANSWER_LOST:
            self._answer(trip, outcome)

    def _answer(self, trip: _Trip, outcome: Outcome) -> None:
        back = self._world.now() + self._faults.latency()
        deadline = trip.deadline
        if back >= deadline:
            back, outcome = max(deadline, self._world.now()), unclear(trip.effect, "too late", trip.asked_at)
        self._world.at(back, lambda: self._deliver(trip, outcome), trip.owner)

    def _answer_unclear(self, trip: _Trip, reason: str) -> None:
        noticed_at_once = self._world.chance(0.5)
        at = self._world.now() + self._faults.latency() if noticed_at_once else trip.deadline
        outcome = unclear(trip.effect, reason, trip.asked_at)
        self._world.at(min(at, trip.deadline), lambda: self._deliver(trip, outcome), trip.owner)

    def _deliver(self, trip: _Trip, outcome: Outcome) -> None:
        if not trip.is_answered:
            trip.is_answered = True
            trip.done(outcome)


def unclear(effect: Effect, reason: str, sent_at: Micros) -> Outcome:
    """Return the outcome that says nothing."""
    answer = Unclear(reason=reason)
    match effect:
        case PlaceOrder():
            return PlacementAnswered(order_id=effect.order_id, result=answer)
        case CancelOrder():
            return CancelAnswered(order_id=effect.order_id, result=answer)
        case LookUpOrder():
            return OrderSeen(order_id=effect.order_id, asked_at=sent_at, result=answer)
        case FetchQuote():
            return QuoteAnswered(symbol=effect.symbol, result=answer)
        case SetLeverage():
            return LeverageAnswered(symbol=effect.symbol, leverage=effect.leverage, problem=answer)


def _refused(
    effect: Effect, sent_at: Micros, again_after: int | None = None, code: str = "exchange_rejected"
) -> Outcome:
    answer = Refused(code=code, error="not now", again_after=again_after)
    match effect:
        case PlaceOrder():
            return PlacementAnswered(order_id=effect.order_id, result=answer)
        case CancelOrder():
            return CancelAnswered(order_id=effect.order_id, result=answer)
        case _:
            return unclear(effect, "not now", sent_at)
