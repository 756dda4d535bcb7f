"""How a halt is given: shut first, written down, then told what had left; and how it ends."""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.catalogue_desk import STREAM, CatalogueDesk, CatalogueRefused, load_catalogue
from orderwright.actors.gate import Gate, Scope
from orderwright.actors.health import parts_of
from orderwright.actors.kill_switch import HaltNotStored, HaltReport, KillSwitch
from orderwright.actors.messages import AccountView, Away, Unavailable
from orderwright.actors.noticeboard import Noticeboard
from orderwright.actors.wire import Wire
from orderwright.clock import Clock, SystemClock, monotonic
from orderwright.engine.catalogue.commands import FoundInstallation, HaltTrading, SaveAccount
from orderwright.engine.catalogue.events import Account, HaltLifted, HaltScope, TradingHalted
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import PlaceOrder
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import Append, AppendFailed, AppendOutcome, EventStoreError
from orderwright.moments import Micros
from orderwright.readmodels.account_view import LIQUIDATING, OrderView, view
from tests.actors.scripted_env import NAME

EVERYTHING: Scope = (HaltScope.EVERYTHING, "")
OTHER = "strategy-account/test2@A2"
PATIENCE = 5.0


class FailingLog(MemoryLog):
    """A log that can be told to take nothing; it says then whether the gate was shut by that moment."""

    gate: Gate
    fails = False
    is_away = False
    is_quiet = False
    was_shut: bool | None = None
    at_lift: Callable[[], None] | None = None
    at_halt: Callable[[], object] | None = None

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._waiting: list[tuple[Append, Callable[[AppendOutcome], None]]] = []

    def append(self, append: Append, done: Callable[[AppendOutcome], None], *, generation: int | None = None) -> None:
        if append.events[0].type == str(TradingHalted.__struct_config__.tag):
            self.was_shut = self.gate.refusal(NAME, placement(), Micros(0)) is not None
            if self.at_halt is not None:
                self.at_halt()
        if self.at_lift is not None and append.events[0].type == str(HaltLifted.__struct_config__.tag):
            self.at_lift()
        if self.is_away or self.is_quiet:
            self._waiting.append((append, done))
            return
        if self.fails:
            done(AppendFailed(reason="the disk is full"))
        else:
            super().append(append, done, generation=generation)

    def come_back(self) -> None:
        self.is_away = self.is_quiet = False
        for append, done in self._waiting:
            super().append(append, done)
        self._waiting.clear()

    @property
    def trouble(self) -> str:
        return "the database is gone" if self.is_away else ""


class Stage:
    """A kill switch with all it holds on to; the test says who is awake, and how they are."""

    def __init__(self) -> None:
        self.log = FailingLog(SystemClock())
        self.log.gate = self.gate = Gate()
        self.wire = Wire()
        self.board = Noticeboard(SystemClock())
        self.desk = CatalogueDesk(clock=SystemClock(), reader=self.log, writer=self.log)
        self.desk.change([FoundInstallation(salt="salt5", admin="root", token_hash="0" * 64)])
        self.desk.change([SaveAccount(by="root", account=Account(name="A1", owner="root", exchange="paper"))])
        self.views: dict[str, AccountView | Unavailable | None] = {NAME: shown(NAME), OTHER: shown(OTHER)}
        self.changes = 0
        self.heard_of = threading.Event()
        self.switch = self.made()

    def made(self) -> KillSwitch:
        return KillSwitch(
            desk=self.desk,
            gate=self.gate,
            wire=self.wire,
            awake=lambda: list(self.views),
            describe=self._describe,
            changed=self._changed,
            alarms=self.board.alarms,
            now=SystemClock().now,
        )

    def _describe(self, names: Sequence[str], _timeout: float) -> dict[str, AccountView | Unavailable | None]:
        return {name: self.views[name] for name in names}

    def _changed(self) -> None:
        self.changes += 1
        self.heard_of.set()

    def halt(self, scope: Scope = EVERYTHING, *, timeout: float = 0.1) -> HaltReport:
        return self.switch.halt(scope, by="kim", why="news", timeout=timeout)

    def write_again(self) -> None:
        self.heard_of.clear()
        self.switch.write_again()
        assert self.heard_of.wait(PATIENCE)

    @property
    def trading(self) -> str:
        return parts_of({}, self.board, self.desk.catalogue)["trading"]

    @property
    def alarms_on(self) -> list[tuple[AlarmKind, str]]:
        return [(alarm.kind, alarm.what) for alarm in self.board.alarms.listed() if alarm.cleared is None]

    def is_shut(self, name: str = NAME) -> bool:
        return self.gate.refusal(name, placement(), Micros(0)) is not None


@pytest.fixture
def stage() -> Stage:
    return Stage()


def placement() -> PlaceOrder:
    return PlaceOrder(
        order_id=OrderId("o1"),
        symbol="BTC/USDT",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        amount=Decimal(1),
        price=None,
        reduce_only=False,
        raises_exposure=True,
        valid_until=Micros(1),
        deadline=Micros(1),
    )


def shown(name: str, *in_doubt: str) -> AccountView:
    """Return how a strategy account shows itself, with these orders in doubt and one that is not."""
    orders = tuple(
        OrderView(
            engine_order_id=order_id,
            child_order_id=None,
            stop_price=None,
            order_id=None,
            signal_id=UUID(int=1),
            symbol="BTC/USDT",
            side="buy",
            order_type="MARKET",
            status="PENDING",
            in_doubt=order_id in in_doubt,
            amount=Decimal(1),
            filled=Decimal(0),
            price=None,
            ref=None,
        )
        for order_id in (*in_doubt, f"clear of {name}")
    )
    return replace(view(name, State(), version=1, condition=""), orders=orders)


def test_the_gate_is_shut_before_the_halt_is_written_down(stage: Stage) -> None:
    assert stage.halt() == HaltReport(on_the_wire=(), in_doubt=(), unanswered=())
    assert stage.log.was_shut is True
    halt = stage.desk.catalogue.halts[EVERYTHING]
    assert (halt.by, halt.why) == ("kim", "news")
    assert stage.changes == 1


def test_a_halt_while_the_log_is_away_is_answered_soon_and_nothing_leaves(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orderwright.actors.catalogue_desk._WAIT_IN_TROUBLE", 0.05)
    stage.log.is_away = True

    began = monotonic()
    with pytest.raises(HaltNotStored):
        stage.halt()

    assert monotonic() - began < PATIENCE
    assert stage.is_shut()


def test_a_halt_that_cannot_be_written_down_holds_all_the_same(stage: Stage) -> None:
    stage.log.fails = True
    with pytest.raises(HaltNotStored):
        stage.halt()
    assert stage.is_shut()
    stage.log.fails = False
    assert stage.halt().is_complete


def test_a_halt_of_what_does_not_exist_halts_nothing(stage: Stage) -> None:
    with pytest.raises(CatalogueRefused):
        stage.halt((HaltScope.ACCOUNT, "A9"))
    assert not stage.is_shut("strategy-account/test1@A9")


def test_what_had_left_and_was_not_answered_is_told(stage: Stage) -> None:
    stage.wire.begin(NAME, placement())
    stage.wire.begin(OTHER, placement())
    report = stage.halt((HaltScope.ACCOUNT, "A1"))
    assert (report.on_the_wire, report.is_complete) == (("o1",), False)


def test_what_is_in_doubt_is_listed_and_the_halt_is_complete(stage: Stage) -> None:
    stage.views = {NAME: shown(NAME, "o1", "o2"), OTHER: shown(OTHER, "o3")}
    assert stage.halt((HaltScope.ACCOUNT, "A1")).in_doubt == ("o1", "o2")
    report = stage.halt()
    assert (report.in_doubt, report.is_complete) == (("o1", "o2", "o3"), True)


def test_who_goes_on_to_liquidate_is_named_but_not_what_a_restored_log_holds_back(stage: Stage) -> None:
    stage.views[NAME] = replace(shown(NAME), condition=LIQUIDATING)
    report = stage.halt((HaltScope.ACCOUNT, "A1"))
    assert (report.liquidating, report.is_complete) == ((NAME,), True)
    assert stage.halt((HaltScope.ACCOUNT, "A1")).liquidating == (NAME,)
    stage.desk.change([HaltTrading(by="root", why="restored", scope=HaltScope.EVERYTHING, until_examined=True)])
    assert stage.halt().liquidating == ()


def test_of_whom_nobody_knows_how_they_are_that_is_told(stage: Stage) -> None:
    stage.views[OTHER] = None
    stage.views["strategy-account/test3@A1"] = Unavailable(name="x", away=Away.QUARANTINED, reason="it broke")
    report = stage.halt()
    assert report.unanswered == (OTHER, "strategy-account/test3@A1")
    assert not report.is_complete


def test_a_halt_ends_when_that_is_written_down(stage: Stage) -> None:
    stage.halt()
    stage.log.fails = True
    with pytest.raises(EventStoreError):
        stage.switch.lift(EVERYTHING, by="kim", why="all well")
    assert stage.is_shut()
    stage.log.fails = False
    stage.switch.lift(EVERYTHING, by="kim", why="all well")
    assert not stage.is_shut()
    assert not stage.desk.catalogue.halts


def test_a_halt_that_comes_while_another_is_lifted_holds(stage: Stage) -> None:
    stage.halt()
    second = threading.Thread(target=stage.halt)

    def halt_again() -> None:
        second.start()
        second.join(0.05)

    stage.log.at_lift = halt_again
    stage.switch.lift(EVERYTHING, by="kim", why="all well")
    second.join(5)
    assert not second.is_alive()
    assert EVERYTHING in stage.desk.catalogue.halts
    assert stage.is_shut()


def test_a_halt_holds_that_a_lift_overtakes_before_it_is_written_down(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_shut, is_lifted = threading.Event(), threading.Event()

    class LateThread(threading.Thread):
        """A thread that the system lets run late."""

        def start(self) -> None:
            super().start()
            is_shut.set()

        def run(self) -> None:
            is_lifted.wait(PATIENCE)
            super().run()

    stage.halt()
    reports: list[HaltReport] = []
    second = threading.Thread(target=lambda: reports.append(stage.halt(timeout=PATIENCE)))
    monkeypatch.setattr("orderwright.actors.kill_switch.threading.Thread", LateThread)
    second.start()
    assert is_shut.wait(PATIENCE)
    stage.switch.lift(EVERYTHING, by="kim", why="all well")
    was_shut = stage.is_shut()
    is_lifted.set()
    second.join(PATIENCE)
    assert reports[0].is_complete
    assert EVERYTHING in stage.desk.catalogue.halts
    assert (was_shut, stage.is_shut()) == (True, True)


def test_a_halt_waits_no_longer_than_it_may_for_a_lift_that_hangs_and_holds_when_that_ends(stage: Stage) -> None:
    stage.halt()
    is_lifting, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        is_lifting.set()
        go_on.wait(PATIENCE)

    stage.log.at_lift = hang
    lifting = threading.Thread(target=stage.switch.lift, args=[EVERYTHING], kwargs={"by": "kim", "why": "all well"})
    lifting.start()
    assert is_lifting.wait(PATIENCE)
    with pytest.raises(HaltNotStored, match="does not answer"):
        stage.halt()
    assert not go_on.is_set()
    go_on.set()
    lifting.join(PATIENCE)
    assert stage.is_shut()
    assert stage.halt(timeout=PATIENCE).is_complete
    assert EVERYTHING in stage.desk.catalogue.halts


def test_a_halt_that_is_written_down_late_is_heard_of(stage: Stage) -> None:
    go_on = threading.Event()
    stage.log.at_halt = lambda: go_on.wait(PATIENCE)
    with pytest.raises(HaltNotStored):
        stage.halt()
    assert (stage.changes, stage.is_shut()) == (0, True)
    go_on.set()
    assert stage.heard_of.wait(PATIENCE)
    assert EVERYTHING in stage.desk.catalogue.halts


def test_a_halt_survives_a_restart(stage: Stage) -> None:
    stage.halt((HaltScope.ACCOUNT, "A1"))
    stage.gate = Gate()
    stage.desk = CatalogueDesk(clock=SystemClock(), reader=stage.log, writer=stage.log)
    stage.desk.load()
    stage.made().load()
    assert stage.is_shut()
    assert not stage.is_shut(OTHER)


def test_a_halt_that_is_not_written_down_is_shown_with_an_alarm_until_it_is(stage: Stage) -> None:
    stage.log.fails = True
    with pytest.raises(HaltNotStored):
        stage.halt()
    assert stage.trading == "Trading of everything is halted (not written down yet) by kim: news"
    assert stage.alarms_on == [(AlarmKind.HALT_NOT_WRITTEN, "everything")]

    stage.log.fails = False
    stage.write_again()
    assert stage.trading == "Trading of everything is halted by kim: news"
    assert (stage.is_shut(), stage.alarms_on) == (True, [])
    assert EVERYTHING in load_catalogue(stage.log)[0].halts


def test_a_halt_that_was_not_written_down_can_be_lifted(stage: Stage) -> None:
    stage.log.fails = True
    with pytest.raises(HaltNotStored):
        stage.halt()
    stage.log.fails = False
    stage.switch.lift(EVERYTHING, by="kim", why="all well")
    assert (stage.is_shut(), stage.trading, stage.alarms_on) == (False, "ok", [])
    stage.switch.write_again()
    assert not load_catalogue(stage.log)[0].halts


def test_what_the_log_takes_late_the_catalogue_knows_when_the_log_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orderwright.actors.catalogue_desk._WRITE_WAIT", 0.05)
    monkeypatch.setattr("orderwright.actors.catalogue_desk._WAIT_IN_TROUBLE", 0.05)
    stage.log.is_quiet = True
    with pytest.raises(HaltNotStored):
        stage.halt(timeout=PATIENCE)
    assert "not written down yet" in stage.trading

    stage.log.come_back()
    stage.write_again()
    assert stage.trading == "Trading of everything is halted by kim: news"
    assert (stage.is_shut(), stage.alarms_on) == (True, [])
    halted = [stored for stored in stage.log.read_stream(STREAM) if stored.type == "trading_halted"]
    assert len(halted) == 1


def test_a_halt_whose_writing_is_open_is_not_lifted_past_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orderwright.actors.catalogue_desk._WAIT_IN_TROUBLE", 0.05)
    stage.log.is_away = True
    with pytest.raises(HaltNotStored):
        stage.halt(timeout=PATIENCE)
    with pytest.raises(EventStoreError, match="not answered yet"):
        stage.switch.lift(EVERYTHING, by="kim", why="all well")
    assert stage.is_shut()
    stage.log.come_back()
    stage.switch.lift(EVERYTHING, by="kim", why="all well")
    assert (stage.is_shut(), stage.trading, stage.alarms_on) == (False, "ok", [])
    assert not load_catalogue(stage.log)[0].halts


def test_a_halt_whose_end_is_written_late_goes_on_and_is_written_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orderwright.actors.catalogue_desk._WAIT_IN_TROUBLE", 0.05)
    stage.halt()
    stage.log.is_away = True
    with pytest.raises(EventStoreError):
        stage.switch.lift(EVERYTHING, by="kim", why="all well")
    stage.log.come_back()
    stage.write_again()
    assert (stage.is_shut(), stage.trading) == (True, "Trading of everything is halted by kim: news")
    assert EVERYTHING in load_catalogue(stage.log)[0].halts


def test_a_halt_of_what_does_not_exist_leaves_nothing_behind_beside_one_that_is_not_written_down(stage: Stage) -> None:
    scope = (HaltScope.ACCOUNT, "A9")
    stage.log.fails = True
    with pytest.raises(HaltNotStored):
        stage.halt()
    with pytest.raises(CatalogueRefused):
        stage.halt(scope)
    assert [alarm for alarm in stage.alarms_on if "A9" in alarm[1]] == []
    assert stage.is_shut("strategy-account/test1@A9")
    stage.log.fails = False
    stage.switch.lift(EVERYTHING, by="kim", why="all well")
    assert not stage.is_shut("strategy-account/test1@A9")
