"""What an operator claims of an order at the exchange is held against what the exchange, and the log, say of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue

from msgspec.structs import replace

from orderwright.actors.env import Directory
from orderwright.actors.messages import AccountView, Unavailable
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import ExchangeOrder, LookUpOrder, NotFound, OrderSeen, Outcome
from orderwright.engine.strategy_account.commands import ResolveDoubt
from orderwright.engine.strategy_account.events import Decision
from orderwright.exchanges.gateway import Gateway
from orderwright.moments import SECOND, Micros
from orderwright.readmodels.account_view import OrderView

_LONGEST_LOOK = 3.0

Describe = Callable[[Sequence[str], float], Mapping[str, AccountView | Unavailable | None]]
"""Asks strategy accounts how they are, for so many seconds at most."""


class Claims:
    """Claims that an order in doubt is the one that the exchange knows by some id, which cancels then go by.

    `awake` returns the names of the strategy accounts that may have orders. Of a claim that the exchange cannot confirm
    the operator has to say that it is to count all the same, and even then it must not be another's order here.
    """

    def __init__(
        self,
        *,
        directory: Directory,
        gateway: Callable[[str], Gateway],
        describe: Describe,
        awake: Callable[[], Iterable[str]],
        now: Callable[[], Micros],
    ) -> None:
        self._directory = directory
        self._gateway = gateway
        self._describe = describe
        self._awake = awake
        self._now = now

    def check(self, name: str, command: ResolveDoubt, *, timeout: float) -> ResolveDoubt | str:
        """Return the decision as it can be carried out by the strategy account `name`, or what speaks against it.

        Blocks for a few times `timeout` seconds at most. What the exchange has confirmed is not `unchecked` any more.
        """
        claimed = command.exchange_order_id
        profile, view = self._directory.profile(name), self._describe([name], timeout)[name]
        if claimed is None or command.decision is not Decision.PLACED or profile is None:
            return command
        if not isinstance(view, AccountView):
            return f"How {name} is cannot be known now: try again when `orderwright status` shows it."
        order = next((order for order in view.orders if order.engine_order_id == command.order_id), None)
        if order is None:
            # That there is none is for the strategy account to say.
            return command
        found = self._look(profile.account, order, claimed, profile.terms.market_type, min(timeout, _LONGEST_LOOK))
        if isinstance(found, ExchangeOrder):
            return self._objection(profile.account, order, found, timeout) or replace(command, unchecked=False)
        if isinstance(found, NotFound):
            return f"The exchange has no order {claimed} of {order.symbol}."
        if not command.unchecked:
            return (
                f"The exchange could not be asked about order {claimed} just now, and cancels would go by that id. "
                "Try again when it can be asked; if it never can and you saw the order there, say so with `unchecked`."
            )
        return self._other_owner(profile.account, order, claimed, timeout) or command

    def _look(
        self, account: str, order: OrderView, claimed: str, market_type: MarketType, timeout: float
    ) -> ExchangeOrder | NotFound | None:
        answers: SimpleQueue[Outcome] = SimpleQueue()
        look = LookUpOrder(
            order_id=OrderId(order.engine_order_id),
            symbol=order.symbol,
            exchange_order_id=claimed,
            deadline=Micros(self._now() + int(timeout * SECOND)),
            market_type=market_type,
        )
        self._gateway(account).submit(look, answers.put)
        try:
            answer = answers.get(timeout=timeout)
        except Empty:
            return None
        found = answer.result if isinstance(answer, OrderSeen) else None
        return found if isinstance(found, ExchangeOrder | NotFound) else None

    def _objection(self, account: str, order: OrderView, found: ExchangeOrder, timeout: float) -> str:
        claimed, stop = found.exchange_order_id, found.parent_exchange_order_id
        if found.client_order_id:
            return _difference(order, found)
        # Its name does not say whose it is: a triggered stop trades as an order without one.
        owner = self._other_owner(account, order, claimed, timeout)
        if not owner and stop is not None:
            return f"Order {claimed} at the exchange is what the stop {stop} trades as, and goes with that one."
        return owner or _difference(order, found)

    def _other_owner(self, account: str, order: OrderView, claimed: str, timeout: float) -> str:
        awake = set(self._awake())
        names = [name for name in self._directory.numbered(account).values() if name in awake]
        for name, view in self._describe(names, timeout).items():
            if not isinstance(view, AccountView):
                return f"What {name} has open there is not known now, and order {claimed} may be its own."
            for other in view.orders:
                is_claimed = claimed in {other.order_id, other.child_order_id}
                if is_claimed and other.engine_order_id != order.engine_order_id:
                    return f"Order {claimed} is order {other.engine_order_id} of {name}."
        return ""


def _difference(order: OrderView, found: ExchangeOrder) -> str:
    is_named_alike = found.client_order_id in {"", order.engine_order_id}
    shown = (found.symbol, found.side.value, found.amount)
    if is_named_alike and shown == (order.symbol, order.side, order.amount):
        return ""
    return (
        f"Order {found.exchange_order_id} at the exchange is another one: {found.side} {found.amount} {found.symbol}"
        f"{f' of {found.client_order_id}' if found.client_order_id else ''}."
    )
