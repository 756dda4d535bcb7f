"""How long orders have been in doubt, and the alarm for those for whom it has been too long."""

from collections.abc import Mapping

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.env import Env
from orderwright.engine.ids import OrderId
from orderwright.engine.orders import Order
from orderwright.moments import SECOND, Micros


class Doubts:
    """Watches the orders of the strategy account `name`; `alarm_after` in microseconds."""

    def __init__(self, env: Env, name: str, alarm_after: int) -> None:
        self._env = env
        self._name = name
        self._alarm_after = alarm_after
        self._since: dict[OrderId, Micros] = {}
        self._alarmed: set[OrderId] = set()

    @property
    def are_none(self) -> bool:
        """Whether no order was in doubt at the last look."""
        return not self._since

    def look(self, orders: Mapping[OrderId, Order]) -> None:
        """Ring for orders that have been in doubt for too long; end the alarms of those that are not any more."""
        now = self._env.now()
        in_doubt = {order_id: order for order_id, order in orders.items() if order.in_doubt}
        for order_id in self._since.keys() - in_doubt.keys():
            self._settled(order_id)
        for order_id, order in in_doubt.items():
            since = self._since.setdefault(order_id, order.requested_at if order.placement_in_doubt else now)
            if now - since >= self._alarm_after:
                self._alarmed.add(order_id)
                what = "at the exchange" if order.placement_in_doubt else "cancelled"
                seconds = (now - since) / SECOND
                why = f"{order.side} {order.symbol} of {self._name} may or may not be {what}, for {seconds:.0f} s"
                self._env.noticeboard.alarms.ring(AlarmKind.IN_DOUBT, order_id, why)

    def _settled(self, order_id: OrderId) -> None:
        del self._since[order_id]
        if order_id in self._alarmed:
            self._alarmed.remove(order_id)
            self._env.noticeboard.alarms.clear(AlarmKind.IN_DOUBT, order_id)
