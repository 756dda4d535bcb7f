"""How actors on real threads end: in order, with nothing lost, and with a complaint about who does not."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import cast
from uuid import UUID

import pytest

from orderwright.actors.asks import Ask, Asks
from orderwright.actors.env import Env, Room
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    Address,
    AppendEnded,
    Deliver,
    Describe,
    Mail,
    Overloaded,
    Rest,
    Start,
    Stopped,
    Tick,
    Unavailable,
    address,
)
from orderwright.actors.pykka_env import PykkaEnv
from orderwright.actors.supervisor import SUPERVISOR
from orderwright.clock import Clock, SystemClock
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import ANY_VERSION, Append, AppendOutcome, NewEvent
from orderwright.exchanges.gateway import Gateway
from orderwright.marketdata.board import Board
from tests.actors.orders import submit

NAMES = ("exchange-account/A1", "strategy-account/test1@A1", "inbox/test1")
PATIENCE = 5.0

Heard = tuple[str, Mail]


class Recorder:
    """A room that writes down what it hears; `stuck` holds it up, `break` breaks it."""

    def __init__(self, name: str, heard: "queue.SimpleQueue[Heard]", go_on: threading.Event) -> None:
        self._name = name
        self._heard = heard
        self._go_on = go_on

    def handle(self, mail: Mail) -> None:
        self._heard.put((self._name, mail))
        match mail:
            case Tick(reason="stuck"):
                self._go_on.wait(PATIENCE)
            case Tick(reason="break"):
                message = "told to"
                raise RuntimeError(message)


class SlowLog(MemoryLog):
    """A log whose appends take a while."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._under_way: list[threading.Timer] = []

    def append(self, append: Append, done: Callable[[AppendOutcome], None], *, generation: int | None = None) -> None:
        writing = threading.Timer(0.1, super().append, [append, done], {"generation": generation})
        self._under_way.append(writing)
        writing.start()

    def wait_settled(self, timeout: float) -> bool:
        for writing in self._under_way:
            writing.join(timeout)
        return True


class Stage:
    """An engine's worth of rooms that do nothing."""

    def __init__(self) -> None:
        log = SlowLog(SystemClock())
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self.go_on = threading.Event()
        self.asks = Asks()
        self.env = PykkaEnv(
            clock=SystemClock(),
            reader=log,
            writer=log,
            gateway=cast("Callable[[str], Gateway]", None),
            board=Board(),
            asks=self.asks,
            make_room=self._room,
            limits=Limits(mailbox=2),
        )
        self.env.open_mailbox(Recorder("supervisor", self.heard, self.go_on), SUPERVISOR)
        for name in NAMES:
            self.env.spawn(name, address(name, 1))
            assert self.next() == (name, Start())

    def _room(self, name: str, _at: Address, _env: Env) -> Room:
        return Recorder(name, self.heard, self.go_on)

    def next(self) -> Heard:
        return self.heard.get(timeout=PATIENCE)

    def hold_up(self, at: Address) -> None:
        self.env.tell(Tick(reason="stuck"), at)
        assert self.next()[1] == Tick(reason="stuck")

    def describe(self) -> tuple[Ask, Describe]:
        ask = self.asks.open(expected=1)
        return ask, Describe(ask=ask.id)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.go_on.set()
    stage.env.close()


ACCOUNT = address(NAMES[1], 1)
INBOX = address(NAMES[2], 1)


def test_everything_ends_in_the_reverse_of_the_order_in_which_it_came_up(stage: Stage) -> None:
    assert all(stage.env.is_alive(at) for at in (ACCOUNT, INBOX, SUPERVISOR))
    assert stage.env.close() == ()
    ended = []
    while not stage.heard.empty():
        ended.append(stage.next())
    assert ended == [(NAMES[2], Rest()), (NAMES[1], Rest())]
    assert not any(stage.env.is_alive(at) for at in (ACCOUNT, INBOX, SUPERVISOR))
    assert stage.env.threads_left() == ()


def test_what_an_actor_was_told_before_the_end_is_dealt_with(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    stage.env.tell(Tick(reason="last"), ACCOUNT)
    closing = threading.Timer(0.05, stage.go_on.set)
    closing.start()
    assert stage.env.close() == ()
    closing.join()
    heard = []
    while not stage.heard.empty():
        heard.append(stage.next())
    assert [mail for name, mail in heard if name == NAMES[1]] == [Tick(reason="last"), Rest()]


def test_what_an_actor_had_written_last_is_told_to_it_before_the_end(stage: Stage) -> None:
    one = UUID(int=1)
    new = NewEvent(event_id=one, type="t", schema_version=1, payload="{}", causation=one, correlation=one)
    batch = Append(stream=NAMES[2], expected_version=ANY_VERSION, events=(new,), attention=False)
    assert stage.env.append(batch, 7, INBOX)
    stage.env.close()
    name, mail = stage.next()
    assert (name, isinstance(mail, AppendEnded)) == (NAMES[2], True)
    assert stage.next() == (NAMES[2], Rest())


def test_whoever_hangs_is_seen_by_name_in_a_dump_and_holds_up_nobody(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    stage.hold_up(INBOX)
    stage.env.tell(Tick(reason="next"), SUPERVISOR)
    assert stage.next() == ("supervisor", Tick(reason="next"))
    assert {ACCOUNT, INBOX} <= {thread.name for thread in threading.enumerate()}


def test_whoever_does_not_end_is_named_and_the_others_end(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    assert stage.env.close(within=0.2) == (ACCOUNT,)
    assert not stage.env.is_alive(INBOX)


def test_however_much_comes_after_the_end_it_is_one(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    seat = stage.env._seats[ACCOUNT]
    seat.end()
    for _ in range(40):
        stage.env.tell(Tick(reason="late"), ACCOUNT)
    stage.go_on.set()
    assert seat.join(PATIENCE)


def test_nobody_comes_to_life_once_everything_is_to_end(stage: Stage) -> None:
    stage.env.close()
    stage.env.spawn("inbox/late", address("inbox/late", 1))
    assert not stage.env.is_alive(address("inbox/late", 1))


def test_one_command_too_many_is_answered_at_once(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    for _ in range(2):
        stage.env.tell(stage.describe()[1], ACCOUNT)
    ask, question = stage.describe()
    stage.env.tell(question, ACCOUNT)
    (reply,) = ask.replies
    assert isinstance(reply, Unavailable)
    assert reply.name == NAMES[1]


def test_one_signal_too_many_is_answered_overloaded_at_once(stage: Stage) -> None:
    stage.hold_up(INBOX)
    for _ in range(2):
        stage.env.tell(stage.describe()[1], INBOX)
    ask = stage.asks.open(expected=0)
    stage.env.tell(submit(1, ask=ask.id), INBOX)
    assert ask.verdict == Overloaded()


def test_a_command_for_an_incarnation_that_is_gone_goes_to_the_supervisor(stage: Stage) -> None:
    stage.env.stop(ACCOUNT, "")
    assert stage.next() == ("supervisor", Stopped(at=ACCOUNT, reason=""))
    question = stage.describe()[1]
    stage.env.tell(Tick(reason="late"), ACCOUNT)
    stage.env.tell(question, ACCOUNT)
    assert stage.next() == ("supervisor", Deliver(name=NAMES[1], mail=question))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_commands_behind_one_that_broke_the_actor_go_to_the_supervisor_in_their_order(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    questions = [stage.describe()[1] for _ in range(2)]
    stage.env.tell(Tick(reason="break"), ACCOUNT)
    for question in questions:
        stage.env.tell(question, ACCOUNT)
    stage.go_on.set()
    assert stage.next() == (NAMES[1], Tick(reason="break"))
    assert stage.next() == ("supervisor", Stopped(at=ACCOUNT, reason="RuntimeError"))
    for question in questions:
        assert stage.next() == ("supervisor", Deliver(name=NAMES[1], mail=question))


def test_what_an_actor_gives_back_goes_before_what_it_had_not_read(stage: Stage) -> None:
    stage.hold_up(ACCOUNT)
    first, second = stage.describe()[1], stage.describe()[1]
    stage.env.tell(second, ACCOUNT)
    stage.env.stop(ACCOUNT, "enough", [Tick(reason="not a command"), first])
    assert stage.next() == ("supervisor", Stopped(at=ACCOUNT, reason="enough"))
    delivered = [stage.next()[1] for _ in range(2)]
    assert delivered == [Deliver(name=NAMES[1], mail=first), Deliver(name=NAMES[1], mail=second)]
