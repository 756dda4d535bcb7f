"""Which calls to the exchange are under way: one at a time per order, a placement once for ever, looks with backoff."""

from collections.abc import Mapping

from orderwright.actors.env import Env
from orderwright.actors.messages import Address, Tick
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    FetchQuote,
    LeverageAnswered,
    LookUpOrder,
    OrderSeen,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    SetLeverage,
    Unclear,
)
from orderwright.engine.strategy_account.effects import look
from orderwright.engine.strategy_account.reconcile import sighting
from orderwright.engine.strategy_account.state import Context, Sighting, State
from orderwright.moments import SECOND, Micros

_FIRST_LOOK = 1 * SECOND
_SLOWEST_LOOK = 30 * SECOND
_LEVERAGE_AGAIN = 2 * SECOND
_QUOTE_AGAIN = SECOND // 2


class Calls:
    """Turns what is owed into calls without ever making the same one twice at a time."""

    def __init__(self, env: Env, me: Address) -> None:
        self._env = env
        self._me = me
        self._under_way: set[tuple[str, str]] = set()
        self._sent: set[OrderId] = set()
        self._looks: dict[OrderId, tuple[int, int]] = {}
        self._asked: dict[OrderId, Micros] = {}
        self._sightings: dict[OrderId, Sighting] = {}
        self._polls: set[OrderId] = set()

    @property
    def sightings(self) -> Mapping[OrderId, Sighting]:
        """The latest look at each unfinished order that got a clear answer."""
        return self._sightings

    def is_about(self, order_id: OrderId) -> bool:
        """Whether a call about the order is under way."""
        return any((kind, order_id) in self._under_way for kind in ("place", "cancel", "look"))

    def make(self, account: str, effect: Effect, *, paced: bool = True) -> None:
        """Make the call at `account`, unless it is under way; a paced look waits for its turn (1, 2, 4, … 30 s)."""
        key = _key_of_effect(effect)
        if key in self._under_way:
            return
        if isinstance(effect, PlaceOrder):
            if effect.order_id in self._sent:
                return
            self._sent.add(effect.order_id)
        if isinstance(effect, LookUpOrder):
            if not paced:
                self._polls.add(effect.order_id)
            elif self._asked.get(effect.order_id, 0) < effect.fresh_from:
                self._looks.pop(effect.order_id, None)
            elif not self._is_due(effect.order_id):
                return
            self._asked[effect.order_id] = self._env.now()
        self._under_way.add(key)
        self._env.call(account, effect, self._me)

    def poll(self, account: str, state: State, context: Context) -> None:
        """Look, without waiting for a turn, at every order that is known to be at the exchange account `account`."""
        for order in state.orders.values():
            if not order.in_doubt and order.exchange_order_id is not None:
                self.make(account, look(state, order, context), paced=False)

    def answered(self, outcome: Outcome) -> None:
        """Note that a call has ended."""
        key = _key_of_outcome(outcome)
        pause = _pause_after(outcome)
        if pause:
            # Asked for again in a while, if that is still wanted then.
            self._env.after(pause, Tick(reason=" ".join(key)), self._me)
            return
        self._under_way.discard(key)
        if isinstance(outcome, OrderSeen):
            seen = sighting(outcome)
            if seen is not None:
                self._sightings[outcome.order_id] = seen
            if outcome.order_id in self._polls:
                # A poll is no sign of doubt: the first look into one must not wait for what polls there were before.
                self._polls.discard(outcome.order_id)
                return
            looks, _due = self._looks.get(outcome.order_id, (0, 0))
            delay = min(_FIRST_LOOK << min(looks, 10), _SLOWEST_LOOK)
            self._looks[outcome.order_id] = (looks + 1, self._env.now() + delay)

    def forget_all_but(self, orders: Mapping[OrderId, object]) -> None:
        """Drop what belongs to orders that have ended."""
        if len(self._sent) > len(orders):
            self._sent.intersection_update(orders)
        if len(self._asked) > len(orders):
            self._asked = {known: at for known, at in self._asked.items() if known in orders}
            self._looks = {known: look for known, look in self._looks.items() if known in orders}
            self._sightings = {known: seen for known, seen in self._sightings.items() if known in orders}

    def _is_due(self, order_id: OrderId) -> bool:
        _looks, due = self._looks.get(order_id, (0, 0))
        wait = due - self._env.now()
        if wait <= 0:
            return True
        key = ("pace", order_id)
        if key not in self._under_way:
            self._under_way.add(key)
            self._env.after(wait, Tick(reason=f"look {order_id}"), self._me)
        return False

    def look_anew(self) -> None:
        """Let the next look at each order wait for no turn, and those after it for short ones again."""
        self._looks.clear()
        self._under_way = {key for key in self._under_way if key[0] != "pace"}

    def pace_ended(self, reason: str) -> None:
        """Note that the wait for a look's turn is over; `reason` is the tick's."""
        kind, _, name = reason.partition(" ")
        if kind in {"leverage", "quote"}:
            self._under_way.discard((kind, name))
        self._under_way.discard(("pace", reason.removeprefix("look ")))


def _pause_after(outcome: Outcome) -> int:
    match outcome:
        case LeverageAnswered(problem=problem) if problem is not None:
            return _LEVERAGE_AGAIN
        case QuoteAnswered(result=Unclear()):
            return _QUOTE_AGAIN
    return 0


def _key_of_effect(effect: Effect) -> tuple[str, str]:
    match effect:
        case PlaceOrder():
            return "place", effect.order_id
        case CancelOrder():
            return "cancel", effect.order_id
        case LookUpOrder():
            return "look", effect.order_id
        case FetchQuote():
            return "quote", effect.symbol
        case SetLeverage():
            return "leverage", effect.symbol


def _key_of_outcome(outcome: Outcome) -> tuple[str, str]:
    match outcome:
        case PlacementAnswered():
            return "place", outcome.order_id
        case CancelAnswered():
            return "cancel", outcome.order_id
        case OrderSeen():
            return "look", outcome.order_id
        case QuoteAnswered():
            return "quote", outcome.symbol
        case LeverageAnswered():
            return "leverage", outcome.symbol
