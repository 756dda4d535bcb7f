"""Answers about orders that have ended: what they tell of more fills is never lost, whenever they come."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.actors.messages import OrdersShown, Start, Tick
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.ids import OrderId
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    CancelOrder,
    ExchangeOrder,
    LookUpOrder,
    NotFound,
    Placed,
    PlacementAnswered,
    PlaceOrder,
)
from orderwright.engine.signals import Instruction, OrderType
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, limit_buy, seen, shown, stranger
from tests.actors.scripted_env import BTC, ME, NAME, NOON, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers

CANCEL_ALL = Instruction(leg=0, order_type=OrderType.CANCEL_ALL_ORDER, priority=2, symbol=BTC)


class Stage:
    def __init__(self) -> None:
        self.env = ScriptedEnv()
        directory = ScriptedDirectory(self.env)
        self.account = StrategyAccount(env=self.env, me=ME, supervisor=SUPERVISOR, directory=directory)
        self.account.handle(Start())
        self.account.handle(self.env.loaded(NAME))
        self.env.commit_all(self.account)
        self._signals = 0

    def signal(self, instruction: Instruction) -> None:
        self._signals += 1
        self.account.handle(execute(self._signals, instruction))
        self.env.commit_all(self.account)

    def placed(self) -> PlaceOrder:
        """Place an order that rests."""
        self.signal(limit_buy(qty="0.01"))
        effect = self.env.calls[-1][1]
        answers([accepted(effect)], self.account)
        self.env.commit_all(self.account)
        assert isinstance(effect, PlaceOrder)
        return effect

    def trade(self) -> None:
        """Have an order filled at once."""
        self.signal(limit_buy(qty="0.01"))
        effect = self.env.calls[-1][1]
        assert isinstance(effect, PlaceOrder)
        answers([PlacementAnswered(order_id=effect.order_id, result=Placed(order=filled(effect)))], self.account)
        self.env.commit_all(self.account)

    def end_while_a_look_is_under_way(self) -> PlaceOrder:
        """Have an order cancelled, unfilled as far as the cancel tells, before a poll's look at it has answered."""
        order = self.placed()
        self.account.handle(Tick(reason="poll"))
        assert isinstance(self.env.calls[-1][1], LookUpOrder)
        self.signal(CANCEL_ALL)
        (cancel,) = self.env.effects(CancelOrder)
        assert isinstance(cancel, CancelOrder)
        cancelled = Cancelled(order=shown(order, status=OrderStatus.CANCELLED))
        answers([CancelAnswered(order_id=cancel.order_id, result=cancelled)], self.account)
        self.env.commit_all(self.account)
        return order


@pytest.fixture
def stage() -> Stage:
    return Stage()


def filled(order: PlaceOrder) -> ExchangeOrder:
    fill = Fill(trade_id="t1", amount=order.amount, price=Decimal(99_000), fee=Decimal(0), fee_currency="USDT", at=NOON)
    return shown(order, status=OrderStatus.FILLED, fills=(fill,))


def test_fills_that_an_answer_tells_of_after_many_other_orders_ended_are_booked(stage: Stage) -> None:
    order = stage.end_while_a_look_is_under_way()
    for _ in range(40):
        stage.trade()
    written = len(stage.env.written())

    answers([seen(order.order_id, filled(order))], stage.account)

    stage.account.handle(stage.env.recalled())
    stage.env.commit_all(stage.account)
    assert stage.env.written()[written:] == ["order_surfaced", "trading_paused", "fill_recorded", "order_closed"]


def test_an_answer_that_tells_what_was_booked_before_asks_nothing_of_the_log(stage: Stage) -> None:
    order = stage.end_while_a_look_is_under_way()
    answers([seen(order.order_id, shown(order, status=OrderStatus.CANCELLED))], stage.account)
    assert stage.env.recalls == []


def test_an_answer_about_an_order_that_nothing_is_remembered_of_asks_the_log(stage: Stage) -> None:
    order = stage.end_while_a_look_is_under_way()
    answers([seen(order.order_id, NotFound())], stage.account)
    answers([seen(order.order_id, filled(order))], stage.account)
    assert [order_id for _stream, order_id, _to in stage.env.recalls] == [order.order_id]


def test_an_answer_that_shows_an_order_of_somebody_else_is_not_believed(stage: Stage) -> None:
    order = stage.end_while_a_look_is_under_way()
    answers([seen(order.order_id, replace(filled(order), client_order_id="somebody else's"))], stage.account)
    assert stage.env.recalls == []


def test_a_log_that_cannot_be_read_is_asked_again(stage: Stage) -> None:
    stage.env.clock = Micros(NOON + 60 * SECOND)
    order = stranger()
    stage.account.handle(OrdersShown(orders=(order,), asked_at=stage.env.clock))
    answers([seen(order.client_order_id, order, asked_at=stage.env.clock)], stage.account)
    stage.account.handle(replace(stage.env.recalled(), events=None))
    assert (stage.env.appends, len(stage.env.recalls)) == ([], 1)
    delay, tick = stage.env.timers[-1]
    assert (delay, tick) == (5 * SECOND, Tick(reason=f"recall {order.client_order_id}"))

    stage.account.handle(tick)

    assert [order_id for _stream, order_id, _to in stage.env.recalls] == [OrderId(order.client_order_id)] * 2
    stage.account.handle(stage.env.recalled())
    stage.env.commit_all(stage.account)
    assert stage.env.written()[-2:] == ["order_surfaced", "trading_paused"]
