"""The paper exchange's desk: takes one request at a time and moves the books by the rules, inside their transaction."""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import Instrument, MarketType, Quote
from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import NotFound, Refused
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.traits import ClientIdRule
from orderwright.exchanges.paper.books import Books
from orderwright.exchanges.paper.conditions import Conditions, Depth, Maintenance
from orderwright.exchanges.paper.funds import Funds, Markets
from orderwright.exchanges.paper.ladder import Ladder
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.matching import (
    STOPS,
    Execution,
    Settlement,
    broken_rule,
    crosses,
    reducible,
    share_of_lock,
    triggers_at_once,
)
from orderwright.exchanges.paper.profiles import Profile, StopStyle
from orderwright.exchanges.paper.quotes import Quotes
from orderwright.exchanges.paper.records import NewOrder, OrderKey, PaperOrder, PaperPosition, Trade
from orderwright.exchanges.paper.words import Objection, Reason
from orderwright.moments import Micros

_PLACEABLE = frozenset({OrderType.MARKET, OrderType.LIMIT, *STOPS})
_BY_THE_MARKET = frozenset({OrderType.MARKET, OrderType.STOP_MARKET})


class Desk:
    """Places, triggers, fills and cancels. Not thread-safe; every call needs an open transaction of the books.

    What waits for a price is remembered here too: after a transaction that was rolled back, a new desk must be made.
    """

    def __init__(self, books: Books, quotes: Quotes, *, venue: Venue, conditions: Conditions) -> None:
        self._books = books
        self._quotes = quotes
        self._fees = venue.fees
        self._markets: Markets = {(market.market_type, market.symbol): market for market in venue.markets}
        self._conditions = conditions
        self._depth = Depth(conditions.depth)
        self.funds = Funds(books, quotes, venue=venue, markets=self._markets)
        self.ladder = Ladder(books.all_open_orders())

    def change_conditions(self, conditions: Conditions) -> None:
        """Trade under these conditions from now on."""
        self._conditions = conditions
        self._depth = Depth(conditions.depth)

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
        if order is None or not order.is_open:
            return NotFound()
        return self._end(order, OrderStatus.CANCELLED, now)

    def catch_up(self, *, now: Micros) -> None:
        """Let every price that was to come by now happen, in order."""
        while (quote := self._quotes.next_due(now)) is not None:
            self._books.price_came(quote)
            self.match(quote.symbol, quote.price, now=quote.at)

    def match(self, symbol: str, price: Decimal, *, now: Micros) -> None:
        """Let `price` do its work: resting orders that it crosses fill at their own limits, stops are triggered."""
        for number in self.ladder.reached(symbol, price):
            order = self._books.order(number)
            if order.is_waiting:
                self._trigger(order, price, now)
            else:
                self._fill(order, order.price or price, level=price, is_maker=True, now=now)

    def set_price(self, quote: Quote) -> None:
        """Let a price win over the feed and over what was to come, and do its work."""
        self.catch_up(now=quote.at)
        self.clear_price(quote.symbol)
        self._books.set_price(quote)
        self._quotes.set(quote.symbol, quote.price)
        self.match(quote.symbol, quote.price, now=quote.at)

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
            return triggers_at_once(order, price) or self._await_trigger(entered, profile, now)
        return self._take(entered, price, now)

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
            self.match(symbol, price, now=now)
        return price

    def _await_trigger(self, entered: PaperOrder, profile: Profile, now: Micros) -> PaperOrder | Objection:
        if profile.stops[entered.market_type] is StopStyle.HELD:
            lock = self.funds.needed(entered, entered.price or entered.stop_price or ZERO, now=now)
            if isinstance(lock, Objection):
                return lock
            entered = replace(entered, locked_currency=lock[0], locked=lock[1])
        placed = self._books.add_order(entered)
        self.funds.hold(placed)
        self.ladder.add(placed)
        return placed

    def _take(self, entered: PaperOrder, price: Decimal, now: Micros) -> PaperOrder | Objection:
        crossing = entered.price is None or crosses(entered.side, entered.price, price)
        lock = self.funds.needed(entered, price if crossing else entered.price or price, now=now)
        if isinstance(lock, Objection):
            return lock
        placed = self._books.add_order(replace(entered, locked_currency=lock[0], locked=lock[1]))
        self.funds.hold(placed)
        return self._work(placed, price, now)

    def _work(self, order: PaperOrder, price: Decimal, now: Micros) -> PaperOrder:
        if order.price is None or crosses(order.side, order.price, price):
            order = self._fill(order, price, level=price, is_maker=False, now=now)
            if order.is_open and order.price is None:
                return self._end(order, self.funds.profile(order.account).market_rest, now)
        if order.is_open:
            self.ladder.add(order)
        return order

    def _trigger(self, stop: PaperOrder, price: Decimal, now: Micros) -> None:
        self.ladder.remove(stop)
        triggered = replace(stop, triggered_at=now, changed_at=now)
        if self.funds.profile(stop.account).stops[stop.market_type] is StopStyle.CHILD:
            child = self._take(_child_of(stop, now), price, now)
            if isinstance(child, PaperOrder):
                status = OrderStatus.TRIGGERED if child.is_open else child.status
                self._books.update_order(replace(triggered, status=status, child=child.number))
            else:
                self._books.update_order(replace(triggered, status=OrderStatus.REJECTED))
            return
        crossing = stop.price is None or crosses(stop.side, stop.price, price)
        lock = self.funds.needed(stop, price if crossing else stop.price or price, now=now)
        if isinstance(lock, Objection):
            # As it is no longer what it was when it was taken: the account's means, or its position, are gone.
            self._end(triggered, OrderStatus.REJECTED, now)
            return
        self.funds.release(stop)
        working = replace(triggered, locked_currency=lock[0], locked=lock[1])
        self.funds.hold(working)
        self._books.update_order(working)
        self._work(working, price, now)

    def _end(self, order: PaperOrder, status: OrderStatus, now: Micros) -> PaperOrder:
        self.ladder.remove(order)
        self.funds.release(order)
        ended = replace(order, status=status, locked=ZERO, changed_at=now)
        self._books.update_order(ended)
        if ended.parent is not None:
            self._books.update_order(replace(self._books.order(ended.parent), status=status, changed_at=now))
        return ended

    def _fill(self, order: PaperOrder, price: Decimal, *, level: Decimal, is_maker: bool, now: Micros) -> PaperOrder:
        market = self._markets[order.market_type, order.symbol]
        wanted, position = order.remaining, None
        if order.market_type is MarketType.FUTURES:
            position = self._books.position(order.account, order.symbol)
            wanted = min(wanted, reducible(position, order.side)) if order.reduce_only else wanted
        amount = self._depth.take(order, wanted, market=market, price=level, now=now) if wanted else wanted
        if wanted and not amount:
            return order
        if amount:
            order = self._executed(order, amount, price, position, is_maker=is_maker, now=now)
        if order.remaining and amount < wanted:
            self._books.update_order(order)
            return order
        # A reduce-only order ends with the position, whatever is left of it.
        return self._end(order, OrderStatus.CANCELLED if order.remaining else self._done(order), now)

    def _executed(
        self,
        order: PaperOrder,
        amount: Decimal,
        price: Decimal,
        position: PaperPosition | None,
        *,
        is_maker: bool,
        now: Micros,
    ) -> PaperOrder:
        rate = self._fees.maker if is_maker else self._fees.taker
        execution = Execution(side=order.side, amount=amount, price=price, rate=rate)
        moved = self.funds.settle(order, execution, position)
        self._books.add_trade(_trade(order, moved, price, is_maker=is_maker, now=now))
        return replace(
            order,
            status=OrderStatus.PARTIALLY_FILLED,
            filled=add(order.filled, amount),
            locked=share_of_lock(order, subtract(order.remaining, amount)),
            changed_at=now,
        )

    def _done(self, order: PaperOrder) -> OrderStatus:
        is_market_buy = order.side is Side.BUY and order.price is None and order.market_type is MarketType.SPOT
        return self.funds.profile(order.account).market_buy_end if is_market_buy else OrderStatus.FILLED


def _normalised(order: NewOrder, profile: Profile) -> NewOrder:
    # What does not belong to an order is not looked at, as by the exchanges that take unknown fields in silence.
    return replace(
        order,
        price=None if order.order_type in _BY_THE_MARKET else order.price,
        stop_price=order.stop_price if order.order_type in STOPS else None,
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


def _child_of(stop: PaperOrder, now: Micros) -> PaperOrder:
    return replace(
        stop,
        number=0,
        client_order_id="",
        order_type=OrderType.MARKET if stop.order_type is OrderType.STOP_MARKET else OrderType.LIMIT,
        placed_at=now,
        changed_at=now,
        stop_price=None,
        parent=stop.number,
    )


def _trade(order: PaperOrder, moved: Settlement, price: Decimal, *, is_maker: bool, now: Micros) -> Trade:
    return Trade(
        number=0,
        order_number=order.number,
        account=order.account,
        market_type=order.market_type,
        symbol=order.symbol,
        side=order.side,
        amount=moved.amount,
        price=price,
        fee=moved.fee,
        fee_currency=moved.fee_currency,
        maker=is_maker,
        at=now,
    )
