"""The port to an exchange: one account's way to place, cancel, look and price, and what that exchange can do."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol, runtime_checkable

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.outcomes import Effect, ExchangeOrder, Outcome
from orderwright.engine.traits import ClientIdRule as ClientIdRule
from orderwright.engine.traits import Traits as Traits
from orderwright.errors import OrderwrightError


class ExchangeError(OrderwrightError):
    """Base of the exchange adapters' errors: raised only outside the effect protocol (`submit` answers instead)."""


class ExchangeUnavailable(ExchangeError):
    """The exchange could not be asked; trying again later may help."""


class LeverageRefused(ExchangeError):
    """The exchange does not allow this leverage now; the message is in its own words."""


class Gateway(Protocol):
    """One account at one exchange. Thread-safe; no method but `open` and the queries may block for long."""

    traits: Traits

    def open(self) -> None:
        """Connect and load the markets.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files; effects still under way are answered `Unclear`."""
        ...

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        """Carry out `effect` and call `done` with its outcome exactly once, at the latest at the effect's deadline.

        An adapter in this process may call `done` before it returns, others call it from a thread of their own. A
        request that certainly did not leave is `Refused`; whatever else is not a clear answer is `Unclear`.
        """
        ...

    def instruments(self, market_type: MarketType) -> tuple[Instrument, ...]:
        """Return the markets of that type, as loaded by `open`; never blocks."""
        ...

    def open_orders(self) -> tuple[ExchangeOrder, ...]:
        """Return every open order of the account, also those that other programs placed.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        ...

    def balances(self) -> Mapping[str, Decimal]:
        """Return the account's total balance per currency.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        ...


@runtime_checkable
class ReloadableGateway(Gateway, Protocol):
    """A gateway that keeps the markets that it has loaded; told by `isinstance`. Others look at them each time."""

    def reload_markets(self) -> None:
        """Load the markets anew; may block. When it fails, the markets stay as they were.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        ...


@runtime_checkable
class MarginGateway(Gateway, Protocol):
    """A gateway to an exchange with positions on margin; told by `isinstance`.

    Leverage belongs to the account and the symbol.
    """

    def positions(self) -> Mapping[str, Decimal]:
        """Return the account's netted positions by symbol, in base units, negative for short; none that is flat.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        ...

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Let the account trade futures of `symbol` with this leverage from now on, also what is open there.

        Raises:
            LeverageRefused: the exchange does not allow it.
            ExchangeUnavailable: the exchange could not be asked, or nobody knows whether it did it.
        """
        ...
