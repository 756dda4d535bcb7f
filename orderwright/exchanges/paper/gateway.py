"""The way to the paper exchange in this process: every effect is carried out, and answered, before `submit` returns."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.outcomes import (
    CancelOrder,
    Effect,
    ExchangeOrder,
    FetchQuote,
    LookUpOrder,
    OrderSeen,
    Outcome,
    PlaceOrder,
    QuoteAnswered,
    SetLeverage,
    Unclear,
)
from orderwright.exchanges.gateway import ExchangeError, ExchangeUnavailable, LeverageRefused
from orderwright.exchanges.paper.answers import (
    cancellation,
    key_of,
    leverage_answer,
    order_of,
    placement,
    turned_away,
    unclear,
    unsendable,
)
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.gate import RateLimited
from orderwright.moments import Micros


class PaperGateway:
    """One account at a paper exchange that several gateways share; closing a gateway leaves the exchange open."""

    def __init__(
        self, exchange: PaperExchange, *, account: str, balances: Mapping[str, Decimal], profile: str | None = None
    ) -> None:
        """Make a gateway; `profile` names the exchange that the paper exchange is to be like.

        Raises:
            UnknownProfile: there is none of this name.
        """
        self._exchange = exchange
        self._account = account
        self._balances = balances
        self._profile = profile
        self._market_types = exchange.profile_named(profile).market_types
        self.traits = exchange.profile_named(profile).traits
        self._is_open = False

    def open(self) -> None:
        """Open the account at the exchange, with its declared balances if it is new.

        Raises:
            ExchangeUnavailable: the books cannot be written.
        """
        try:
            self._exchange.open_account(self._account, self._balances, profile=self._profile)
        except ExchangeError as exc:
            raise ExchangeUnavailable(str(exc)) from exc
        self._is_open = True

    def close(self) -> None:
        """Do nothing: the exchange belongs to whoever made it, and no effect is ever under way."""

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        """Carry out `effect` and call `done` with its outcome before returning."""
        done(self._outcome(effect))

    def instruments(self, market_type: MarketType) -> tuple[Instrument, ...]:
        """Return the markets of that type."""
        return self._exchange.instruments(market_type) if market_type in self._market_types else ()

    def open_orders(self) -> tuple[ExchangeOrder, ...]:
        """Return every open order of the account.

        Raises:
            ExchangeUnavailable: the books cannot be read.
        """
        try:
            return self._exchange.open_orders(self._account)
        except ExchangeError as exc:
            raise ExchangeUnavailable(str(exc)) from exc

    def balances(self) -> Mapping[str, Decimal]:
        """Return the account's total balance per currency.

        Raises:
            ExchangeUnavailable: the books cannot be read.
        """
        try:
            balances = self._exchange.balances(self._account)
        except ExchangeError as exc:
            raise ExchangeUnavailable(str(exc)) from exc
        return {currency: balance.total for currency, balance in balances.items()}

    def positions(self) -> Mapping[str, Decimal]:
        """Return the account's netted futures positions by symbol, negative for short.

        Raises:
            ExchangeUnavailable: the books cannot be read.
        """
        try:
            positions = self._exchange.positions(self._account)
        except ExchangeError as exc:
            raise ExchangeUnavailable(str(exc)) from exc
        return {position.symbol: position.amount for position in positions}

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Let the account trade futures of `symbol` with this leverage.

        Raises:
            LeverageRefused: the exchange does not allow it.
            ExchangeUnavailable: the exchange turns everybody, or this account, away; or its books cannot be written.
        """
        try:
            refused = self._exchange.set_leverage(self._account, symbol, leverage)
        except ExchangeError as exc:
            raise ExchangeUnavailable(str(exc)) from exc
        if refused is not None:
            raise LeverageRefused(refused.error)

    def _outcome(self, effect: Effect) -> Outcome:
        asked_at = self._exchange.now()
        unsent = unsendable(effect, self.traits, now=asked_at)
        if unsent is not None:
            return unsent
        try:
            return self._carried_out(effect, asked_at)
        except RateLimited as exc:
            return turned_away(effect, str(exc), again_after=exc.retry_after, asked_at=asked_at)
        except ExchangeError as exc:
            return unclear(effect, str(exc), asked_at=asked_at)

    def _carried_out(self, effect: Effect, asked_at: Micros) -> Outcome:
        if not self._is_open:
            self.open()
        match effect:
            case PlaceOrder():
                return placement(effect, self._exchange.place(self._account, order_of(effect, self.traits)))
            case CancelOrder():
                return cancellation(effect, self._exchange.cancel(self._account, key_of(effect)))
            case LookUpOrder():
                seen = self._exchange.look(self._account, key_of(effect))
                return OrderSeen(order_id=effect.order_id, asked_at=asked_at, result=seen)
            case SetLeverage():
                problem = self._exchange.set_leverage(self._account, effect.symbol, effect.leverage)
                return leverage_answer(effect, problem)
            case FetchQuote():
                symbol = self._exchange.symbol_of(effect.symbol)
                quote = None if symbol is None else self._exchange.quote(symbol)
                result = quote or Unclear(reason=f"the exchange has no price for {effect.symbol}")
                return QuoteAnswered(symbol=effect.symbol, result=result)
