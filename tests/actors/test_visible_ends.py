"""What ends without having come to what it was for says so: an alarm, and words for whoever waits."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.env import Profile
from orderwright.actors.messages import AskId, Operate, Operated, Start
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.instruments import Instruments
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import Placed, PlacementAnswered, PlaceOrder, Unclear
from orderwright.engine.strategy_account.commands import LiquidatePositions, ResolveDoubt
from orderwright.engine.strategy_account.events import Decision
from orderwright.engine.strategy_account.state import Market
from orderwright.engine.traits import Traits
from orderwright.moments import DAY, SECOND, Micros
from tests.actors.orders import execute, placement, seen, shown, signal_id, unclear
from tests.actors.scripted_env import ME, NAME, NOON, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers

ASK = AskId(7)


class Directory(ScriptedDirectory):
    """An exchange whose only market may be gone, and that may not be asked by client order id."""

    has_markets = True
    traits = Traits()

    def market(self, profile: Profile) -> Market:
        known = replace(super().market(profile), traits=self.traits)
        return known if self.has_markets else replace(known, instruments=Instruments([]))


class Stage:
    def __init__(self) -> None:
        self.env = ScriptedEnv()
        self.directory = Directory(self.env)
        self.account = StrategyAccount(env=self.env, me=ME, supervisor=SUPERVISOR, directory=self.directory)
        self.account.handle(Start())
        self.account.handle(self.env.loaded(NAME))
        self.env.commit_all(self.account)

    def sent(self) -> PlaceOrder:
        self.account.handle(execute(1))
        self.env.commit_all(self.account)
        return placement(self.env.calls[-1][1])

    def operate(self, command: LiquidatePositions | ResolveDoubt) -> None:
        self.account.handle(Operate(command_id=signal_id(90), command=command, ask=ASK))
        self.env.commit_all(self.account)

    def hear(self, *outcomes: object) -> None:
        answers(list(outcomes), self.account)  # type: ignore[arg-type]
        self.env.commit_all(self.account)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_liquidation_that_cannot_close_since_the_market_is_gone_alarms_until_one_can(stage: Stage) -> None:
    order = stage.sent()
    fill = Fill(trade_id="t1", amount=order.amount, price=Decimal(99_000), fee=Decimal(0), fee_currency="USDT", at=NOON)
    bought = shown(order, status=OrderStatus.FILLED, fills=(fill,))
    stage.hear(PlacementAnswered(order_id=order.order_id, result=Placed(order=bought)))
    stage.directory.has_markets = False

    stage.operate(LiquidatePositions(command_id=signal_id(50), by="kim", why="enough"))

    note = "not closed, since the exchange has no such market any more: 0.1 of BTC/USDT"
    assert stage.env.heard(ASK) == [Operated(account=NAME, done=False, changed=True, note=note)]
    (alarm,) = stage.env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what, alarm.why) == (AlarmKind.STUCK_POSITION, NAME, f"its liquidation ended: {note}")

    stage.directory.has_markets = True
    stage.operate(LiquidatePositions(command_id=signal_id(51), by="kim", why="enough"))
    close = placement(stage.env.calls[-1][1])
    sold = shown(close, status=OrderStatus.FILLED, fills=(replace(fill, trade_id="t2"),))
    stage.hear(PlacementAnswered(order_id=close.order_id, result=Placed(order=sold)))
    (alarm,) = stage.env.noticeboard.alarms.listed()
    assert alarm.cleared is not None


def test_a_watch_at_an_exchange_that_cannot_be_asked_ends_with_an_alarm(stage: Stage) -> None:
    stage.directory.traits = Traits(request_expiry=False, lookup_by_client_id=False)
    order = stage.sent()
    stage.hear(unclear(order))
    stage.env.clock = Micros(NOON + 60 * SECOND)
    stage.operate(
        ResolveDoubt(order_id=order.order_id, decision=Decision.NEVER_PLACED, by="kim", why="not on their page")
    )
    assert stage.account._state.watched
    stage.env.clock = Micros(stage.env.clock + DAY)

    stage.hear(seen(order.order_id, Unclear(reason="cannot be asked by client order id"), asked_at=stage.env.clock))

    assert not stage.account._state.has_unfinished_business
    on = [alarm for alarm in stage.env.noticeboard.alarms.listed() if "look there yourself" in alarm.why]
    assert [(alarm.kind, alarm.what) for alarm in on] == [(AlarmKind.NOT_PLACED, order.order_id)]
