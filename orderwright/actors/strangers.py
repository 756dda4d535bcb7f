"""Orders that bear a strategy account's number, and that its log does not have as unfinished."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.calls import Calls
from orderwright.actors.env import Env
from orderwright.actors.folding import CODEC
from orderwright.actors.messages import Address, OrdersShown, Recalled, Tick
from orderwright.engine.ids import OrderId
from orderwright.engine.money import plain
from orderwright.engine.orders import Order, is_active
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    ExchangeOrder,
    LookUpOrder,
    OrderSeen,
    Outcome,
    Placed,
    PlacementAnswered,
)
from orderwright.engine.strategy_account.commands import TakeInOrder
from orderwright.engine.strategy_account.events import Event, OrderClosed, OrderSurfaced, TradingResumed
from orderwright.engine.strategy_account.past import last_known
from orderwright.engine.strategy_account.state import Context, State
from orderwright.engine.strategy_account.surfacing import ENGINE
from orderwright.moments import SECOND, Micros

_RECALL_AGAIN = 5 * SECOND
_RECALL = "recall"


class Strangers:
    """Each is looked at by itself before it is believed: the list it was on may be older than its end in the log.

    Then the log is asked what it had of the order; what contradicts that is for the strategy account to take in.
    """

    def __init__(self, env: Env, me: Address, name: str, calls: Calls) -> None:
        self._env = env
        self._me = me
        self._name = name
        self._calls = calls
        self._met: set[OrderId] = set()
        self._sightings: dict[OrderId, tuple[ExchangeOrder, Micros]] = {}
        # How much those had filled that ended while calls about them were under way, whose answers are still to come.
        self._ended: dict[OrderId, Decimal] = {}

    @property
    def are_none(self) -> bool:
        """Whether none is being looked at."""
        return not self._met and not self._sightings

    def shown(
        self, mail: OrdersShown, orders: Mapping[OrderId, Order], account: str, context: Context
    ) -> Iterator[OrderSeen]:
        """Look at those that are not among `orders`; yield what the list says of those that are in doubt."""
        for order in mail.orders:
            order_id = OrderId(order.client_order_id)
            known = orders.get(order_id)
            if known is None:
                self.meet(order, account, context)
            elif known.placement_in_doubt or (known.misses and mail.asked_at > known.missed_at):
                yield OrderSeen(order_id=order_id, asked_at=mail.asked_at, result=order)

    def meet(self, order: ExchangeOrder, account: str, context: Context) -> None:
        """Look at an order of the exchange account `account`."""
        order_id = OrderId(order.client_order_id)
        self.look_at(order_id, order.symbol, account, context, exchange_order_id=order.exchange_order_id)

    def look_at(
        self,
        order_id: OrderId,
        symbol: str,
        account: str,
        context: Context,
        *,
        exchange_order_id: str | None = None,
    ) -> None:
        """Look at what may be an order of the exchange account `account`."""
        if order_id in self._met or order_id in self._sightings:
            return
        self._met.add(order_id)
        look = LookUpOrder(
            order_id=order_id,
            symbol=symbol,
            exchange_order_id=exchange_order_id,
            deadline=Micros(context.now + context.rules.call_timeout),
        )
        self._calls.make(account, look, paced=False)

    def answered(self, outcome: Outcome, orders: Mapping[OrderId, Order]) -> None:
        """Have the log asked about an order that was looked at here and is open, or has filled more than was booked."""
        order_id = getattr(outcome, "order_id", None)
        if order_id is None:
            return
        was_met = isinstance(outcome, OrderSeen) and order_id in self._met
        self._met.discard(order_id)
        booked = self._ended.get(order_id)
        if not self._calls.is_about(order_id):
            self._ended.pop(order_id, None)
        order = _shown_in(outcome)
        if order is None or order_id in orders or order_id in self._sightings:
            return
        if order.client_order_id not in {"", order_id}:
            # Whoever it belongs to, it is not what was asked about.
            return
        is_alive = is_active(order.status) or bool(order.filled)
        if is_alive if was_met or booked is None else order.filled > booked:
            asked_at = outcome.asked_at if isinstance(outcome, OrderSeen) else Micros(0)
            self._sightings[order_id] = (order, asked_at)
            self._env.recall(self._name, order_id, self._me)

    def ask_again(self, reason: str) -> None:
        """Ask the log once more about what it could not tell before, if the tick of this `reason` is for that."""
        kind, _, order_id = reason.partition(" ")
        if kind == _RECALL and order_id in self._sightings:
            self._env.recall(self._name, OrderId(order_id), self._me)

    def recalled(self, mail: Recalled) -> TakeInOrder | None:
        """Return what the strategy account is to judge, now that the log has told what it had of the order."""
        if mail.events is None:
            # Nothing else will show it again, if it has ended.
            self._env.after(_RECALL_AGAIN, Tick(reason=f"{_RECALL} {mail.order_id}"), self._me)
            return None
        sighting = self._sightings.pop(mail.order_id, None)
        if sighting is None:
            return None
        known = last_known(mail.order_id, (CODEC.decode(stored) for stored in mail.events))
        return TakeInOrder(seen=sighting[0], asked_at=sighting[1], known=known)

    def note(self, events: Sequence[Event], state: State) -> None:
        """Remember what ended, ring for what surfaced, and end the alarm when trading is resumed."""
        for event in events:
            match event:
                case OrderClosed(order_id=order_id) if self._calls.is_about(order_id):
                    self._ended[order_id] = event.filled
                case OrderSurfaced():
                    what = f"{event.side} {plain(event.amount)} {event.symbol}, order {event.order_id},"
                    self._ring(_contradiction(what, event.why))
                case TradingResumed():
                    self._env.noticeboard.alarms.clear(AlarmKind.SURFACED_ORDER, self._name)
        if not events and state.surfaced is not None:
            self._ring(_contradiction(f"order {state.surfaced.order_id}", state.surfaced.why))
        elif not events and state.pause is not None and state.pause.by == ENGINE:
            self._ring(state.pause.why)

    def _ring(self, why: str) -> None:
        self._env.noticeboard.alarms.ring(AlarmKind.SURFACED_ORDER, self._name, why)


def _contradiction(order: str, why: str) -> str:
    return f"{order} is at the exchange; in the log it was {why.replace('_', ' ')}"


def _shown_in(outcome: Outcome) -> ExchangeOrder | None:
    match outcome:
        case OrderSeen(result=ExchangeOrder() as order) | PlacementAnswered(result=Placed(order=order)):
            return order
        case CancelAnswered(result=Cancelled(order=order)):
            return order
    return None
