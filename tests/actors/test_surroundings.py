"""What a strategy account sees of exchange, siblings and halts, what it shows of itself, and whom it alarms."""

from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.env import Profile
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    AskId,
    Away,
    CatalogueChanged,
    Describe,
    Operate,
    Operated,
    OrdersShown,
    Start,
    Tick,
    Unavailable,
)
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.ids import OrderId
from orderwright.engine.orders import Fill, OrderStatus
from orderwright.engine.outcomes import (
    ExchangeOrder,
    FetchQuote,
    LookUpOrder,
    NotFound,
    PlacementAnswered,
    PlaceOrder,
    Refused,
)
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.engine.strategy_account.commands import PauseTrading, ResolveDoubt, ResumeTrading
from orderwright.engine.strategy_account.events import Decision
from orderwright.engine.strategy_account.state import Market
from orderwright.engine.strategy_account.surfacing import ENGINE
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, placement, seen, shown, stranger, unclear
from tests.actors.scripted_env import (
    BTC,
    ME,
    NAME,
    NOON,
    SUPERVISOR,
    ScriptedDirectory,
    ScriptedEnv,
    answers,
    profile,
)

PLACE = profile().place
SIBLING = "strategy-account/test2@A1"


class Directory(ScriptedDirectory):
    """A directory whose markets are there when the test says so."""

    def __init__(self, env: ScriptedEnv) -> None:
        super().__init__(env)
        self.is_connected = True

    def market(self, profile: Profile) -> Market:
        known = super().market(profile)
        if self.is_connected:
            return known
        return replace(known, instruments=None, quotes={})


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def directory(env: ScriptedEnv) -> Directory:
    return Directory(env)


def started(env: ScriptedEnv, directory: Directory, limits: Limits | None = None) -> StrategyAccount:
    """Return a strategy account that takes commands."""
    account = StrategyAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=directory, limits=limits)
    account.handle(Start())
    account.handle(env.loaded(NAME))
    env.commit_all(account)
    return account


def shared(directory: Directory) -> None:
    """Let another strategy trade on the same exchange account."""
    directory.profiles[NAME] = replace(profile(), shares_account=True)
    directory.profiles[SIBLING] = replace(profile(), shares_account=True)


def market_buy() -> Instruction:
    return Instruction(leg=0, order_type=OrderType.MARKET, priority=1, symbol=BTC, side=Side.BUY, qty=Decimal("0.1"))


def close() -> Instruction:
    return Instruction(leg=0, order_type=OrderType.MARKET, priority=1, symbol=BTC, qty_per=Decimal(-100), side=None)


def test_a_signal_waits_for_an_exchange_that_is_not_connected_yet(env: ScriptedEnv, directory: Directory) -> None:
    directory.is_connected = False
    account = started(env, directory)
    account.handle(execute(1, market_buy()))
    env.commit_all(account)
    assert env.effects(FetchQuote) == []
    (again,) = [mail for _delay, mail in env.timers if mail == Tick(reason="market")]
    directory.is_connected = True
    account.handle(again)
    env.commit_all(account)
    assert len(env.effects(PlaceOrder)) == 1


def test_a_signal_waits_no_longer_than_it_is_allowed_to_be_old(env: ScriptedEnv, directory: Directory) -> None:
    directory.is_connected = False
    account = started(env, directory)
    account.handle(execute(1, market_buy()))
    env.commit_all(account)
    env.clock = Micros(NOON + 61 * SECOND)
    account.handle(Tick(reason="market"))
    env.commit_all(account)
    assert env.written()[-2:] == ["leg_refused", "signal_ended"]
    assert env.effects(FetchQuote) == []


def test_what_a_halt_covers_is_refused_and_what_waited_too(env: ScriptedEnv, directory: Directory) -> None:
    directory.is_connected = False
    account = started(env, directory)
    account.handle(execute(1, market_buy()))
    env.commit_all(account)
    directory.is_connected = True
    directory.profiles[NAME] = replace(profile(), halted="Trading of everything is halted by kim.")
    account.handle(CatalogueChanged())
    account.handle(execute(2, market_buy()))
    env.commit_all(account)
    assert env.effects(PlaceOrder) == []
    refused = [event.payload for event in env.log.read_stream(NAME) if event.type == "leg_refused"]
    assert [("halted" in payload, "by kim" in payload) for payload in refused] == [(True, True)] * 2


def test_an_entry_is_shown_to_siblings_before_it_is_durable(env: ScriptedEnv, directory: Directory) -> None:
    shared(directory)
    account = started(env, directory)
    account.handle(execute(1))
    assert env.appends
    assert env.noticeboard.exposures.on(PLACE)[NAME] == {BTC}


def test_what_has_ended_is_shown_to_siblings(env: ScriptedEnv, directory: Directory) -> None:
    shared(directory)
    account = started(env, directory)
    account.handle(execute(1))
    env.commit_all(account)
    order = shown(env.calls[0][1], status=OrderStatus.CANCELLED)
    answers([seen(order.client_order_id, order)], account)
    env.commit_all(account)
    assert env.noticeboard.exposures.on(PLACE)[NAME] == frozenset()


@pytest.mark.parametrize(
    ("sibling", "expected"), [(None, False), (frozenset({BTC}), False), (frozenset({"ETH/USDT"}), True)]
)
def test_a_close_only_reduces_unless_a_sibling_is_exposed_or_nobody_knows(
    env: ScriptedEnv, directory: Directory, sibling: frozenset[str] | None, *, expected: bool
) -> None:
    shared(directory)
    if sibling is not None:
        env.noticeboard.exposures.put(PLACE, SIBLING, sibling)
    account = started(env, directory)
    account.handle(execute(1, market_buy()))
    env.commit_all(account)
    bought = placement(env.effects(PlaceOrder)[-1])
    filled = shown(bought, status=OrderStatus.FILLED, fills=(fill(bought.amount),))
    answers([seen(bought.order_id, filled)], account)
    env.commit_all(account)
    account.handle(execute(2, close()))
    env.commit_all(account)
    sold = placement(env.effects(PlaceOrder)[-1])
    assert (sold.side, sold.reduce_only) == (Side.SELL, expected)


def fill(amount: Decimal) -> Fill:
    return Fill(trade_id="t1", amount=amount, price=Decimal(100_000), fee=Decimal(0), fee_currency="USDT", at=NOON)


def test_commands_beyond_the_limit_are_refused_at_once(env: ScriptedEnv, directory: Directory) -> None:
    account = started(env, directory, Limits(mailbox=2))
    account.handle(execute(1))
    for ask in (1, 2, 3):
        account.handle(Describe(ask=AskId(ask)))
    account.handle(execute(2))
    (reply,) = env.heard(AskId(3))
    assert isinstance(reply, Unavailable)
    assert reply.away is Away.OVERLOADED
    env.commit_all(account)
    assert env.written().count("signal_accepted") == 2


def doubted(env: ScriptedEnv, account: StrategyAccount) -> PlaceOrder:
    """Let an order come to be in doubt."""
    account.handle(execute(1))
    env.commit_all(account)
    order = placement(env.calls[-1][1])
    answers([unclear(order)], account)
    env.commit_all(account)
    return order


def test_an_order_in_doubt_for_too_long_makes_an_alarm_until_it_is_settled(
    env: ScriptedEnv, directory: Directory
) -> None:
    account = started(env, directory)
    order = doubted(env, account)
    env.clock = Micros(NOON + 59 * SECOND)
    account.handle(Tick(reason="poll"))
    assert env.noticeboard.alarms.listed() == ()
    env.clock = Micros(NOON + 60 * SECOND)
    account.handle(Tick(reason="poll"))
    (alarm,) = env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what, alarm.cleared) == (AlarmKind.IN_DOUBT, order.order_id, None)
    answers([accepted(order)], account)
    env.commit_all(account)
    (alarm,) = env.noticeboard.alarms.listed()
    assert alarm.cleared is not None


def test_an_order_in_doubt_is_settled_by_a_list_that_shows_it(env: ScriptedEnv, directory: Directory) -> None:
    account = started(env, directory)
    order = doubted(env, account)
    account.handle(OrdersShown(orders=(shown(order),), asked_at=env.clock))
    env.commit_all(account)
    assert env.written()[-1] == "order_accepted"


def test_an_order_that_the_log_does_not_have_is_looked_at_once_more_before_the_alarm(
    env: ScriptedEnv, directory: Directory
) -> None:
    account = started(env, directory)
    for _ in range(2):
        account.handle(OrdersShown(orders=(stranger(),), asked_at=NOON))
    (look,) = env.effects(LookUpOrder)
    assert isinstance(look, LookUpOrder)
    assert (look.order_id, look.exchange_order_id) == (stranger().client_order_id, "x9")
    assert env.noticeboard.alarms.listed() == ()
    env.clock = Micros(env.clock + 10 * SECOND)
    answers([seen(look.order_id, stranger(), asked_at=env.clock)], account)
    assert env.noticeboard.alarms.listed() == ()
    account.handle(env.recalled())
    env.commit_all(account)
    (alarm,) = env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what) == (AlarmKind.SURFACED_ORDER, NAME)
    assert env.written()[-2:] == ["order_surfaced", "trading_paused"]


@pytest.mark.parametrize("result", [NotFound(), stranger(OrderStatus.CANCELLED)])
def test_an_order_that_ended_after_the_list_was_made_is_no_stranger(
    env: ScriptedEnv, directory: Directory, result: NotFound | ExchangeOrder
) -> None:
    account = started(env, directory)
    account.handle(OrdersShown(orders=(stranger(),), asked_at=NOON))
    answers([seen(stranger().client_order_id, result)], account)
    assert env.noticeboard.alarms.listed() == ()


def test_orders_that_are_known_are_not_looked_at_because_of_a_list(env: ScriptedEnv, directory: Directory) -> None:
    account = started(env, directory)
    account.handle(execute(1))
    env.commit_all(account)
    order = env.calls[-1][1]
    answers([accepted(order)], account)
    env.commit_all(account)
    written, calls = env.written(), len(env.calls)
    account.handle(OrdersShown(orders=(shown(order),), asked_at=NOON))
    assert (env.written(), len(env.calls), env.appends) == (written, calls, [])


def test_an_order_that_had_been_refused_and_is_open_is_taken_in(env: ScriptedEnv, directory: Directory) -> None:
    account = started(env, directory)
    order = refused(env, account)
    env.clock = Micros(env.clock + 60 * SECOND)
    account.handle(OrdersShown(orders=(shown(order),), asked_at=env.clock))
    answers([seen(order.order_id, shown(order), asked_at=env.clock)], account)
    account.handle(env.recalled())
    env.commit_all(account)
    assert env.written()[-2:] == ["order_surfaced", "trading_paused"]
    (alarm,) = env.noticeboard.alarms.listed()
    assert "in the log it was rejected" in alarm.why

    operate(env, account, ResumeTrading(by="olga", why="seen"))
    assert env.noticeboard.alarms.listed()[0].cleared is not None


def test_a_view_from_before_the_order_ended_surfaces_nothing(env: ScriptedEnv, directory: Directory) -> None:
    account = started(env, directory)
    order = refused(env, account)
    account.handle(OrdersShown(orders=(shown(order),), asked_at=env.clock))
    answers([seen(order.order_id, shown(order), asked_at=env.clock)], account)
    account.handle(env.recalled())
    assert env.appends == []
    assert env.noticeboard.alarms.listed() == ()


def test_an_answer_that_comes_after_the_end_and_tells_of_more_fills_is_taken_in(
    env: ScriptedEnv, directory: Directory
) -> None:
    account = started(env, directory)
    account.handle(execute(1))
    env.commit_all(account)
    order = env.calls[-1][1]
    assert isinstance(order, PlaceOrder)
    answers([accepted(order)], account)
    env.commit_all(account)
    ended = replace(shown(order), status=OrderStatus.CANCELLED)
    answers([seen(order.order_id, ended)], account)
    env.commit_all(account)
    written = env.written()

    answers([seen(order.order_id, ended)], account)
    assert env.recalls == []

    fill = Fill(
        trade_id="t1", amount=order.amount, price=Decimal(100), fee=Decimal(0), fee_currency="USDT", at=env.clock
    )
    answers([seen(order.order_id, replace(ended, filled=order.amount, fills=(fill,)))], account)
    account.handle(env.recalled())
    env.commit_all(account)
    assert env.written()[len(written) :] == ["order_surfaced", "trading_paused", "fill_recorded", "order_closed"]


def test_the_alarm_of_a_surfaced_order_rings_again_after_a_restart(env: ScriptedEnv, directory: Directory) -> None:
    account = started(env, directory)
    operate(env, account, PauseTrading(by=ENGINE, why="Order x is at the exchange."))
    started(env, directory)
    (alarm,) = env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what, alarm.why) == (AlarmKind.SURFACED_ORDER, NAME, "Order x is at the exchange.")


def test_an_operators_decision_that_contradicts_the_state_is_answered_with_why(
    env: ScriptedEnv, directory: Directory
) -> None:
    account = started(env, directory)
    decision = ResolveDoubt(order_id=OrderId("o1"), decision=Decision.NEVER_PLACED, by="olga", why="not there")
    operate(env, account, decision)
    (reply,) = env.heard(AskId(9))
    assert isinstance(reply, Operated)
    assert (reply.done, reply.changed) == (False, False)
    assert "no unfinished order o1" in reply.note


def refused(env: ScriptedEnv, account: StrategyAccount) -> PlaceOrder:
    """Have an order refused by the exchange."""
    account.handle(execute(1))
    env.commit_all(account)
    order = env.calls[-1][1]
    assert isinstance(order, PlaceOrder)
    no = Refused(code="exchange_rejected", error="no")
    answers([PlacementAnswered(order_id=order.order_id, result=no)], account)
    env.commit_all(account)
    return order


def operate(env: ScriptedEnv, account: StrategyAccount, command: PauseTrading | ResumeTrading | ResolveDoubt) -> None:
    """Give an operator's command and let it become durable."""
    account.handle(Operate(command_id=UUID(int=9), command=command, ask=AskId(9)))
    env.commit_all(account)
