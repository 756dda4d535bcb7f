"""A small honest exchange with books of its own; whatever goes wrong on the way to it is the wire's doing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.instruments import Instrument, MarketType, Quote
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    CancelOrder,
    Effect,
    ExchangeOrder,
    FetchQuote,
    LeverageAnswered,
    LookUpOrder,
    NotFound,
    OrderSeen,
    Outcome,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    SetLeverage,
    Unclear,
)
from orderwright.engine.signals import Side
from orderwright.engine.traits import ClientIdRule, Traits
from orderwright.moments import SECOND, Micros
from tests.simulation.booked_order import OPEN, BookedOrder
from tests.simulation.world import World

FEE_RATE = Decimal("0.001")


class Received(Struct, frozen=True, kw_only=True):
    """A command that reached the exchange, carried out or not; `sent_at` is the moment its sender put on it."""

    step: int
    sent_at: Micros
    account: str
    kind: str
    client_order_id: str
    exchange_order_id: str | None
    was_done: bool


class SimExchange:
    """Accounts, orders, fills and positions; prices move when told to.

    It shows an order by its promised lag less `margin`, which is left for clocks that are apart.
    """

    def __init__(
        self,
        world: World,
        *,
        instruments: Iterable[Instrument],
        prices: dict[str, Decimal],
        traits: Traits,
        partial_fills: float = 0,
        stops_keep_their_id: bool = False,
        lies: float = 0,
        held: Mapping[tuple[str, str], Decimal] | None = None,
        margin: int = 0,
        client_id: re.Pattern[str] | None = None,
    ) -> None:
        self._world = world
        self.instruments = {instrument.symbol: instrument for instrument in instruments}
        self.prices = dict(prices)
        self._delisted: set[str] = set()
        self.traits = traits
        self._partial_fills = partial_fills
        self._lies = lies
        self._margin = margin
        self._client_id = client_id
        self._used_up: set[tuple[str, str]] = set()
        self._stops_keep_their_id = stops_keep_their_id
        self._ids = count(1)
        self._parents: dict[str, str] = {}
        self.orders: dict[str, BookedOrder] = {}
        self.journal: list[Received] = []
        self.leverages: dict[tuple[str, str], Decimal] = {}
        self.positions: dict[tuple[str, str], Decimal] = dict(held or {})

    def arrive(
        self,
        account: str,
        effect: Effect,
        *,
        sent_at: Micros,
        asked_at: Micros,
        stale: int,
        hidden: bool,
        fills_lag: int,
    ) -> Outcome:
        """Carry out a command or a query that has reached the exchange; `asked_at` is `sent_at` by the sender's clock.

        A query is answered from a copy of the books that is `stale` microseconds old.
        """
        match effect:
            case PlaceOrder():
                result = self._place(account, effect, sent_at=sent_at, hidden=hidden, fills_lag=fills_lag)
                return PlacementAnswered(order_id=effect.order_id, result=result)
            case CancelOrder():
                return CancelAnswered(order_id=effect.order_id, result=self._cancel(account, effect, sent_at))
            case LookUpOrder():
                seen = self._look(account, effect, stale)
                return OrderSeen(order_id=effect.order_id, asked_at=asked_at, result=seen)
            case SetLeverage(symbol=symbol, leverage=leverage):
                self.leverages[account, symbol] = leverage
                return LeverageAnswered(symbol=symbol, leverage=leverage)
            case FetchQuote(symbol=symbol):
                return QuoteAnswered(symbol=symbol, result=self._quote(symbol))

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Let the price move; resting orders that it crosses fill."""
        self.prices[symbol] = price
        for order in list(self.orders.values()):
            if order.is_open and order.symbol == symbol:
                self._work(order)

    @property
    def listed(self) -> tuple[Instrument, ...]:
        """The markets that there are now."""
        return tuple(one for symbol, one in self.instruments.items() if symbol not in self._delisted)

    def delist(self, symbol: str) -> None:
        """Drop a market, and cancel what is open there."""
        self._delisted.add(symbol)
        for order in self.orders.values():
            if order.is_open and order.symbol == symbol:
                order.status = OrderStatus.CANCELLED
                order.remember(self._world.now())

    def open_orders(self, account: str, *, stale: int = 0) -> tuple[ExchangeOrder, ...]:
        """Return what the account has open, as far as it is visible, from a copy that is so old."""
        return tuple(self._open_orders(account, stale))

    def _open_orders(self, account: str, stale: int) -> Iterator[ExchangeOrder]:
        now = self._world.now()
        for order in self.orders.values():
            if order.account != account or not order.is_known(now):
                continue
            if not stale:
                if order.is_open:
                    yield order.shown_at_work(now)
                continue
            look = order.as_of(now - stale, is_overdue=now >= order.overdue_from)
            if look is not None and look.status in OPEN:
                yield order.shown_at_work(now, look)

    def _place(
        self, account: str, effect: PlaceOrder, *, sent_at: Micros, hidden: bool, fills_lag: int
    ) -> Placed | Refused | Unclear:
        refusal = self._refusal(account, effect)
        order = BookedOrder(
            effect, account=account, exchange_order_id=f"x{next(self._ids)}", knows_stops=self.traits.native_stops
        )
        self._write_down(
            Received(
                step=self._world.step,
                sent_at=sent_at,
                account=account,
                kind="place",
                client_order_id=order.client_order_id,
                exchange_order_id=order.exchange_order_id,
                was_done=refusal is None,
            )
        )
        if refusal is not None:
            return refusal
        self.orders[order.exchange_order_id] = order
        order.leverage = self.leverages.get((account, effect.symbol))
        order.fills_lag = fills_lag
        order.tells_trades = self.traits.tells_trades
        now = self._world.now()
        order.overdue_from = effect.valid_until + self.traits.lag - self._margin
        if hidden:
            order.visible_from = min(now + self._world.rng.randrange(8 * SECOND), order.overdue_from)
        order.remember(now)
        self._work(order)
        if self._lies and self._world.chance(self._lies):
            return Refused(code="exchange_rejected", error="not taken, it says")
        told = order.shown(now)
        if not self.traits.tells_at_once:
            told = replace(told, status=OrderStatus.NEW, filled=Decimal(0), fills=(), child_exchange_order_id=None)
        return Placed(order=told)

    def _refusal(self, account: str, effect: PlaceOrder) -> Refused | Unclear | None:
        rule = self.traits.client_id_unique
        if self._client_id is not None and not self._client_id.fullmatch(effect.order_id):
            return Refused(code="exchange_rejected", error="not a client order id")
        if effect.symbol in self._delisted:
            return Refused(code="exchange_rejected", error="no such market")
        if (account, effect.order_id) in self._used_up:
            return Unclear(reason="duplicate client order id")
        if rule is ClientIdRule.CONSUMED_ON_FAILURE:
            self._used_up.add((account, effect.order_id))
        for order in self.orders.values():
            same = order.account == account and order.client_order_id == effect.order_id
            if same and (rule is not ClientIdRule.OPEN_ONLY or order.is_open):
                return Unclear(reason="duplicate client order id")
        if effect.stop_price is not None and self._is_reached(effect.side, effect.symbol, effect.stop_price):
            return Refused(code="exchange_rejected", error="the stop would trigger at once")
        if self.traits.request_expiry and self._world.now() > effect.valid_until:
            return Refused(code="expired", error="the request has expired", again_after=0)
        if effect.reduce_only:
            held = self.positions.get((account, effect.symbol), Decimal(0))
            if effect.amount > -held * effect.side.sign:
                return Refused(code="exchange_rejected", error="reduce-only would not reduce")
        return None

    def _cancel(self, account: str, effect: CancelOrder, sent_at: Micros) -> Cancelled | NotFound:
        order = self._find(account, effect.exchange_order_id, effect.order_id)
        is_named = effect.exchange_order_id in (None, *(() if order is None else (order.working_id,)))
        # A cancel knows a triggered stop only by what trades for it.
        is_done = order is not None and order.is_open and is_named and (effect.exchange_order_id or not order.child)
        self._write_down(
            Received(
                step=self._world.step,
                sent_at=sent_at,
                account=account,
                kind="cancel",
                client_order_id=effect.order_id if order is None else order.client_order_id,
                exchange_order_id=effect.exchange_order_id if order is None else order.exchange_order_id,
                was_done=bool(is_done),
            )
        )
        if order is None or not is_done:
            return NotFound()
        order.status = OrderStatus.CANCELLED
        order.remember(self._world.now())
        return Cancelled(
            order=order.shown_at_work(self._world.now())
            if self.traits.tells_at_once and self._world.chance(0.5)
            else None
        )

    def _look(self, account: str, effect: LookUpOrder, stale: int) -> ExchangeOrder | NotFound | Unclear:
        if effect.exchange_order_id is None and not self.traits.lookup_by_client_id:
            return Unclear(reason="this exchange cannot be asked by client order id")
        order = self._find(account, effect.exchange_order_id, effect.order_id)
        if order is None:
            return NotFound()
        now = self._world.now()
        if not stale:
            return order.shown(now)
        look = order.as_of(now - stale, is_overdue=now >= order.overdue_from)
        return NotFound() if look is None else order.shown(now, look)

    def _find(self, account: str, exchange_order_id: str | None, client_order_id: str) -> BookedOrder | None:
        now = self._world.now()
        if exchange_order_id is not None:
            order = self.orders.get(self._parents.get(exchange_order_id, exchange_order_id))
            return order if order is not None and order.account == account and order.is_known(now) else None
        for order in self.orders.values():
            if order.account == account and order.client_order_id == client_order_id and order.is_known(now):
                return order
        return None

    def _quote(self, symbol: str) -> Quote | Unclear:
        price = self.prices.get(symbol)
        if price is None:
            return Unclear(reason=f"no market {symbol}")
        return Quote(symbol=symbol, price=price, at=self._world.now())

    def _work(self, order: BookedOrder) -> None:
        if order.is_waiting and order.stop_price is not None:
            if not self._is_reached(order.side, order.symbol, order.stop_price):
                return
            order.is_waiting = False
            if not self._stops_keep_their_id:
                order.child = f"c{next(self._ids)}"
                self._parents[order.child] = order.exchange_order_id
            order.remember(self._world.now())
        if self._crosses(order):
            self._trade(order)

    def _is_reached(self, side: Side, symbol: str, stop_price: Decimal) -> bool:
        price = self.prices[symbol]
        return price >= stop_price if side is Side.BUY else price <= stop_price

    def _crosses(self, order: BookedOrder) -> bool:
        if order.price is None:
            return True
        price = self.prices[order.symbol]
        return price <= order.price if order.side is Side.BUY else price >= order.price

    def _trade(self, order: BookedOrder) -> None:
        if not order.is_open:
            return
        left = order.amount - order.filled
        step = self.instruments[order.symbol].step
        half = (left / 2 // step) * step
        if half and self._world.chance(self._partial_fills):
            self._fill(order, half)
            delay = self._world.rng.randrange(20 * SECOND)
            self._world.at(self._world.now() + delay, lambda: self._trade(order))
        else:
            self._fill(order, left)

    def _fill(self, order: BookedOrder, amount: Decimal) -> None:
        price = order.price or self.prices[order.symbol]
        instrument = self.instruments[order.symbol]
        takes_base = instrument.market_type is MarketType.SPOT and order.side is Side.BUY
        fill = Fill(
            # Exchanges number trades per order, per market or per account: the least unique of them is the hardest.
            trade_id=f"t{len(order.fills) + 1}",
            amount=amount,
            price=price,
            fee=amount * FEE_RATE if takes_base else amount * price * FEE_RATE,
            fee_currency=instrument.base if takes_base else instrument.quote,
            at=self._world.now(),
        )
        order.fills.append(fill)
        order.filled += amount
        order.status = OrderStatus.FILLED if order.filled == order.amount else OrderStatus.PARTIALLY_FILLED
        order.remember(self._world.now())
        key = (order.account, order.symbol)
        change = amount * order.side.sign - (fill.fee if takes_base else 0)
        self.positions[key] = self.positions.get(key, Decimal(0)) + change

    def _write_down(self, received: Received) -> None:
        self.journal.append(received)
        if self._world.is_traced:
            self._world.note("exchange", str(received))
