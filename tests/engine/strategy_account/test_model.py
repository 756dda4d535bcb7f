"""Whatever calls, lost answers, looks, fills, cancels and restarts there are, the log comes to say what happened."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.orders import Purpose
from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    FetchQuote,
    LeverageAnswered,
    LookUpOrder,
    OrderSeen,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    SetLeverage,
)
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.strategy_account.commands import Recover
from orderwright.engine.strategy_account.decide import decide
from orderwright.engine.strategy_account.events import (
    Event,
    FillRecorded,
    OrderAccepted,
    OrderClosed,
    OrderNeverPlaced,
    OrderRejected,
    OrderRequested,
    SignalAccepted,
    SignalEnded,
)
from orderwright.engine.strategy_account.evolve import evolve, evolve_all
from orderwright.engine.strategy_account.exposure import free_capital
from orderwright.engine.strategy_account.state import State
from orderwright.engine.traits import Traits
from tests.engine.given import (
    StrategyAccountUnderTest,
    cancel_orders,
    instruction,
    liquidate,
    market,
    modestly,
    pause,
    resume,
)
from tests.engine.strategy_account.model_exchange import Booked, Fate, ModelExchange

SYMBOLS = ("BTC/USDT", "ETH/USDT")

sides = st.sampled_from(Side)
symbols = st.sampled_from([*SYMBOLS, "BTCUSDT"])
prices = st.sampled_from(["90", "99.96", "110"])
entries = st.builds(
    lambda side, symbol, percent, price: instruction(
        OrderType.MARKET if price is None else OrderType.LIMIT, symbol, side, qty_per=percent, price=price
    ),
    sides,
    symbols,
    st.sampled_from(["5", "30", "100"]),
    st.none() | prices,
)
closes = st.builds(
    lambda symbol, percent, price: instruction(
        OrderType.MARKET if price is None else OrderType.LIMIT, symbol, qty_per=percent, price=price
    ),
    symbols,
    st.sampled_from(["-40", "-100"]),
    st.none() | prices,
)
stops = st.builds(
    lambda side, symbol, percent, price: instruction(
        OrderType.STOP_MARKET if price is None else OrderType.STOP_LIMIT,
        symbol,
        None if percent.startswith("-") else side,
        qty_per=percent,
        price=price,
        stop_price="95",
    ),
    sides,
    symbols,
    st.sampled_from(["10", "-50", "-100"]),
    st.none() | prices,
)
cancels = st.builds(
    lambda symbol, side: instruction(OrderType.CANCEL_ALL_ORDER, symbol, side), st.none() | symbols, st.none() | sides
)
signals = st.lists(st.one_of(entries, entries, closes, stops, cancels), min_size=1, max_size=4)

fates = st.sampled_from([*[Fate.ANSWERED] * 4, *Fate])
numbers = st.integers(0, 9)
VALUES: dict[str, st.SearchStrategy[object]] = {
    "signal": signals,
    "call": st.tuples(numbers, fates),
    "hear": numbers,
    "trade": st.tuples(numbers, st.sampled_from(["0.5", "1000000"])),
    "poll": numbers,
    "wait": st.sampled_from([1, 4, 20]),
    "operate": st.sampled_from(["pause", "resume", "resume", "cancel", "liquidate"]),
    "crash": fates,
}
OFTEN = ["call", "call", "hear", "hear", "signal", "signal", "trade", "poll", "wait"]
actions = st.sampled_from([*OFTEN * 3, "operate", "crash"]).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
stories = st.lists(actions, min_size=8, max_size=40)


class Play:
    """A strategy account and its exchange, with answers on their way in between."""

    def __init__(self, kind: MarketType, instrument: Instrument) -> None:
        other = market(SYMBOLS[1], kind)
        self.account = StrategyAccountUnderTest(
            kind, capital="10000", leverage="3", markets=(instrument, other), traits=Traits(native_stops=True)
        )
        self.instruments = {instrument.symbol: instrument, other.symbol: other}
        self.exchange = ModelExchange(Decimal(100))
        self.on_the_way: list[Outcome] = []
        self.under_way: set[tuple[str, str]] = set()
        self.sent: set[str] = set()
        self._commands = 0

    def act(self, action: str, value: object) -> None:
        match action, value:
            case "signal", list(items):
                self.told(self.account.signal, *items)
            case "call", (int(number), Fate() as fate):
                self.call(number, fate)
            case "hear", int(number):
                self.hear(number)
            case "trade", (int(number), str(amount)):
                if resting := self.exchange.open():
                    self.exchange.trade(resting[number % len(resting)], Decimal(amount))
            case "poll", int(number):
                if known := list(self.exchange.books.values()):
                    self.look(known[number % len(known)])
            case "wait", int(seconds):
                self.told(self.account.later, seconds)
            case "operate", str(what):
                self.operate(what)
            case "crash", Fate() as fate:
                self.crash(fate)

    def told(self, tell: Callable[..., list[Event]], *arguments: object) -> None:
        before = self.account.state
        self.check(before, tell(*arguments))

    def owed(self) -> list[Effect]:
        return [effect for effect in self.account.owes() if self.may_call(effect)]

    def may_call(self, effect: Effect) -> bool:
        if isinstance(effect, PlaceOrder) and effect.order_id in self.sent:
            return False
        return key_of(effect) not in self.under_way

    def call(self, number: int, fate: Fate) -> None:
        owed = self.owed()
        if not owed:
            return
        effect = owed[number % len(owed)]
        if isinstance(effect, PlaceOrder):
            self.sent.add(effect.order_id)
        self.under_way.add(key_of(effect))
        self.on_the_way.append(self.exchange.call(effect, fate, self.account.now))

    def hear(self, number: int) -> None:
        if not self.on_the_way:
            return
        outcome = self.on_the_way.pop(number % len(self.on_the_way))
        self.under_way.discard(key_of(outcome))
        self.told(self.account.when, outcome)
        assert decide(self.account.state, outcome, self.account.context) == [], "heard twice, counted twice"

    def operate(self, what: str) -> None:
        self._commands += 1
        number = 1000 + self._commands
        commands = {
            "pause": pause(),
            "resume": resume(),
            "cancel": cancel_orders(number),
            "liquidate": liquidate(number),
        }
        self.told(self.account.when, commands[what])

    def crash(self, fate: Fate) -> None:
        """Lose every answer on its way; what was asked for and not sent may have been sent or not."""
        self.on_the_way.clear()
        self.under_way.clear()
        for effect in self.owed():
            if isinstance(effect, PlaceOrder):
                self.sent.add(effect.order_id)
                self.exchange.call(effect, fate, self.account.now)
        self.account.state = evolve_all(State(), self.account.log)
        self.told(self.account.when, Recover())

    def settle(self) -> None:
        """Let faults stop and everything come to rest."""
        for _ in range(400):
            if self.on_the_way:
                self.hear(0)
            elif self.owed():
                self.call(0, Fate.ANSWERED)
                self.told(self.account.later, 1)
            elif self.account.state.queue or self.account.state.operations or self.account.state.liquidation:
                self.told(self.account.later, 1)
            else:
                return
        pytest.fail(f"never comes to rest: {self.account.state} owes {self.account.owes()}")

    def look(self, booked: Booked) -> None:
        """Have a poll or a stream show an order."""
        now = self.account.now
        self.told(self.account.when, OrderSeen(order_id=booked.order_id, asked_at=now, result=booked.shown()))

    def check(self, state: State, events: list[Event]) -> None:
        put_off = {event.order_id for event in events if isinstance(event, OrderRejected) and is_put_off(event)}
        for event in events:
            if isinstance(event, OrderRequested) and event.order_id not in put_off:
                self.check_request(state, event)
            state = evolve(state, event)
            if isinstance(event, OrderClosed):
                booked = self.exchange.books[event.order_id]
                assert event.filled == booked.filled, "closed before all was booked"
                assert booked.status is event.status
            elif isinstance(event, OrderNeverPlaced | OrderRejected):
                assert event.order_id not in self.exchange.books, "it was placed"
            elif isinstance(event, OrderAccepted):
                assert event.order_id in self.exchange.books
        assert self.account.state == state

    def check_request(self, state: State, request: OrderRequested) -> None:
        instrument = self.instruments[request.symbol]
        assert Fraction(request.amount) % Fraction(instrument.step) == 0
        assert request.amount >= instrument.min_amount
        assert request.price is None or Fraction(request.price) % Fraction(instrument.tick) == 0
        held = state.position(request.symbol).quantity
        resting = state.resting(request.symbol, request.side)
        if request.purpose is Purpose.CLOSE:
            assert request.side is (Side.SELL if held > 0 else Side.BUY)
            assert request.amount + resting <= abs(held)
        elif instrument.market_type is MarketType.SPOT and request.side is Side.SELL:
            assert request.amount + resting <= held
        elif abs(held + request.side.sign * (resting + request.amount)) > abs(held):
            assert state.pause is None
            assert state.liquidation is None
            after = evolve(state, request)
            assert free_capital(after, instrument, self.account.context.market) >= 0


def key_of(item: Effect | Outcome) -> tuple[str, str]:
    match item:
        case PlaceOrder() | PlacementAnswered():
            return "place", item.order_id
        case CancelOrder() | CancelAnswered():
            return "cancel", item.order_id
        case LookUpOrder() | OrderSeen():
            return "look", item.order_id
        case FetchQuote() | QuoteAnswered():
            return "quote", item.symbol
        case SetLeverage() | LeverageAnswered():
            return "leverage", item.symbol


def is_put_off(rejected: OrderRejected) -> bool:
    # A close for all that it is to close waits for cancels; what goes out then is checked like any other.
    return rejected.code == "cancel_unsettled" and rejected.again_at is not None


def booked_once(play: Play) -> None:
    recorded = Counter(event.fill.trade_id for event in play.account.log if isinstance(event, FillRecorded))
    assert recorded == Counter(fill.trade_id for booked in play.exchange.books.values() for fill in booked.fills)
    for symbol in SYMBOLS:
        traded = sum(
            (
                Fraction(booked.filled) * booked.side.sign
                for booked in play.exchange.books.values()
                if booked.symbol == symbol
            ),
            Fraction(0),
        )
        assert Fraction(play.account.holds(symbol)) == traded


def nothing_is_left_over(play: Play) -> None:
    account = play.account
    assert {order.order_id for order in account.orders} == {booked.order_id for booked in play.exchange.open()}
    assert not any(order.in_doubt for order in account.orders)
    accepted = [event.signal_id for event in account.log if isinstance(event, SignalAccepted)]
    assert [
        event.signal_id for event in account.log if isinstance(event, SignalEnded) and event.signal_id.int < 1000
    ] == accepted
    requested = [event for event in account.log if isinstance(event, OrderRequested)]
    assert len({(event.signal_id, event.leg, event.attempt) for event in requested}) == len(requested)
    put_off = {event.order_id for event in account.log if isinstance(event, OrderRejected) and is_put_off(event)}
    assert {event.replaces for event in requested if event.attempt > 1} <= put_off
    assert evolve_all(State(), account.log) == account.state


@pytest.mark.parametrize("kind", [MarketType.SPOT, MarketType.FUTURES])
@given(story=stories, step=st.sampled_from(["0.001", "0.03", "1"]), least=st.sampled_from(["0.001", "2"]))
@modestly(15)
def test_however_it_goes_the_log_comes_to_say_what_the_exchange_did(
    kind: MarketType, story: list[tuple[str, object]], step: str, least: str
) -> None:
    play = Play(kind, market(SYMBOLS[0], kind, step=step, min_amount=least))
    for action, value in story:
        play.act(action, value)
    play.settle()
    for order in play.account.orders:
        play.look(play.exchange.books[order.order_id])
    play.settle()
    booked_once(play)
    nothing_is_left_over(play)
