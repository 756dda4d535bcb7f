"""The actor of one account at one exchange: keeps it connected, and sees to it that every order there is known here."""

import logging
from collections.abc import Iterable, Sequence

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.env import Directory, Env
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    Address,
    Answering,
    Called,
    Connected,
    Deliver,
    Mail,
    OrdersShown,
    Ready,
    Start,
    Surveyed,
    Tick,
    Unreachable,
    Wake,
    name_of,
)
from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.engine.ids import OrderId, account_number_of
from orderwright.engine.outcomes import ExchangeOrder, LookUpOrder, OrderSeen
from orderwright.moments import SECOND, Micros

logger = logging.getLogger(__name__)

_FIRST_RETRY = SECOND // 2

MOST_WOKEN = 32
"""Strategies that share an account are all woken to learn what they hold, if they are not more than this."""


class ExchangeAccount:
    """Connects with backoff, then looks at all open orders at once and every `poll_interval`.

    Orders that bear a strategy account's number are shown to it, and it finds out what its log does not know; foreign
    ones are reported, never touched. Strategy accounts do not wait for it: each asks about its own orders itself, so
    that one dead exchange holds up no other. Whoever notices first that the exchange is back tells the others.
    """

    def __init__(
        self, *, env: Env, me: Address, supervisor: Address, directory: Directory, limits: Limits | None = None
    ) -> None:
        self._env = env
        self._me = me
        self._account = name_of(me).partition("/")[2]
        self._supervisor = supervisor
        self._directory = directory
        self._limits = limits or Limits()
        self._retry = 0
        self._turn = 0
        self._is_asking = False
        self._is_connected = False
        self._trouble = ""
        self._since: Micros = env.now()
        self._foreign: dict[str, ExchangeOrder] = {}
        self._parents: dict[str, str | None] = {}

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        match mail:
            case Start():
                self._publish()
                self._ask()
            case Tick(reason=reason):
                if reason == str(self._turn):
                    self._ask()
            case Connected():
                self._is_asking, self._is_connected = False, True
                self._reached()
                self._env.tell(Ready(at=self._me), self._supervisor)
                self._ask()
            case Unreachable(reason=reason):
                self._unreachable(reason)
            case Surveyed():
                self._surveyed(mail)
            case Answering():
                if self._trouble and not self._is_asking:
                    self._retry = 0
                    self._ask()
            case Called(outcome=OrderSeen() as seen):
                self._parent_seen(seen)
            case _:
                logger.warning("account %s was told something odd: %s", self._account, type(mail).__name__)

    def _ask(self) -> None:
        # Whatever tick is on its way is none any more.
        self._turn += 1
        self._is_asking = True
        if self._is_connected:
            self._env.survey(self._account, self._me)
        else:
            self._env.connect(self._account, self._me)

    def _ask_in(self, delay: int) -> None:
        self._is_asking = False
        self._env.after(delay, Tick(reason=str(self._turn)), self._me)

    def _reached(self) -> None:
        self._retry = 0
        if self._trouble:
            logger.warning("account %s is reached again", self._account)
            self._trouble = ""
            self._since = self._env.now()
            self._env.tell(Answering(account=self._account), self._supervisor)
        self._env.noticeboard.alarms.clear(AlarmKind.DEAD_EXCHANGE, self._account)
        self._publish()

    def _unreachable(self, reason: str) -> None:
        now = self._env.now()
        if not self._trouble:
            self._since = now
            logger.warning("account %s cannot be reached: %s", self._account, reason)
        self._trouble = reason
        self._publish()
        if now - self._since >= self._limits.dead_exchange_after:
            why = f"cannot be reached for {(now - self._since) / SECOND:.0f} s: {reason}"
            self._env.noticeboard.alarms.ring(AlarmKind.DEAD_EXCHANGE, self._account, why)
        self._retry = min(max(_FIRST_RETRY, 2 * self._retry), self._directory.rules().poll_interval)
        self._ask_in(self._retry)

    def _surveyed(self, mail: Surveyed) -> None:
        self._sort(mail)
        self._reached()
        self._wake_siblings()
        self._ask_in(self._directory.rules().poll_interval)

    def _sort(self, mail: Surveyed) -> None:
        salt = self._directory.installation_salt()
        names = self._directory.numbered(self._account)
        self._look_for_parents(mail.orders)
        shown: dict[str, list[ExchangeOrder]] = {}
        foreign: dict[str, ExchangeOrder] = {}
        for order in mail.orders:
            number = account_number_of(order.client_order_id, salt=salt)
            if number is not None and number in names:
                shown.setdefault(names[number], []).append(order)
            elif number is not None:
                self._surfaced(order, number)
            elif order.parent_exchange_order_id is None or self._is_of_somebody_else(order.parent_exchange_order_id):
                foreign[order.exchange_order_id] = order
        self._report(foreign)
        for name, orders in shown.items():
            self._show(name, orders, mail.asked_at)

    def _is_of_somebody_else(self, parent: str) -> bool:
        # The child of a stop bears no client order id: it is whose the stop is.
        known = self._parents.get(parent)
        return known is not None and account_number_of(known, salt=self._directory.installation_salt()) is None

    def _look_for_parents(self, orders: Sequence[ExchangeOrder]) -> None:
        children = {order.parent_exchange_order_id: order for order in orders if order.parent_exchange_order_id}
        known = self._parents | {order.exchange_order_id: order.client_order_id for order in orders}
        self._parents = {parent: known[parent] for parent in children if parent in known}
        for parent, child in children.items():
            if parent in self._parents:
                continue
            self._parents[parent] = None
            deadline = Micros(self._env.now() + self._directory.rules().call_timeout)
            look = LookUpOrder(
                order_id=OrderId(parent), symbol=child.symbol, exchange_order_id=parent, deadline=deadline
            )
            self._env.call(self._account, look, self._me)

    def _parent_seen(self, seen: OrderSeen) -> None:
        parent = seen.result
        if not isinstance(parent, ExchangeOrder):
            # It is looked for again while its child is open.
            self._parents.pop(seen.order_id, None)
            return
        self._parents[parent.exchange_order_id] = parent.client_order_id
        number = account_number_of(parent.client_order_id, salt=self._directory.installation_salt())
        name = None if number is None else self._directory.numbered(self._account).get(number)
        if name is not None:
            self._show(name, [parent], seen.asked_at)

    def _show(self, name: str, orders: Iterable[ExchangeOrder], asked_at: Micros) -> None:
        mail = OrdersShown(orders=tuple(orders), asked_at=asked_at)
        self._env.tell(Deliver(name=name, mail=mail), self._supervisor)

    def _surfaced(self, order: ExchangeOrder, number: int) -> None:
        why = (
            f"open on {self._account} with this installation's mark, and no strategy account there has number {number}"
        )
        self._env.noticeboard.alarms.ring(AlarmKind.SURFACED_ORDER, order.exchange_order_id, why)

    def _report(self, foreign: dict[str, ExchangeOrder]) -> None:
        alarms, before = self._env.noticeboard.alarms, self._foreign
        # Whoever sees an alarm is to find its order in the list.
        self._foreign = foreign
        self._publish()
        for order_id in foreign.keys() - before.keys():
            why = f"{foreign[order_id].symbol} on {self._account}, placed by somebody else; left alone"
            alarms.ring(AlarmKind.FOREIGN_ORDER, order_id, why)
        for order_id in before.keys() - foreign.keys():
            alarms.clear(AlarmKind.FOREIGN_ORDER, order_id)

    def _wake_siblings(self) -> None:
        names = self._directory.numbered(self._account).values()
        if not 1 < len(names) <= MOST_WOKEN:
            return
        unknown = [name for name in names if not self._is_known(name)]
        if len(unknown) < len(names):
            for name in self._margined(unknown):
                self._env.tell(Wake(name=name), self._supervisor)

    def _is_known(self, name: str) -> bool:
        profile = self._directory.profile(name)
        return profile is not None and name in self._env.noticeboard.exposures.on(profile.place)

    def _margined(self, names: Iterable[str]) -> list[str]:
        profiles = ((name, self._directory.profile(name)) for name in names)
        return [name for name, profile in profiles if profile is not None and profile.terms.market_type.is_margined]

    def _publish(self) -> None:
        self._env.noticeboard.put_exchange(
            ExchangeCondition(
                account=self._account,
                is_connected=self._is_connected,
                trouble=self._trouble,
                since=self._since,
                foreign=tuple(self._foreign.values()),
            )
        )
