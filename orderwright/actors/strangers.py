"""Open orders that bear a strategy account's number, and that its log does not have as unfinished."""

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.calls import Calls
from orderwright.actors.env import Env
from orderwright.engine.ids import OrderId
from orderwright.engine.money import plain
from orderwright.engine.orders import is_active
from orderwright.engine.outcomes import ExchangeOrder, LookUpOrder, OrderSeen
from orderwright.engine.strategy_account.state import Context
from orderwright.moments import Micros


class Strangers:
    """Each is looked at by itself before it is believed: the list it was on may be older than its end in the log."""

    def __init__(self, env: Env, name: str, calls: Calls) -> None:
        self._env = env
        self._name = name
        self._calls = calls
        self._met: set[OrderId] = set()

    @property
    def are_none(self) -> bool:
        """Whether none is being looked at."""
        return not self._met

    def meet(self, order: ExchangeOrder, account: str, context: Context) -> None:
        """Look at an order of the exchange account `account`."""
        order_id = OrderId(order.client_order_id)
        if order_id in self._met:
            return
        self._met.add(order_id)
        look = LookUpOrder(
            order_id=order_id,
            symbol=order.symbol,
            exchange_order_id=order.exchange_order_id,
            deadline=Micros(context.now + context.rules.call_timeout),
        )
        self._calls.make(account, look, paced=False)

    def answered(self, seen: OrderSeen) -> None:
        """Ring for an order that is open indeed, if it was looked at for that."""
        if seen.order_id not in self._met:
            return
        self._met.remove(seen.order_id)
        order = seen.result
        if isinstance(order, ExchangeOrder) and is_active(order.status):
            what = f"{order.side} {plain(order.amount)} {order.symbol}"
            why = f"{what} is open at the exchange, and {self._name} has no such order"
            self._env.noticeboard.alarms.ring(AlarmKind.SURFACED_ORDER, seen.order_id, why)
