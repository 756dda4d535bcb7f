"""How a halt waits for what is on its way to an exchange, and for nothing else."""

import threading

import pytest

from orderwright.actors.wire import Trip, Wire
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import CancelOrder
from orderwright.moments import Micros

PATIENCE = 5.0


@pytest.fixture
def wire() -> Wire:
    return Wire()


def cancel(order_id: str) -> CancelOrder:
    return CancelOrder(
        order_id=OrderId(order_id), symbol="BTC/USDT", exchange_order_id=None, attempt=1, deadline=Micros(0)
    )


def anybody(_name: str) -> bool:
    return True


def test_an_empty_wire_is_clear_at_once(wire: Wire) -> None:
    assert wire.wait_clear(anybody, 0) == ()


def test_what_is_not_answered_in_time_is_told(wire: Wire) -> None:
    wire.begin("one", cancel("o1"))
    answered = wire.begin("one", cancel("o2"))
    wire.end(answered)
    assert wire.wait_clear(anybody, 0.01) == (Trip(name="one", order_id=OrderId("o1")),)


def test_others_are_not_waited_for(wire: Wire) -> None:
    wire.begin("one", cancel("o1"))
    assert wire.wait_clear(lambda name: name == "two", PATIENCE) == ()


def test_waiting_ends_with_the_last_answer_whatever_leaves_meanwhile(wire: Wire) -> None:
    tickets = [wire.begin("one", cancel(order_id)) for order_id in ("o1", "o2")]

    def answer() -> None:
        wire.begin("one", cancel("o3"))
        for ticket in tickets:
            wire.end(ticket)

    timer = threading.Timer(0.05, answer)
    timer.start()
    assert wire.wait_clear(anybody, PATIENCE) == ()
    timer.join()
