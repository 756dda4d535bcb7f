"""The paper exchange's desk: takes one request at a time and moves the books by the rules, inside their transaction."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import Instrument, Quote
from orderwright.engine.money import ZERO
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import NotFound, Refused
from orderwright.engine.signals import STOPS, OrderType
from orderwright.engine.traits import ClientIdRule
from orderwright.exchanges.paper.conditions import Conditions, Maintenance, is_forgotten_for_now
from orderwright.exchanges.paper.engine import MatchingEngine
from orderwright.exchanges.paper.funds import Funds, Markets
from orderwright.exchanges.paper.ledger import Ledger
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.matching import broken_rule, triggers_at_once
from orderwright.exchanges.paper.profiles import Profile
from orderwright.exchanges.paper.quotes import Quotes
from orderwright.exchanges.paper.records import NewOrder, OrderKey, PaperOrder
from orderwright.exchanges.paper.rows import without_exponent
from orderwright.exchanges.paper.words import Objection, Reason
from orderwright.moments import Micros

_PLACEABLE = frozenset({OrderType.MARKET, OrderType.LIMIT, *STOPS})
_BY_THE_MARKET = frozenset({OrderType.MARKET, OrderType.STOP_MARKET})


class Desk:
    """Takes orders or refuses them, cancels, hears of prices. Not thread-safe; every call needs an open transaction.

    What waits for a price is remembered here too: after a transaction that was rolled back, a new desk must be made.
    """

    def __init__(self, books: Ledger, quotes: Quotes, *, venue: Venue, conditions: Conditions) -> None:
        self._books = books
        self._quotes = quotes
        self._markets: Markets = {(market.market_type, market.symbol): market for market in venue.markets}
        self._conditions = conditions
        self.funds = Funds(books, quotes, venue=venue, markets=self._markets)
        self.engine = MatchingEngine(books, self.funds, markets=self._markets, fees=venue.fees, depth=conditions.depth)

    def change_conditions(self, conditions: Conditions) -> None:
        """Trade under these conditions from now on."""
        self._conditions = conditions
        self.engine.offer(conditions.depth)

    def place(self, account: str, order: NewOrder, *, now: Micros) -> PaperOrder | Refused:
        """Take a new order: it fills at once, rests, waits for its trigger, or is refused."""
        profile = self.funds.profile(account)
        placed = self._placed(account, _normalised(order, profile), profile, now)
        if isinstance(placed, PaperOrder):
            return placed
        if profile.traits.client_id_unique is ClientIdRule.CONSUMED_ON_FAILURE:
            self._books.spend_id(account, order.client_order_id)
        return profile.refusal(placed, market_type=order.market_type, side=order.side)

    def cancel(self, account: str, key: OrderKey, *, now: Micros) -> PaperOrder | NotFound:
        """End an open order; one that has ended is as unknown to a cancel as one that never was.

        So is a stop that has been triggered and trades as another order: that one has to be named.
        """
        self.catch_up(now=now)
        order = self._books.find_order(account, key)
        if order is None or not order.is_open or is_forgotten_for_now(order, self._conditions):
            return NotFound()
        return self.engine.end(order, OrderStatus.CANCELLED, now=now)

    def catch_up(self, *, now: Micros) -> None:
        """Let every price that was to come by now happen, in order."""
        while (quote := self._quotes.next_due(now)) is not None:
            self._books.price_came(quote)
            self.engine.match(quote.symbol, quote.price, now=quote.at)

    def set_price(self, quote: Quote) -> None:
        """Let a price win over the feed and over what was to come, and do its work."""
        self.catch_up(now=quote.at)
        self.clear_price(quote.symbol)
        self._books.set_price(quote)
        self._quotes.set(quote.symbol, quote.price)
        self.engine.match(quote.symbol, quote.price, now=quote.at)

    def clear_price(self, symbol: str) -> None:
        """Let the feed speak again for the symbol, now and later."""
        self._books.clear_price(symbol)
        self._quotes.clear(symbol)

    def expect(self, prices: Iterable[Quote]) -> None:
        """Let the symbols have these prices, and no others, at their moments."""
        by_symbol: dict[str, list[Quote]] = {}
        for quote in prices:
            by_symbol.setdefault(quote.symbol, []).append(quote)
        for symbol, coming in by_symbol.items():
            self._books.set_coming_prices(symbol, coming)
            self._quotes.expect(symbol, coming)

    def _placed(self, account: str, order: NewOrder, profile: Profile, now: Micros) -> PaperOrder | Objection:
        objection = self._turned_away(account, order, profile, now)
        if objection is not None:
            return objection
        market = self._market_of(order, profile)
        if isinstance(market, Objection):
            return market
        if order.order_type in STOPS and market.market_type not in profile.stops:
            return Objection(reason=Reason.UNSUPPORTED, words=f"{order.order_type} orders are not taken here")
        price = self._price_of(order.symbol, now)
        if price is None:
            return Objection(reason=Reason.MARKET, words=f"{order.symbol} has no price")
        broken = broken_rule(order, market, price)
        if broken is not None:
            return broken
        entered = _entered(account, order, market, now)
        if order.order_type in STOPS:
            return triggers_at_once(order, price) or self.engine.await_trigger(entered, now=now)
        return self.engine.take(entered, price, now=now)

    def _turned_away(self, account: str, order: NewOrder, profile: Profile, now: Micros) -> Objection | None:
        if not self.funds.has_account(account):
            return Objection(reason=Reason.MARKET, words=f"there is no account {account}")
        # Before any other refusal: a definite no to a second arrival would deny the first.
        if self._is_used(account, order.client_order_id, profile):
            words = f"client order id {order.client_order_id} was used before"
            return Objection(reason=Reason.DUPLICATE_ID, words=words)
        if order.valid_until is not None and now >= order.valid_until:
            words = "the request arrived after the moment until which it was valid"
            return Objection(reason=Reason.LATE, words=words)
        if self._conditions.maintenance is not Maintenance.OFF:
            return Objection(reason=Reason.MAINTENANCE, words="no orders are taken during maintenance")
        if order.order_type not in _PLACEABLE:
            return Objection(reason=Reason.UNSUPPORTED, words=f"{order.order_type} orders are not taken here")
        if profile.client_id is not None and not profile.client_id.fullmatch(order.client_order_id):
            words = f"{order.client_order_id!r} cannot be a client order id"
            return Objection(reason=Reason.CLIENT_ID, words=words)
        return None

    def _is_used(self, account: str, client_order_id: str, profile: Profile) -> bool:
        before = self._books.find_order(account, OrderKey(client_order_id=client_order_id))
        match profile.traits.client_id_unique:
            case ClientIdRule.OPEN_ONLY:
                return before is not None and before.is_open
            case ClientIdRule.CONSUMED_ON_FAILURE:
                return before is not None or self._books.is_spent(account, client_order_id)
            case ClientIdRule.ALWAYS:
                return before is not None

    def _market_of(self, order: NewOrder, profile: Profile) -> Instrument | Objection:
        types = [kind for kind in profile.market_types if order.market_type in {None, kind}]
        found = [self._markets[kind, order.symbol] for kind in types if (kind, order.symbol) in self._markets]
        if len(found) == 1:
            return found[0]
        if not found:
            return Objection(reason=Reason.MARKET, words=f"there is no market {order.symbol}")
        words = f"{order.symbol} trades in several markets: the order must say in which"
        return Objection(reason=Reason.MARKET, words=words)

    def _price_of(self, symbol: str, now: Micros) -> Decimal | None:
        self.catch_up(now=now)
        price = self._quotes.price(symbol, now)
        if price is not None:
            # What was there before trades first.
            self.engine.match(symbol, price, now=now)
        return price


def _normalised(order: NewOrder, profile: Profile) -> NewOrder:
    # What does not belong to an order is not looked at, as by the exchanges that take unknown fields in silence.
    return replace(
        order,
        amount=without_exponent(order.amount),
        price=None if order.price is None or order.order_type in _BY_THE_MARKET else without_exponent(order.price),
        stop_price=without_exponent(order.stop_price) if order.stop_price and order.order_type in STOPS else None,
        reduce_only=order.reduce_only and profile.traits.reduce_only,
    )


def _entered(account: str, order: NewOrder, market: Instrument, now: Micros) -> PaperOrder:
    return PaperOrder(
        number=0,
        account=account,
        client_order_id=order.client_order_id,
        market_type=market.market_type,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        reduce_only=order.reduce_only,
        status=OrderStatus.NEW,
        filled=ZERO,
        locked=ZERO,
        locked_currency=market.quote,
        placed_at=now,
        changed_at=now,
        stop_price=order.stop_price,
    )
