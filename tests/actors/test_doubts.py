"""The alarms of orders: what is given up without anybody waiting for it is said aloud."""

import pytest
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.doubts import Doubts
from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.outcomes import Refused
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.state import State
from orderwright.moments import SECOND
from tests.actors.scripted_env import NAME, ScriptedEnv
from tests.engine.given import StrategyAccountUnderTest, buy, cancel_all, close

LATER = Refused(code="exchange_unreachable", error="connection refused", again_after=0)
NEVER = Refused(code="exchange_rejected", error="no such thing", again_after=None)


class Alarmed(StrategyAccountUnderTest):
    """A strategy account whose alarms ring at `env`'s noticeboard."""

    def __init__(self) -> None:
        super().__init__()
        self.env = ScriptedEnv()
        self._doubts = Doubts(self.env, NAME, 60 * SECOND)
        self._noted: tuple[State, int] = (self.state, len(self.log))

    def alarms(self) -> list[tuple[AlarmKind, str, bool]]:
        """Take in what has happened since; return kind, order and whether it is over, of every alarm."""
        before, known = self._noted
        events: list[Event] = self.log[known:]
        self._doubts.note(events, before, self.state)
        self._noted = (self.state, len(self.log))
        return [(alarm.kind, alarm.what, alarm.cleared is not None) for alarm in self.env.noticeboard.alarms.listed()]


@pytest.fixture
def account() -> Alarmed:
    return Alarmed()


def waiting(account: Alarmed) -> Order:
    """Give it a resting order whose cancel has waited for longer than its sender."""
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, LATER)
    account.later(10)
    assert account.state.queue == ()
    return order


def test_a_cancel_that_is_given_up_rings_until_the_order_has_ended(account: Alarmed) -> None:
    order = waiting(account)
    assert account.alarms() == []
    account.cancel_answered(order.order_id, NEVER)
    assert account.alarms() == [(AlarmKind.NOT_CANCELLED, order.order_id, False)]
    account.seen(order, OrderStatus.EXPIRED)
    assert account.alarms() == [(AlarmKind.NOT_CANCELLED, order.order_id, True)]


def test_a_cancel_whose_sender_still_waits_does_not_ring(account: Alarmed) -> None:
    order = account.rests(buy(qty="1", price="80"))
    account.signal(cancel_all())
    account.cancel_answered(order.order_id, LATER)
    account.later(1)
    account.alarms()
    account.cancel_answered(order.order_id, NEVER)
    assert account.alarms() == []


def test_a_close_that_is_given_up_rings(account: Alarmed) -> None:
    account.bought("2")
    account.signal(close(), age=3_599)
    order = account.order
    account.alarms()
    account.refused(order, "exchange_unreachable", again_after=0)
    account.later(5)
    assert account.alarms() == [(AlarmKind.NOT_PLACED, order.order_id, False)]


def test_a_close_of_what_is_gone_meanwhile_does_not_ring(account: Alarmed) -> None:
    account.bought("2")
    account.signal(close())
    account.refused(account.order, "exchange_unreachable", again_after=0)
    account.alarms()
    account.state = replace(account.state, positions={})
    account.later(5)
    assert account.alarms() == []
    assert not account.state.has_unfinished_business
