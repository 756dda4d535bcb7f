"""How long orders have been in doubt, and the alarms: for a long doubt, for what vanished, and what came to nothing."""

from collections.abc import Mapping, Sequence

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.env import Env
from orderwright.engine.ids import OrderId
from orderwright.engine.money import ZERO, plain
from orderwright.engine.orders import Order, Purpose
from orderwright.engine.strategy_account.events import (
    CancelRefused,
    Event,
    LiquidationEnded,
    OrderAbandoned,
    OrderNeverPlaced,
    OrderVanished,
    WatchEnded,
)
from orderwright.engine.strategy_account.progress import running
from orderwright.engine.strategy_account.state import State
from orderwright.moments import SECOND


class Doubts:
    """Watches the orders of the strategy account `name`; `alarm_after` in microseconds."""

    def __init__(self, env: Env, name: str, alarm_after: int) -> None:
        self._env = env
        self._name = name
        self._alarm_after = alarm_after
        self._watched: set[OrderId] = set()
        self._alarmed: dict[OrderId, AlarmKind] = {}
        self._uncancelled: set[OrderId] = set()

    def note(self, events: Sequence[Event], before: State, after: State) -> None:
        """Take in what has become durable, and between which states: it may end doubts, and orders unplaced."""
        for event in events:
            match event:
                case OrderNeverPlaced(again=False, order_id=order_id):
                    order = before.orders.get(order_id)
                    if order is not None and order.cancel is None and not _is_for_liquidation(order, before):
                        self._not_placed(order)
                case OrderAbandoned(by_signal=None, order_id=order_id):
                    retry = before.retries.get(order_id)
                    order = before.orders.get(order_id) if retry is None else retry.order
                    if order is not None and not _is_moot(order, after):
                        self._not_placed(order)
                case CancelRefused(order_id=order_id, error=error):
                    order = before.orders.get(order_id)
                    if order is not None and order.cancel_attempt > 1 and not _is_awaited(order_id, before):
                        self._not_cancelled(order, error)
                case WatchEnded(unasked=True, order_id=order_id):
                    self._watched_blindly(order_id)
                case LiquidationEnded():
                    self._liquidation_ended(event)
        for order_id in self._uncancelled - after.orders.keys():
            self._uncancelled.discard(order_id)
            self._env.noticeboard.alarms.clear(AlarmKind.NOT_CANCELLED, order_id)
        if self._watched or any(isinstance(event, OrderVanished) for event in events):
            self.look(after.orders)

    def _watched_blindly(self, order_id: OrderId) -> None:
        why = (
            f"{order_id} of {self._name} counts as never placed, and the exchange cannot be asked: look there yourself"
        )
        self._env.noticeboard.alarms.ring(AlarmKind.NOT_PLACED, order_id, why)

    def _liquidation_ended(self, event: LiquidationEnded) -> None:
        alarms = self._env.noticeboard.alarms
        if event.unclosed:
            alarms.ring(AlarmKind.STUCK_POSITION, self._name, f"its liquidation ended: {event.note}")
        else:
            alarms.clear(AlarmKind.STUCK_POSITION, self._name)

    def _not_placed(self, order: Order) -> None:
        what = f"{order.side} {plain(order.amount)} {order.symbol}"
        why = f"{what} of {self._name} never reached the exchange, and was not sent again"
        self._env.noticeboard.alarms.ring(AlarmKind.NOT_PLACED, order.order_id, why)

    def _not_cancelled(self, order: Order, error: str) -> None:
        self._uncancelled.add(order.order_id)
        what = f"{order.side} {plain(order.remaining)} {order.symbol}"
        why = f"{what} of {self._name} is open, could not be cancelled, and that is given up: {error}"
        self._env.noticeboard.alarms.ring(AlarmKind.NOT_CANCELLED, order.order_id, why)

    def look(self, orders: Mapping[OrderId, Order]) -> None:
        """Ring for orders that vanished or have been in doubt for too long; end the alarms of those that are not."""
        now = self._env.now()
        in_doubt = {order_id: order for order_id, order in orders.items() if order.in_doubt}
        for order_id in self._watched - in_doubt.keys():
            self._end(order_id)
        self._watched = set(in_doubt)
        for order_id, order in in_doubt.items():
            since = order.requested_at if order.placement_in_doubt else order.cancel_doubted_at
            if order.has_vanished:
                self._ring(AlarmKind.VANISHED_ORDER, order, f"is not known any more as {order.exchange_order_id}")
            elif now - since >= self._alarm_after:
                what = "at the exchange" if order.placement_in_doubt else "cancelled"
                self._ring(AlarmKind.IN_DOUBT, order, f"may or may not be {what}, for {(now - since) / SECOND:.0f} s")
            elif self._alarmed.get(order_id) is AlarmKind.VANISHED_ORDER:
                self._end(order_id)

    def _ring(self, kind: AlarmKind, order: Order, why: str) -> None:
        if self._alarmed.get(order.order_id, kind) is not kind:
            self._end(order.order_id)
        self._alarmed[order.order_id] = kind
        what = f"{order.side} {order.symbol} of {self._name}"
        self._env.noticeboard.alarms.ring(kind, order.order_id, f"{what} {why}")

    def _end(self, order_id: OrderId) -> None:
        kind = self._alarmed.pop(order_id, None)
        if kind is not None:
            self._env.noticeboard.alarms.clear(kind, order_id)


def _is_moot(order: Order, state: State) -> bool:
    held = order.side.signed(state.position(order.symbol).quantity)
    return order.purpose is Purpose.CLOSE and held >= ZERO


def _is_awaited(order_id: OrderId, state: State) -> bool:
    # Whoever waits for a cancel is told what came of it.
    legs = (leg for run in running(state) for leg in run.legs)
    return any(order_id in leg.cancels and not leg.result.is_answered for leg in legs)


def _is_for_liquidation(order: Order, state: State) -> bool:
    return state.liquidation is not None and order.signal_id == state.liquidation.command_id
