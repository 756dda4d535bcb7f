"""How an operator's adoption is checked: what the exchange account holds, less what strategy accounts there own."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from orderwright.actors.messages import AccountView, Operated, Unavailable, strategy_account_name
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import SignalId
from orderwright.engine.instruments import Instrument, Instruments
from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import AdoptPosition
from orderwright.errors import OrderwrightError
from orderwright.exchanges.gateway import ExchangeError, Gateway, MarginGateway

_LOOKS = 3


class AdoptionRefused(OrderwrightError):
    """Nothing was adopted; the message is the sentence that a person reads."""


class Adoption(Struct, frozen=True, kw_only=True):
    """What an operator wants adopted: `amount` in base units (negative: short), which counts as bought at `price`."""

    command_id: SignalId
    symbol: str
    amount: Decimal
    price: Decimal
    by: str
    why: str


Describe = Callable[[Sequence[str], float], Mapping[str, AccountView | Unavailable | None]]
"""Asks strategy accounts how they are, for so many seconds at most."""

Operate = Callable[[str, AdoptPosition, float], Operated | Unavailable | None]
"""Gives a strategy account a command, and waits for so many seconds at most."""


class Adoptions:
    """One at a time: two that were checked side by side could take the same coins."""

    def __init__(
        self,
        *,
        catalogue: Callable[[], Catalogue],
        gateway: Callable[[str], Gateway],
        describe: Describe,
        operate: Operate,
    ) -> None:
        self._catalogue = catalogue
        self._gateway = gateway
        self._describe = describe
        self._operate = operate
        self._one_at_a_time = threading.Lock()

    def adopt(self, strategy: str, account: str, wanted: Adoption, *, timeout: float) -> Operated | Unavailable | None:
        """Have the strategy account adopt what is wanted, if the exchange account holds that much of nobody's.

        Raises:
            AdoptionRefused: the exchange, or a strategy account there, could not be asked, or the symbol means nothing.
        """
        with self._one_at_a_time:
            try:
                gateway = self._gateway(account)
                instrument = self._instrument(gateway, strategy, wanted.symbol)
                unowned = self._unowned(gateway, strategy, account, instrument, timeout=timeout)
            except ExchangeError as exc:
                message = f"The exchange could not be asked: {exc}."
                raise AdoptionRefused(message) from exc
            command = AdoptPosition(
                command_id=wanted.command_id,
                symbol=instrument.symbol,
                base=instrument.base,
                quote=instrument.quote,
                amount=wanted.amount,
                price=wanted.price,
                unowned=unowned,
                by=wanted.by,
                why=wanted.why,
            )
            return self._operate(strategy_account_name(strategy, account), command, timeout)

    def _instrument(self, gateway: Gateway, strategy: str, symbol: str) -> Instrument:
        market_type = self._catalogue().strategies[strategy].market_type
        found = Instruments(gateway.instruments(market_type)).find(symbol)
        if isinstance(found, Instrument):
            return found
        message = f"{symbol} is not exactly one market of the exchange account."
        raise AdoptionRefused(message)

    def _unowned(
        self, gateway: Gateway, strategy: str, account: str, instrument: Instrument, *, timeout: float
    ) -> Decimal:
        names = self._on(account, strategy)
        before = self._views(names, timeout=timeout)
        for _ in range(_LOOKS):
            held = _held(gateway, instrument)
            after = self._views(names, timeout=timeout)
            if [view.version for view in before] == [view.version for view in after]:
                return _left(held, after, instrument)
            before = after
        message = "The strategy accounts there are trading: try again when less happens."
        raise AdoptionRefused(message)

    def _on(self, account: str, strategy: str) -> list[str]:
        catalogue = self._catalogue()
        market_type = catalogue.strategies[strategy].market_type
        return [
            strategy_account_name(link.strategy, account)
            for link in catalogue.links_on(account)
            if catalogue.strategies[link.strategy].market_type is market_type
        ]

    def _views(self, names: Sequence[str], *, timeout: float) -> list[AccountView]:
        views = self._describe(names, timeout)
        known = [view for view in views.values() if isinstance(view, AccountView)]
        if len(known) < len(names):
            silent = ", ".join(name for name in names if not isinstance(views.get(name), AccountView))
            message = f"What {silent} may own of it is not known now."
            raise AdoptionRefused(message)
        return known


def _held(gateway: Gateway, instrument: Instrument) -> Decimal:
    if not instrument.market_type.is_margined:
        return gateway.balances().get(instrument.base, ZERO)
    if not isinstance(gateway, MarginGateway):
        message = "This exchange does not say what positions there are."
        raise AdoptionRefused(message)
    return gateway.positions().get(instrument.symbol, ZERO)


def _left(held: Decimal, views: Iterable[AccountView], instrument: Instrument) -> Decimal:
    left = held
    may_buy, may_sell = ZERO, ZERO
    for view in views:
        for position in view.positions:
            if _is_same(position.symbol, instrument):
                left = subtract(left, position.quantity)
        for order in view.orders:
            if _is_same(order.symbol, instrument):
                remaining = subtract(order.amount, min(order.filled, order.amount))
                may_buy = add(may_buy, remaining if order.side == Side.BUY else ZERO)
                may_sell = add(may_sell, remaining if order.side == Side.SELL else ZERO)
        if not instrument.market_type.is_margined:
            # What others trade with is not there for the taking, should it be a coin itself.
            left = subtract(left, view.capital.get(instrument.base, ZERO))
    # Any part of an open order can have filled a moment ago.
    return max(ZERO, subtract(left, may_buy)) if left > ZERO else min(ZERO, add(left, may_sell))


def _is_same(symbol: str, instrument: Instrument) -> bool:
    if instrument.market_type.is_margined:
        return symbol == instrument.symbol
    return symbol.partition("/")[0] == instrument.base
