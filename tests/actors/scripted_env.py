"""A port that writes down what actors ask of it; the test decides what comes back, and when."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from orderwright.actors.env import Profile, Room
from orderwright.actors.gate import Gate
from orderwright.actors.messages import (
    Address,
    AppendEnded,
    AskId,
    Called,
    Loaded,
    Mail,
    Recalled,
    Reply,
    Tick,
    address,
    strategy_account_name,
)
from orderwright.actors.noticeboard import Noticeboard
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import Instrument, Instruments, MarketType, Quote
from orderwright.engine.outcomes import Effect, Outcome
from orderwright.engine.strategy_account.events import Terms
from orderwright.engine.strategy_account.state import Identity, Market, Rules
from orderwright.engine.traits import Traits
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.snapshots import Taken
from orderwright.eventstore.store import Append, AppendFailed, AppendOutcome
from orderwright.moments import SECOND, Micros

NOON = Micros(1_750_000_000 * SECOND)
BTC = "BTC/USDT"
SUPERVISOR = Address("supervisor#1")
NAME = strategy_account_name("test1", "A1")
ME = address(NAME, 1)
INBOX = Address("inbox/test1#1")


class ScriptedEnv:
    """Implements `Env`; every list has what was asked for, in order."""

    def __init__(self) -> None:
        self.clock = NOON
        self.log = MemoryLog(self)
        self.takes_appends = True
        self.told: list[tuple[Mail, Address]] = []
        self.loads: list[tuple[str, Address]] = []
        self.appends: list[tuple[Append, int]] = []
        self.calls: list[tuple[str, Effect]] = []
        self.connects: list[str] = []
        self.surveys: list[str] = []
        self.timers: list[tuple[int, Mail]] = []
        self.replies: list[tuple[AskId, Reply]] = []
        self.spawned: list[Address] = []
        self.stopped: list[tuple[Address, str]] = []
        self.given_back: list[Mail] = []
        self.recalls: list[tuple[str, OrderId, Address]] = []
        self.saved: list[Taken[Any]] = []
        self.noticeboard = Noticeboard(self)
        self.gate = Gate()

    def now(self) -> Micros:
        return self.clock

    def tell(self, message: Mail, to: Address) -> None:
        self.told.append((message, to))

    def load(self, stream: str, to: Address) -> None:
        self.loads.append((stream, to))

    def recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        self.recalls.append((stream, order_id, to))

    def save(self, taken: Taken[Any]) -> None:
        self.saved.append(taken)

    def append(self, append: Append, ticket: int, to: Address) -> bool:
        del to
        if self.takes_appends:
            self.appends.append((append, ticket))
        return self.takes_appends

    def call(self, account: str, effect: Effect, to: Address) -> None:
        del to
        self.calls.append((account, effect))

    def connect(self, account: str, to: Address) -> None:
        del to
        self.connects.append(account)

    def survey(self, account: str, to: Address) -> None:
        del to
        self.surveys.append(account)

    def after(self, delay: int, message: Mail, to: Address) -> None:
        del to
        self.timers.append((delay, message))

    def reply(self, ask: AskId, reply: Reply) -> None:
        self.replies.append((ask, reply))

    def spawn(self, name: str, at: Address) -> None:
        del name
        self.spawned.append(at)

    def stop(self, at: Address, reason: str, left: Sequence[Mail] = ()) -> None:
        self.stopped.append((at, reason))
        self.given_back.extend(left)

    def commit(self, room: Room) -> None:
        """Let the oldest append become durable, and tell the room."""
        append, ticket = self.appends.pop(0)
        outcomes: list[AppendOutcome] = []
        self.log.append(append, outcomes.append)
        room.handle(AppendEnded(ticket=ticket, outcome=outcomes[0]))
        self.hear(room)

    def hear(self, room: Room) -> None:
        """Let a room hear what it told itself."""
        while to_itself := [entry for entry in self.told if isinstance(entry[0], Tick)]:
            self.told.remove(to_itself[0])
            room.handle(to_itself[0][0])

    def commit_all(self, room: Room) -> None:
        """Let appends become durable until there are no more."""
        while self.appends:
            self.commit(room)

    def fail(self, room: Room) -> None:
        """Let the oldest append fail, and tell the room."""
        _append, ticket = self.appends.pop(0)
        room.handle(AppendEnded(ticket=ticket, outcome=AppendFailed(reason="the disk is full")))

    def loaded(self, stream: str) -> Loaded:
        """Return what a load of the stream ends as."""
        return Loaded(events=tuple(self.log.read_stream(stream)))

    def recalled(self) -> Recalled:
        """Return what the latest recall ends as."""
        stream, order_id, _to = self.recalls[-1]
        events = tuple(event for event in self.log.read_stream(stream) if order_id in event.payload)
        return Recalled(order_id=order_id, events=events)

    def written(self, stream: str = NAME) -> list[str]:
        """Return the types of the stream's durable events."""
        return [event.type for event in self.log.read_stream(stream)]

    def effects(self, kind: type[Effect]) -> list[Effect]:
        """Return the calls of one kind."""
        return [effect for _account, effect in self.calls if isinstance(effect, kind)]

    def told_to(self, to: Address) -> list[Mail]:
        """Return what was told to one address."""
        return [message for message, addressee in self.told if addressee == to]

    def heard(self, ask: AskId) -> list[Reply]:
        """Return the replies to one ask."""
        return [reply for asked, reply in self.replies if asked == ask]


class ScriptedDirectory:
    """Implements `Directory` for one strategy account with one market, whose price is known."""

    def __init__(self, env: ScriptedEnv) -> None:
        self._env = env
        self.profiles: dict[str, Profile] = {NAME: profile()}

    def profile(self, name: str) -> Profile | None:
        return self.profiles.get(name)

    def market(self, profile: Profile) -> Market:
        del profile
        quote = Quote(symbol=BTC, price=Decimal(100_000), at=self._env.clock)
        return Market(instruments=Instruments([bitcoin()]), quotes={BTC: quote}, traits=Traits())

    def rules(self) -> Rules:
        return Rules()

    def sharing(self, profile: Profile) -> int:
        return sum(other.place == profile.place for other in self.profiles.values())

    def numbered(self, account: str) -> Mapping[int, str]:
        return {profile.identity.number: name for name, profile in self.profiles.items() if profile.account == account}

    def installation_salt(self) -> str:
        return "salt5"


def profile(*, leverage: int = 2) -> Profile:
    """Return the strategy account of every test here."""
    return Profile(
        identity=Identity(name=NAME, number=1, salt="salt5"),
        strategy="test1",
        account="A1",
        terms=Terms(
            market_type=MarketType.FUTURES,
            leverage=Decimal(leverage),
            weight=Decimal(1),
            capital={"USDT": Decimal(100_000)},
        ),
        shares_account=False,
    )


def bitcoin() -> Instrument:
    """Return the one market."""
    return Instrument(
        symbol=BTC,
        market_type=MarketType.FUTURES,
        base="BTC",
        quote="USDT",
        step=Decimal("0.001"),
        tick=Decimal("0.1"),
    )


def answers(outcomes: Sequence[Outcome], room: Room) -> None:
    """Hand outcomes of calls to a room."""
    for outcome in outcomes:
        room.handle(Called(outcome=outcome))
