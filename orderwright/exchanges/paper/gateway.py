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
    Unclear,
)
from orderwright.exchanges.gateway import ExchangeError, ExchangeUnavailable
from orderwright.exchanges.paper.answers import PAPER_TRAITS, cancellation, key_of, order_of, placement, unclear
from orderwright.exchanges.paper.exchange import PaperExchange


class PaperGateway:
    """One account at a paper exchange that several gateways share; closing a gateway leaves the exchange open."""

    traits = PAPER_TRAITS

    def __init__(self, exchange: PaperExchange, *, account: str, balances: Mapping[str, Decimal]) -> None:
        self._exchange = exchange
        self._account = account
        self._balances = balances
        self._is_open = False

    def open(self) -> None:
        """Open the account at the exchange, with its declared balances if it is new.

        Raises:
            ExchangeUnavailable: the books cannot be written.
        """
        try:
            self._exchange.open_account(self._account, self._balances)
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
        return self._exchange.instruments(market_type)

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

    def _outcome(self, effect: Effect) -> Outcome:
        asked_at = self._exchange.now()
        try:
            if not self._is_open:
                self.open()
            match effect:
                case PlaceOrder():
                    return placement(effect, self._exchange.place(self._account, order_of(effect)))
                case CancelOrder():
                    return cancellation(effect, self._exchange.cancel(self._account, key_of(effect)))
                case LookUpOrder():
                    seen = self._exchange.look(self._account, key_of(effect))
                    return OrderSeen(order_id=effect.order_id, asked_at=asked_at, result=seen)
                case FetchQuote():
                    symbol = self._exchange.symbol_of(effect.symbol)
                    quote = None if symbol is None else self._exchange.quote(symbol)
                    result = quote or Unclear(reason=f"the exchange has no price for {effect.symbol}")
                    return QuoteAnswered(symbol=effect.symbol, result=result)
        except ExchangeError as exc:
            return unclear(effect, str(exc), asked_at=asked_at)
