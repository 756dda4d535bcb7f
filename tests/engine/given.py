"""Builders for given/when/then: a strategy account that is told things, and the small things it is told."""

import os
from decimal import Decimal
from uuid import UUID

from hypothesis import settings
from msgspec.structs import replace

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.instruments import Instrument, Instruments, MarketType, Quote
from orderwright.engine.orders import Fill, Order, OrderStatus
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    Effect,
    ExchangeOrder,
    LookUpOrder,
    NotFound,
    OrderSeen,
    Placed,
    PlacementAnswered,
    QuoteAnswered,
    Refused,
    Unclear,
)
from orderwright.engine.signals import AUTOMATIC_PRIORITY, Instruction, OrderType, Side
from orderwright.engine.strategy_account.commands import (
    AdoptTerms,
    CancelOrders,
    ExecuteSignal,
    LiquidatePositions,
    Message,
    PauseTrading,
    ResumeTrading,
    TimePassed,
)
from orderwright.engine.strategy_account.decide import decide
from orderwright.engine.strategy_account.effects import outstanding
from orderwright.engine.strategy_account.events import Event, LegRefused, OrderRequested, Terms
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.reconcile import sighting
from orderwright.engine.strategy_account.results import LegResult
from orderwright.engine.strategy_account.state import Context, Identity, Market, Rules, Sighting, State
from orderwright.engine.traits import Traits
from orderwright.moments import SECOND, Micros

START = Micros(1_800_000_000 * SECOND)


def modestly(examples: int) -> settings:
    """Return settings for that many examples, times PROPERTY_EFFORT for a long look."""
    effort = int(os.environ.get("PROPERTY_EFFORT", "1"))
    return settings(max_examples=examples * effort, deadline=None)


def market(
    symbol: str = "BTC/USDT",
    kind: MarketType = MarketType.FUTURES,
    *,
    step: str = "0.001",
    tick: str = "0.1",
    min_amount: str = "0.001",
    min_notional: str = "5",
) -> Instrument:
    base, _, quote = symbol.partition("/")
    return Instrument(
        symbol=symbol,
        market_type=kind,
        base=base,
        quote=quote or "KRW",
        step=Decimal(step),
        tick=Decimal(tick),
        min_amount=Decimal(min_amount),
        min_notional=Decimal(min_notional),
    )


def decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def instruction(
    order_type: OrderType,
    symbol: str | None = "BTC/USDT",
    side: Side | None = None,
    *,
    qty_per: str | None = None,
    qty: str | None = None,
    price: str | None = None,
    stop_price: str | None = None,
    ref: str | None = None,
    order_id: str | None = None,
    priority: int | None = None,
    expires_at: Micros | None = None,
) -> Instruction:
    return Instruction(
        leg=0,
        order_type=order_type,
        priority=AUTOMATIC_PRIORITY[order_type] if priority is None else priority,
        symbol=symbol,
        side=side,
        price=decimal(price),
        stop_price=decimal(stop_price),
        qty_per=decimal(qty_per),
        qty=decimal(qty),
        ref=ref,
        order_id=order_id,
        expires_at=expires_at,
    )


def buy(
    qty_per: str | None = None,
    *,
    qty: str | None = None,
    price: str | None = None,
    symbol: str = "BTC/USDT",
    ref: str | None = None,
    priority: int | None = None,
) -> Instruction:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return instruction(kind, symbol, Side.BUY, qty_per=qty_per, qty=qty, price=price, ref=ref, priority=priority)


def sell(
    qty_per: str | None = None,
    *,
    qty: str | None = None,
    price: str | None = None,
    symbol: str = "BTC/USDT",
    ref: str | None = None,
    priority: int | None = None,
) -> Instruction:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return instruction(kind, symbol, Side.SELL, qty_per=qty_per, qty=qty, price=price, ref=ref, priority=priority)


def close(
    percent: str = "100",
    *,
    side: Side | None = None,
    price: str | None = None,
    symbol: str = "BTC/USDT",
    priority: int | None = None,
) -> Instruction:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    return instruction(kind, symbol, side, qty_per="-" + percent, price=price, priority=priority)


def cancel(*, order_id: str | None = None, ref: str | None = None, priority: int | None = None) -> Instruction:
    return instruction(OrderType.CANCEL, None, order_id=order_id, ref=ref, priority=priority)


def cancel_all(*, symbol: str | None = None, side: Side | None = None, priority: int | None = None) -> Instruction:
    return instruction(OrderType.CANCEL_ALL_ORDER, symbol, side, priority=priority)


def numbered(number: int) -> SignalId:
    return SignalId(UUID(int=number))


def a_fill(
    trade_id: str, amount: str | Decimal, price: str | Decimal, *, fee: str = "0", fee_currency: str = "USDT"
) -> Fill:
    return Fill(
        trade_id=trade_id,
        amount=Decimal(amount),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_currency=fee_currency,
        at=START,
    )


def shown(
    order: Order,
    status: OrderStatus = OrderStatus.NEW,
    *fills: Fill,
    filled: str | None = None,
    child: str | None = None,
) -> ExchangeOrder:
    """Return the order as its exchange shows it; `filled` where that is not the sum of the fills told of.

    `child` is the exchange's id of what trades for a triggered stop.
    """
    return ExchangeOrder(
        client_order_id=order.order_id,
        exchange_order_id=f"x-{order.order_id}",
        symbol=order.symbol,
        side=order.side,
        amount=order.amount,
        status=status,
        filled=sum((fill.amount for fill in fills), Decimal(0)) if filled is None else Decimal(filled),
        fills=fills,
        child_exchange_order_id=child,
    )


class StrategyAccountUnderTest:
    """Holds a state and a clock, decides and evolves like the actor, and remembers every event."""

    def __init__(
        self,
        kind: MarketType = MarketType.FUTURES,
        *,
        capital: str = "10000",
        leverage: str = "1",
        price: str | None = "100",
        markets: tuple[Instrument, ...] | None = None,
        max_positions: int | None = None,
        close_side: str = "strict",
        traits: Traits | None = None,
        shares_account: bool = False,
        exposed_elsewhere: frozenset[str] = frozenset(),
    ) -> None:
        self.now = START
        self.state = State()
        self.log: list[Event] = []
        self.instruments: Instruments | None = Instruments(markets or (market(kind=kind), market("ETH/USDT", kind)))
        self.quotes: dict[str, Quote] = {}
        self.traits = traits or Traits()
        self.rules = Rules()
        self.shares_account = shares_account
        self.exposed_elsewhere = exposed_elsewhere
        self.is_reconciled = True
        self.halted = ""
        self.is_sealed = False
        self.sightings: dict[OrderId, Sighting] = {}
        self._sequence = 0
        self._trade = 0
        for instrument in self.instruments:
            if price is not None:
                self.price(instrument.symbol, price)
        quotes = {instrument.quote for instrument in self.instruments}
        terms = Terms(
            market_type=kind,
            leverage=Decimal(leverage),
            weight=Decimal(1),
            capital={quote: Decimal(capital) for quote in quotes},
            max_positions=max_positions,
            close_side=close_side,
        )
        self.when(AdoptTerms(terms=terms))

    @property
    def context(self) -> Context:
        return Context(
            now=self.now,
            identity=Identity(name="strategy-account/s@a", number=7, salt="salt5"),
            rules=self.rules,
            market=Market(instruments=self.instruments, quotes=self.quotes, traits=self.traits),
            shares_account=self.shares_account,
            exposed_elsewhere=self.exposed_elsewhere,
            halted=self.halted,
            is_sealed=self.is_sealed,
            is_reconciled=self.is_reconciled,
            sightings=self.sightings,
        )

    @property
    def orders(self) -> list[Order]:
        return list(self.state.orders.values())

    @property
    def order(self) -> Order:
        """The only unfinished order."""
        (order,) = self.orders
        return order

    def price(self, symbol: str, price: str) -> None:
        self.quotes = {**self.quotes, symbol: Quote(symbol=symbol, price=Decimal(price), at=self.now)}

    def later(self, seconds: float) -> list[Event]:
        """Let time pass, with every price as it was, and say so."""
        self.now = Micros(self.now + int(seconds * SECOND))
        for quote in self.quotes.values():
            self.price(quote.symbol, str(quote.price))
        return self.when(TimePassed())

    def when(self, message: Message) -> list[Event]:
        seen = sighting(message) if isinstance(message, OrderSeen) else None
        if isinstance(message, OrderSeen) and seen is not None:
            self.sightings[message.order_id] = seen
        events = decide(self.state, message, self.context)
        self.state = evolve_all(self.state, events)
        self.log.extend(events)
        return events

    def signal(self, *instructions: Instruction, age: float = 0) -> list[Event]:
        """Execute the next signal of the strategy, sent `age` seconds ago."""
        self._sequence += 1
        return self.when(signal(self._sequence, *instructions, born_at=Micros(self.now - int(age * SECOND))))

    def placed(self, order: Order, status: OrderStatus = OrderStatus.NEW, *fills: Fill) -> list[Event]:
        """Answer a placement with yes."""
        return self.when(PlacementAnswered(order_id=order.order_id, result=Placed(order=shown(order, status, *fills))))

    def filled(self, order: Order, *, price: str = "100", fee: str = "0", fee_currency: str = "USDT") -> list[Event]:
        """Answer a placement, or show an order, as filled in full."""
        self._trade += 1
        fill = a_fill(f"t{self._trade}", order.remaining, price, fee=fee, fee_currency=fee_currency)
        return self.seen(order, OrderStatus.FILLED, fill, filled=str(order.amount))

    def refused(self, order: Order, code: str = "exchange_rejected", *, again_after: int | None = None) -> list[Event]:
        result = Refused(code=code, error="no", again_after=again_after)
        return self.when(PlacementAnswered(order_id=order.order_id, result=result))

    def unclear(self, order: Order) -> list[Event]:
        return self.when(PlacementAnswered(order_id=order.order_id, result=Unclear(reason="time-out")))

    def seen(
        self,
        order: Order,
        status: OrderStatus = OrderStatus.NEW,
        *fills: Fill,
        filled: str | None = None,
        child: str | None = None,
    ) -> list[Event]:
        result = shown(order, status, *fills, filled=filled, child=child)
        return self.when(OrderSeen(order_id=order.order_id, asked_at=self.now, result=result))

    def missed(self, order: Order) -> list[Event]:
        return self.when(OrderSeen(order_id=order.order_id, asked_at=self.now, result=NotFound()))

    def nothing_new(self) -> list[Event]:
        """Answer every look that is owed now: the exchange knows what is known, or nothing of a doubtful order."""
        events: list[Event] = []
        for effect in self.owes():
            if not isinstance(effect, LookUpOrder):
                continue
            order = self.state.orders[effect.order_id]
            if order.placement_in_doubt:
                events += self.missed(order)
            else:
                fills = [a_fill(order.trade_ids[0], order.filled, order.reference_price)] if order.filled else []
                events += self.seen(order, OrderStatus.NEW, *fills)
        return events

    def never_placed(self, order: Order) -> list[Event]:
        """Let two late looks miss an order in doubt; return what the second one brings about."""
        self.now = max(self.now, Micros(order.valid_until + self.traits.lag))
        self.later(1)
        self.missed(order)
        self.later(1)
        return self.missed(order)

    def cancelled(self, order: Order, *fills: Fill) -> list[Event]:
        result = Cancelled(order=shown(order, OrderStatus.CANCELLED, *fills))
        return self.when(CancelAnswered(order_id=order.order_id, result=result))

    def cancel_answered(self, order_id: OrderId, result: Cancelled | Refused | NotFound | Unclear) -> list[Event]:
        return self.when(CancelAnswered(order_id=order_id, result=result))

    def priced(self, symbol: str, price: str | None) -> list[Event]:
        """Answer a question for a price; None: nobody knows."""
        result = (
            Unclear(reason="time-out") if price is None else Quote(symbol=symbol, price=Decimal(price), at=self.now)
        )
        return self.when(QuoteAnswered(symbol=symbol, result=result))

    def owes(self) -> list[Effect]:
        return outstanding(self.state, self.context)

    def holds(self, symbol: str = "BTC/USDT") -> Decimal:
        return self.state.position(symbol).quantity

    def bought(
        self, qty: str, *, price: str = "100", symbol: str = "BTC/USDT", fee: str = "0", fee_currency: str = "USDT"
    ) -> None:
        """Give it a long position by a trade."""
        self.signal(buy(qty=qty, symbol=symbol))
        self.filled(self.orders[-1], price=price, fee=fee, fee_currency=fee_currency)

    def sold(self, qty: str, *, price: str = "100", symbol: str = "BTC/USDT") -> None:
        """Give it a short position, or take from a long one, by a trade."""
        self.signal(sell(qty=qty, symbol=symbol))
        self.filled(self.orders[-1], price=price)

    def rests(self, *instructions: Instruction) -> Order:
        """Give it an accepted order from a signal of its own."""
        known = set(self.state.orders)
        self.signal(*instructions)
        order = next(order for order in self.orders if order.order_id not in known)
        self.placed(order)
        return self.state.orders[order.order_id]


def signal(sequence: int, *instructions: Instruction, born_at: Micros = START) -> ExecuteSignal:
    """Return the command for the signal that is stored as the `sequence`-th, legs numbered as they stand."""
    return ExecuteSignal(
        signal_id=numbered(sequence),
        sequence=sequence,
        born_at=born_at,
        instructions=tuple(replace(item, leg=leg) for leg, item in enumerate(instructions)),
    )


def cancel_orders(number: int, *, symbol: str | None = None, side: Side | None = None) -> CancelOrders:
    return CancelOrders(command_id=numbered(number), by="olga", why="news", symbol=symbol, side=side)


def liquidate(number: int) -> LiquidatePositions:
    return LiquidatePositions(command_id=numbered(number), by="olga", why="news")


def pause() -> PauseTrading:
    return PauseTrading(by="olga", why="news")


def resume() -> ResumeTrading:
    return ResumeTrading(by="olga", why="over")


def requests(events: list[Event]) -> list[OrderRequested]:
    return [event for event in events if isinstance(event, OrderRequested)]


def refusals(events: list[Event]) -> list[str]:
    """Return the codes of the legs refused."""
    return [event.code for event in events if isinstance(event, LegRefused)]


def kinds(events: list[Event]) -> list[str]:
    """Return what the events are, by name."""
    return [type(event).__name__ for event in events]


def results(state: State) -> list[LegResult]:
    """Return how the running signal's legs stand."""
    return [leg.result for leg in state.queue[0].legs]
