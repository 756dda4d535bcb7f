"""The paper exchange's desk: takes one request at a time and moves the books by the rules, inside their transaction."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import ZERO, add, plain, subtract
from orderwright.engine.orders import OrderStatus, is_active
from orderwright.engine.outcomes import NotFound, Refused
from orderwright.engine.signals import OrderType
from orderwright.exchanges.paper.books import Books
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.matching import (
    Execution,
    Settlement,
    broken_rule,
    crosses,
    futures_need,
    position_margin,
    reducible,
    settle_futures,
    settle_spot,
    spot_need,
    unrealised,
)
from orderwright.exchanges.paper.quotes import Quotes
from orderwright.exchanges.paper.records import (
    DUPLICATE_CLIENT_ID,
    EXPIRED,
    REJECTED,
    UNSUPPORTED,
    NewOrder,
    OrderKey,
    PaperOrder,
    Trade,
)
from orderwright.exchanges.paper.resting import RestingOrders
from orderwright.moments import Micros

_SUPPORTED = frozenset({OrderType.MARKET, OrderType.LIMIT})


class Desk:
    """Places, fills and cancels. Not thread-safe; every call needs an open transaction of the books.

    What rests is remembered here too: after a transaction that was rolled back, a new desk must be made.
    """

    def __init__(self, books: Books, quotes: Quotes, *, venue: Venue) -> None:
        self._books = books
        self._quotes = quotes
        self._fees = venue.fees
        self._markets: Mapping[tuple[MarketType, str], Instrument] = {
            (instrument.market_type, instrument.symbol): instrument for instrument in venue.markets
        }
        self._leverages = books.accounts()
        self.resting = RestingOrders(books.all_open_orders())

    def open_account(self, name: str, balances: Mapping[str, Decimal], *, leverage: Decimal, now: Micros) -> None:
        """Open an account with its first balances; one that exists stays as it is."""
        if name not in self._leverages:
            self._books.add_account(name, balances, leverage=leverage, at=now)
            self._leverages[name] = leverage

    def has_account(self, name: str) -> bool:
        """Return whether the account was opened."""
        return name in self._leverages

    def place(self, account: str, order: NewOrder, *, now: Micros) -> PaperOrder | Refused:
        """Take a new order: it fills at once, rests, or is refused."""
        if order.order_type is OrderType.MARKET:
            order = replace(order, price=None)
        checked = self._turned_away(account, order, now) or self._checked(order, now)
        if isinstance(checked, Refused):
            return checked
        instrument, price = checked
        trades_now = order.price is None or crosses(order.side, order.price, price)
        lock = self._funds_for(account, order, instrument, price if trades_now else order.price or price, now)
        if isinstance(lock, Refused):
            return lock
        placed = self._books.add_order(_entered(account, order, instrument.market_type, lock, now))
        self._hold(placed)
        if trades_now:
            return self._fill(placed, price, is_maker=False, now=now)
        self.resting.add(placed)
        return placed

    def cancel(self, account: str, key: OrderKey, *, now: Micros) -> PaperOrder | NotFound:
        """End an open order; one that has ended is as unknown to a cancel as one that never was."""
        order = self._books.find_order(account, key)
        if order is None or not is_active(order.status):
            return NotFound()
        self.resting.remove(order)
        return self._end(order, OrderStatus.CANCELLED, now)

    def match(self, symbol: str, price: Decimal, *, now: Micros) -> None:
        """Fill every resting order of the symbol that `price` crosses, each at its own limit."""
        while (number := self.resting.crossed(symbol, price)) is not None:
            order = self._books.order(number)
            self.resting.remove(order)
            self._fill(order, order.price or price, is_maker=True, now=now)

    def _turned_away(self, account: str, order: NewOrder, now: Micros) -> Refused | None:
        if account not in self._leverages:
            return Refused(code=REJECTED, error=f"there is no account {account}")
        # Before any other refusal: a definite no to a second arrival would deny the first.
        if self._books.find_order(account, OrderKey(client_order_id=order.client_order_id)) is not None:
            return Refused(code=DUPLICATE_CLIENT_ID, error=f"client order id {order.client_order_id} was used before")
        if order.valid_until is not None and now >= order.valid_until:
            return Refused(code=EXPIRED, error="the request arrived after the moment until which it was valid")
        if order.order_type not in _SUPPORTED:
            return Refused(code=UNSUPPORTED, error=f"{order.order_type} orders are not taken here")
        return None

    def _checked(self, order: NewOrder, now: Micros) -> tuple[Instrument, Decimal] | Refused:
        instrument = self._market_of(order)
        if isinstance(instrument, Refused):
            return instrument
        price = self._quotes.price(order.symbol, now)
        if price is None:
            return Refused(code=REJECTED, error=f"{order.symbol} has no price")
        # What was there before trades first.
        self.match(order.symbol, price, now=now)
        broken = broken_rule(order, instrument, price)
        return (instrument, price) if broken is None else Refused(code=REJECTED, error=broken)

    def _market_of(self, order: NewOrder) -> Instrument | Refused:
        types = [order.market_type] if order.market_type else list(MarketType)
        found = [self._markets[kind, order.symbol] for kind in types if (kind, order.symbol) in self._markets]
        if len(found) == 1:
            return found[0]
        if not found:
            return Refused(code=REJECTED, error=f"there is no market {order.symbol}")
        return Refused(code=REJECTED, error=f"{order.symbol} trades in several markets: the order must say in which")

    def _funds_for(
        self, account: str, order: NewOrder, instrument: Instrument, price: Decimal, now: Micros
    ) -> tuple[str, Decimal] | Refused:
        if instrument.market_type is MarketType.FUTURES:
            return self._margin_for(account, order, instrument, price, now)
        currency, need = spot_need(order, instrument, price=price, fees=self._fees)
        free = self._free(account, currency, now, with_profit=False)
        return (currency, need) if need <= free else _insufficient("balance", currency, need, free)

    def _margin_for(
        self, account: str, order: NewOrder, instrument: Instrument, price: Decimal, now: Micros
    ) -> tuple[str, Decimal] | Refused:
        takes_off = reducible(self._books.position(account, order.symbol), order.side)
        if order.reduce_only:
            no = Refused(code=REJECTED, error=f"reduce-only order rejected: no {order.symbol} position to reduce")
            return (instrument.quote, ZERO) if takes_off else no
        if takes_off:
            takes_off = max(ZERO, subtract(takes_off, self._books.remaining(account, order.symbol, order.side)))
        raised = max(ZERO, subtract(order.amount, takes_off))
        leverage = self._leverages[account]
        need = futures_need(raised, amount=order.amount, price=price, leverage=leverage, fees=self._fees)
        free = self._free(account, instrument.quote, now, with_profit=True)
        if not raised:
            # Who only lowers a position is let go, even without the fee at hand.
            return instrument.quote, ZERO
        return (instrument.quote, need) if need <= free else _insufficient("margin", instrument.quote, need, free)

    def _free(self, account: str, currency: str, now: Micros, *, with_profit: bool) -> Decimal:
        balance = self._books.balance(account, currency)
        free, profit = subtract(balance.total, balance.locked), ZERO
        for position in self._books.positions(account):
            if self._markets[MarketType.FUTURES, position.symbol].quote != currency:
                continue
            free = subtract(free, position_margin(position, self._leverages[account]))
            price = self._quotes.price(position.symbol, now)
            profit = profit if price is None else add(profit, unrealised(position, price))
        return add(free, profit if with_profit else min(profit, ZERO))

    def _hold(self, order: PaperOrder) -> None:
        if order.locked:
            self._books.change_balance(order.account, order.locked_currency, total=ZERO, locked=order.locked)

    def _end(self, order: PaperOrder, status: OrderStatus, now: Micros) -> PaperOrder:
        if order.locked:
            released = order.locked.copy_negate()
            self._books.change_balance(order.account, order.locked_currency, total=ZERO, locked=released)
        ended = replace(order, status=status, locked=ZERO, changed_at=now)
        self._books.update_order(ended)
        return ended

    def _fill(self, order: PaperOrder, price: Decimal, *, is_maker: bool, now: Micros) -> PaperOrder:
        moved = self._settled(order, price, self._fees.maker if is_maker else self._fees.taker)
        if moved is None:
            return self._end(order, OrderStatus.CANCELLED, now)
        for currency, change in moved.changes.items():
            self._books.change_balance(order.account, currency, total=change, locked=ZERO)
        if moved.position is not None:
            self._books.set_position(order.account, moved.position)
        self._books.add_trade(_trade(order, moved, price, is_maker=is_maker, now=now))
        filled = replace(order, filled=add(order.filled, moved.amount))
        # A reduce-only order ends with the position, whatever is left of it.
        return self._end(filled, OrderStatus.CANCELLED if filled.remaining else OrderStatus.FILLED, now)

    def _settled(self, order: PaperOrder, price: Decimal, rate: Decimal) -> Settlement | None:
        instrument = self._markets[order.market_type, order.symbol]
        if order.market_type is not MarketType.FUTURES:
            trade = Execution(side=order.side, amount=order.remaining, price=price, rate=rate)
            return settle_spot(instrument, trade, fee_in_base=self._fees.spot_buys_in_base)
        position = self._books.position(order.account, order.symbol)
        amount = order.remaining
        if order.reduce_only:
            amount = min(amount, reducible(position, order.side))
        trade = Execution(side=order.side, amount=amount, price=price, rate=rate)
        return settle_futures(instrument, position, trade) if amount else None


def _entered(
    account: str, order: NewOrder, market_type: MarketType, lock: tuple[str, Decimal], now: Micros
) -> PaperOrder:
    return PaperOrder(
        number=0,
        account=account,
        client_order_id=order.client_order_id,
        market_type=market_type,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        reduce_only=order.reduce_only,
        status=OrderStatus.NEW,
        filled=ZERO,
        locked=lock[1],
        locked_currency=lock[0],
        placed_at=now,
        changed_at=now,
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


def _insufficient(what: str, currency: str, need: Decimal, free: Decimal) -> Refused:
    error = f"insufficient {what}: {plain(need)} {currency} needed, {plain(free)} {currency} free"
    return Refused(code=REJECTED, error=error)
