"""The port on real threads: who hears what, and what a dead or a stale incarnation may no longer do."""

import queue
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest

from orderwright.actors.asks import Asks
from orderwright.actors.env import Env, Room
from orderwright.actors.messages import (
    NOBODY,
    Address,
    AppendEnded,
    Called,
    Connected,
    Loaded,
    Mail,
    Recalled,
    Start,
    Stopped,
    Tick,
    Wake,
    address,
)
from orderwright.actors.pykka_env import PykkaEnv
from orderwright.actors.supervisor import SUPERVISOR
from orderwright.clock import SystemClock
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import (
    CancelAnswered,
    CancelOrder,
    Effect,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    Refused,
    Unclear,
)
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.traits import Traits
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import Append, Appended, AppendFailed, NewEvent
from orderwright.exchanges.gateway import ExchangeUnavailable, Gateway
from orderwright.marketdata.board import Board
from orderwright.moments import SECOND, Micros

ME = address("strategy-account/test1@A1", 1)
PATIENCE = 5.0


class AgingLog(MemoryLog):
    """A log whose generation grows when the test says so, as it does when a database refuses a batch."""

    age = 0
    is_held = True

    @property
    def generation(self) -> int:
        return self.age

    @property
    def holds_lease(self) -> bool:
        return self.is_held


class Listener:
    """A room that passes on what it hears, and breaks when told to connect."""

    def __init__(self, heard: "queue.SimpleQueue[Mail]") -> None:
        self._heard = heard

    def handle(self, mail: Mail) -> None:
        self._heard.put(mail)
        if isinstance(mail, Tick) and mail.reason == "break":
            message = "told to"
            raise RuntimeError(message)


class Unanswering:
    """An exchange that leaves everything unclear at once."""

    traits = Traits()

    def __init__(self) -> None:
        self.asked: list[Effect] = []

    def open(self) -> None:
        """Connect at once."""

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        self.asked.append(effect)
        assert isinstance(effect, PlaceOrder)
        done(PlacementAnswered(order_id=effect.order_id, result=Unclear(reason="nobody knows")))


class Hanging(Unanswering):
    """An exchange to which nobody gets through before the end of the test."""

    def __init__(self, until: threading.Event) -> None:
        super().__init__()
        self._until = until

    def open(self) -> None:
        self._until.wait(PATIENCE)
        message = "no answer"
        raise ExchangeUnavailable(message)


class Stage:
    """A port, its log, and what the actor and the supervisor hear."""

    def __init__(self) -> None:
        self.log = AgingLog(SystemClock())
        self.exchange = Unanswering()
        self.is_over = threading.Event()
        self.heard: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self.told_supervisor: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self.env = PykkaEnv(
            clock=SystemClock(),
            reader=self.log,
            writer=self.log,
            gateway=self._gateway,
            board=Board(),
            asks=Asks(),
            make_room=self._room,
        )
        self.env.open_mailbox(Listener(self.told_supervisor), SUPERVISOR)
        self.env.spawn("strategy-account/test1@A1", ME)
        assert isinstance(self.heard.get(timeout=PATIENCE), Start)

    def _gateway(self, account: str) -> Gateway:
        return cast("Gateway", Hanging(self.is_over) if account.startswith("dead") else self.exchange)

    def _room(self, _name: str, _at: Address, _env: Env) -> Room:
        return Listener(self.heard)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.is_over.set()
    stage.env.close()


def append() -> Append:
    cause = UUID(int=1)
    event = NewEvent(
        event_id=UUID(int=2), type="happened", schema_version=1, payload="{}", causation=cause, correlation=cause
    )
    return Append(stream="strategy-account/test1@A1", expected_version=0, events=(event,))


def order(*, valid_until: int, raises_exposure: bool = True) -> PlaceOrder:
    return PlaceOrder(
        order_id=OrderId("x" * 32),
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        amount=Decimal(1),
        price=None,
        reduce_only=False,
        raises_exposure=raises_exposure,
        valid_until=Micros(valid_until),
        deadline=Micros(valid_until),
    )


@pytest.mark.parametrize("raises_exposure", [True, False])
def test_an_engine_whose_lease_is_in_doubt_sends_no_order(stage: Stage, *, raises_exposure: bool) -> None:
    stage.log.is_held = False
    effect = order(valid_until=SystemClock().now() + 10 * SECOND, raises_exposure=raises_exposure)

    stage.env.call("A1", effect, ME)

    called = stage.heard.get(timeout=PATIENCE)
    assert isinstance(called, Called)
    assert isinstance(called.outcome, PlacementAnswered)
    assert isinstance(called.outcome.result, Refused)
    assert stage.exchange.asked == []


def test_an_engine_whose_lease_is_in_doubt_sends_no_cancel(stage: Stage) -> None:
    stage.log.is_held = False
    deadline = Micros(SystemClock().now() + 10 * SECOND)
    cancel = CancelOrder(
        order_id=OrderId("x" * 32), symbol="BTC/USDT", exchange_order_id=None, attempt=3, deadline=deadline
    )

    stage.env.call("A1", cancel, ME)

    called = stage.heard.get(timeout=PATIENCE)
    assert isinstance(called, Called)
    assert isinstance(called.outcome, CancelAnswered)
    assert isinstance(called.outcome.result, Unclear)
    assert called.outcome.attempt == 3
    assert stage.exchange.asked == []


def test_an_append_ends_as_a_message(stage: Stage) -> None:
    assert stage.env.append(append(), 7, ME)
    ended = stage.heard.get(timeout=PATIENCE)
    assert isinstance(ended, AppendEnded)
    assert (ended.ticket, type(ended.outcome)) == (7, Appended)


def test_an_incarnation_older_than_a_failed_append_learns_at_once_that_it_writes_no_more(stage: Stage) -> None:
    stage.log.age += 1
    assert not stage.env.append(append(), 7, ME)
    ended = stage.heard.get(timeout=PATIENCE)
    assert isinstance(ended, AppendEnded)
    assert isinstance(ended.outcome, AppendFailed)
    assert stage.log.head_position() == 0


def test_a_closed_log_is_told_and_nothing_is_taken(stage: Stage) -> None:
    stage.log.close()
    assert not stage.env.append(append(), 7, ME)
    ended = stage.heard.get(timeout=PATIENCE)
    assert isinstance(ended, AppendEnded)
    assert isinstance(ended.outcome, AppendFailed)


def test_what_is_told_to_a_dead_incarnation_is_dropped(stage: Stage) -> None:
    stage.env.stop(ME, "enough")
    assert stage.told_supervisor.get(timeout=PATIENCE) == Stopped(at=ME, reason="enough")
    stage.env.tell(Tick(reason="late"), ME)
    stage.env.stop(ME, "once more")
    stage.env.tell(Wake(name="x", ask=NOBODY), SUPERVISOR)
    assert isinstance(stage.told_supervisor.get(timeout=PATIENCE), Wake)
    assert stage.heard.empty()


def test_the_supervisor_hears_of_a_room_that_broke(stage: Stage) -> None:
    stage.env.tell(Tick(reason="break"), ME)
    stopped = stage.told_supervisor.get(timeout=PATIENCE)
    assert isinstance(stopped, Stopped)
    assert (stopped.at, "RuntimeError" in stopped.reason) == (ME, True)


def test_a_stream_is_loaded_as_it_stands(stage: Stage) -> None:
    stage.env.append(append(), 1, ME)
    stage.env.load("strategy-account/test1@A1", ME)
    stage.heard.get(timeout=PATIENCE)
    loaded = stage.heard.get(timeout=PATIENCE)
    assert isinstance(loaded, Loaded)
    assert [event.version for event in loaded.events] == [1]


def test_a_timer_is_heard_after_its_delay(stage: Stage) -> None:
    stage.env.after(SECOND // 100, Tick(reason="now"), ME)
    assert stage.heard.get(timeout=PATIENCE) == Tick(reason="now")


def test_an_order_past_its_time_is_not_sent(stage: Stage) -> None:
    stage.env.call("A1", order(valid_until=stage.env.now() - 1), ME)
    called = stage.heard.get(timeout=PATIENCE)
    assert isinstance(called, Called)
    assert isinstance(called.outcome, PlacementAnswered)
    assert isinstance(called.outcome.result, Refused)
    assert called.outcome.result.code == "not_placed"
    assert stage.exchange.asked == []


def test_a_closed_gate_stops_what_raises_a_position_and_nothing_else(stage: Stage) -> None:
    later = stage.env.now() + 60 * SECOND
    stage.env.gate.settle("strategy-account/test1@A1", is_paused=True)
    stage.env.call("A1", order(valid_until=later), ME)
    called = stage.heard.get(timeout=PATIENCE)
    assert isinstance(called, Called)
    assert isinstance(called.outcome, PlacementAnswered)
    assert isinstance(called.outcome.result, Refused)
    assert called.outcome.result.code == "paused"

    stage.env.call("A1", order(valid_until=later, raises_exposure=False), ME)
    stage.heard.get(timeout=PATIENCE)
    stage.env.gate.settle("strategy-account/test1@A1", is_paused=False)
    stage.env.call("A1", order(valid_until=later), ME)
    stage.heard.get(timeout=PATIENCE)
    assert len(stage.exchange.asked) == 2


def test_accounts_whose_exchanges_hang_hold_up_neither_another_nor_what_is_asked_of_the_log(stage: Stage) -> None:
    for number in range(30):
        stage.env.connect(f"dead{number}", ME)
    stage.env.recall("strategy-account/test1@A1", OrderId("o1"), ME)
    assert stage.heard.get(timeout=PATIENCE) == Recalled(order_id=OrderId("o1"), events=())
    stage.env.connect("A1", ME)
    assert stage.heard.get(timeout=PATIENCE / 2) == Connected()
