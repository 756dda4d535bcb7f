"""Events to append and to replay: what the core decides for a row of market orders that fill at once."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.instruments import Instruments, MarketType, Quote
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import ExchangeOrder, LeverageAnswered, Placed, PlacementAnswered
from orderwright.engine.signals import AUTOMATIC_PRIORITY, Instruction, OrderType, Side
from orderwright.engine.strategy_account.commands import AdoptTerms, ExecuteSignal, Message
from orderwright.engine.strategy_account.decide import decide
from orderwright.engine.strategy_account.events import Event, FillRecorded, OrderRequested, Terms
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.state import Context, Identity, Market, Rules, State
from orderwright.exchanges.paper.answers import PAPER_TRAITS
from orderwright.exchanges.paper.markets import Venue
from orderwright.moments import SECOND, Micros

NAME = "strategy-account/bench@A"

_BEGIN = Micros(1_700_000_000 * SECOND)
_SYMBOL = "BTC/USDT"
_PRICE = Decimal(60_000)
_AMOUNT = Decimal("0.01")
_INSTRUMENTS = Instruments(market for market in Venue().markets if market.market_type is MarketType.FUTURES)
_TERMS = AdoptTerms(
    terms=Terms(
        market_type=MarketType.FUTURES,
        leverage=Decimal(2),
        weight=Decimal(1),
        capital={"USDT": Decimal(100_000_000)},
    )
)
_LEVERAGE = LeverageAnswered(symbol=_SYMBOL, leverage=Decimal(2))


def fill(number: int, at: Micros) -> FillRecorded:
    """Return a fill of an order of its own, as a strategy account appends it."""
    return FillRecorded(
        at=at,
        order_id=OrderId(f"q2fmq00001xj22qh8vsbx8b{number:09}"),
        symbol=_SYMBOL,
        side=_side(number),
        fill=_fill(number, at),
    )


def history(signals: int) -> Iterator[Event]:
    """Yield the events of a strategy account that carried out that many signals, buying and selling in turn."""
    state, events = _opened()
    yield from events
    for number in range(1, signals + 1):
        state, events = _carried_out(state, _signal(number), number)
        yield from events


def round_trip(number: int) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Return the events of a buy (with that odd number) and of the sell after it, which leave nothing behind."""
    state, _ = _opened()
    state, bought = _carried_out(state, _signal(number), number)
    _, sold = _carried_out(state, _signal(number + 1), number + 1)
    return tuple(bought), tuple(sold)


def _opened() -> tuple[State, list[Event]]:
    state, adopted = _carried_out(State(), _TERMS, 0)
    # Nothing is folded differently for it, and the library's aggregate does without.
    state, _ = _carried_out(state, _LEVERAGE, 0)
    return state, adopted


def _carried_out(state: State, message: Message, number: int) -> tuple[State, list[Event]]:
    waiting, decided = [message], list[Event]()
    while waiting:
        events = decide(state, waiting.pop(), _context(Micros(_BEGIN + number * SECOND)))
        state = evolve_all(state, events)
        decided += events
        waiting += [
            PlacementAnswered(order_id=event.order_id, result=Placed(order=_filled(number, event.order_id)))
            for event in events
            if isinstance(event, OrderRequested)
        ]
    return state, decided


def _signal(number: int) -> ExecuteSignal:
    instruction = Instruction(
        leg=0,
        order_type=OrderType.MARKET,
        priority=AUTOMATIC_PRIORITY[OrderType.MARKET],
        symbol=_SYMBOL,
        side=_side(number),
        qty=_AMOUNT,
    )
    return ExecuteSignal(
        signal_id=SignalId(UUID(int=number)),
        sequence=number,
        born_at=Micros(_BEGIN + number * SECOND),
        instructions=(instruction,),
    )


def _context(now: Micros) -> Context:
    quote = Quote(symbol=_SYMBOL, price=_PRICE, at=now)
    return Context(
        now=now,
        identity=Identity(name=NAME, number=1, salt="bench"),
        rules=Rules(),
        market=Market(instruments=_INSTRUMENTS, quotes={_SYMBOL: quote}, traits=PAPER_TRAITS),
    )


def _filled(number: int, order_id: OrderId) -> ExchangeOrder:
    return ExchangeOrder(
        client_order_id=order_id,
        exchange_order_id=str(number),
        symbol=_SYMBOL,
        side=_side(number),
        amount=_AMOUNT,
        status=OrderStatus.FILLED,
        filled=_AMOUNT,
        fills=(_fill(number, Micros(_BEGIN + number * SECOND)),),
    )


def _fill(number: int, at: Micros) -> Fill:
    return Fill(
        trade_id=str(number),
        amount=_AMOUNT,
        price=_PRICE + number % 100,
        fee=Decimal("0.6"),
        fee_currency="USDT",
        at=at,
    )


def _side(number: int) -> Side:
    return Side.BUY if number % 2 else Side.SELL
