"""The paper exchange's matching engine: holds what an order needs, lets it wait, triggers it, fills it, ends it."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from orderwright.engine.instruments import MarketType
from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import OrderType, Side
from orderwright.exchanges.paper.conditions import Depth
from orderwright.exchanges.paper.funds import Funds, Markets
from orderwright.exchanges.paper.ladder import Ladder
from orderwright.exchanges.paper.ledger import Ledger
from orderwright.exchanges.paper.markets import Fees
from orderwright.exchanges.paper.matching import Execution, Settlement, crosses, reducible, share_of_lock
from orderwright.exchanges.paper.profiles import StopStyle
from orderwright.exchanges.paper.records import PaperOrder, PaperPosition, Trade
from orderwright.exchanges.paper.words import Objection
from orderwright.moments import Micros


class MatchingEngine:
    """Trades at one price per symbol at a time. Not thread-safe; every call needs an open transaction of the books.

    A market order, or a stop that becomes one, takes what the price offers, and its rest ends: as on Binance, where it
    "was canceled according to the order type's rules". What is left of a limit order stays at its limit, as a maker.
    """

    def __init__(
        self, books: Ledger, funds: Funds, *, markets: Markets, fees: Fees, depth: Mapping[str, Decimal]
    ) -> None:
        self._books = books
        self._funds = funds
        self._markets = markets
        self._fees = fees
        self._depth = Depth(depth)
        self.ladder = Ladder(books.all_open_orders())

    def offer(self, depth: Mapping[str, Decimal]) -> None:
        """Offer these amounts per second from now on, see `Conditions`."""
        self._depth = Depth(depth)

    def match(self, symbol: str, price: Decimal, *, now: Micros) -> None:
        """Let `price` do its work: resting orders that it crosses fill at their own limits, stops are triggered."""
        for number in self.ladder.reached(symbol, price):
            order = self._books.order(number)
            if order.is_waiting:
                self._trigger(order, price, now)
            else:
                self._fill(order, order.price or price, level=price, is_maker=True, now=now)

    def await_trigger(self, entered: PaperOrder, *, now: Micros) -> PaperOrder | Objection:
        """Let a new stop wait for its price, with its funds held where the account's exchange does that."""
        if self._style(entered) is StopStyle.HELD:
            lock = self._funds.needed(entered, entered.price or entered.stop_price or ZERO, now=now)
            if isinstance(lock, Objection):
                return lock
            entered = replace(entered, locked_currency=lock[0], locked=lock[1])
        placed = self._books.add_order(entered)
        self._funds.hold(placed)
        self.ladder.add(placed)
        return placed

    def take(self, entered: PaperOrder, price: Decimal, *, now: Micros) -> PaperOrder | Objection:
        """Let a new order trade at `price` as far as it can, and rest if it may."""
        crossing = entered.price is None or crosses(entered.side, entered.price, price)
        lock = self._funds.needed(entered, price if crossing else entered.price or price, now=now)
        if isinstance(lock, Objection):
            return lock
        placed = self._books.add_order(replace(entered, locked_currency=lock[0], locked=lock[1]))
        self._funds.hold(placed)
        return self._work(placed, price, now)

    def end(self, order: PaperOrder, status: OrderStatus, *, now: Micros) -> PaperOrder:
        """End an open order, and the stop that it trades for."""
        self.ladder.remove(order)
        self._funds.release(order)
        ended = replace(order, status=status, locked=ZERO, changed_at=now)
        self._books.update_order(ended)
        if ended.parent is not None:
            self._books.update_order(replace(self._books.order(ended.parent), status=status, changed_at=now))
        return ended

    def _work(self, order: PaperOrder, price: Decimal, now: Micros) -> PaperOrder:
        if order.price is None or crosses(order.side, order.price, price):
            order = self._fill(order, price, level=price, is_maker=False, now=now)
            if order.is_open and order.price is None:
                return self.end(order, self._funds.profile(order.account).market_rest, now=now)
        if order.is_open:
            self.ladder.add(order)
        return order

    def _trigger(self, stop: PaperOrder, price: Decimal, now: Micros) -> None:
        self.ladder.remove(stop)
        triggered = replace(stop, triggered_at=now, changed_at=now)
        if self._style(stop) is StopStyle.CHILD:
            child = self.take(_child_of(stop, now), price, now=now)
            if isinstance(child, PaperOrder):
                status = OrderStatus.TRIGGERED if child.is_open else child.status
                self._books.update_order(replace(triggered, status=status, child=child.number))
            else:
                self._books.update_order(replace(triggered, status=OrderStatus.REJECTED))
            return
        crossing = stop.price is None or crosses(stop.side, stop.price, price)
        lock = self._funds.needed(stop, price if crossing else stop.price or price, now=now)
        if isinstance(lock, Objection):
            # What it needs is no longer there: funds, or the position that it was to reduce.
            self.end(triggered, OrderStatus.REJECTED, now=now)
            return
        self._funds.release(stop)
        working = replace(triggered, locked_currency=lock[0], locked=lock[1])
        self._funds.hold(working)
        self._books.update_order(working)
        self._work(working, price, now)

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
        return self.end(order, OrderStatus.CANCELLED if order.remaining else self._done(order), now=now)

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
        moved = self._funds.settle(order, execution, position)
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
        return self._funds.profile(order.account).market_buy_end if is_market_buy else OrderStatus.FILLED

    def _style(self, stop: PaperOrder) -> StopStyle:
        # An account can have come under another profile since the stop was taken.
        return self._funds.profile(stop.account).stops.get(stop.market_type, StopStyle.KEPT)


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
