"""What an operator claims of an order is held against the exchange, and without it only taken by an explicit word."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import cast

import pytest
from msgspec.structs import replace

from orderwright.actors.claims import Claims
from orderwright.actors.messages import AccountView, OrderView, Unavailable
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import Effect, ExchangeOrder, LookUpOrder, NotFound, OrderSeen, Outcome, Unclear
from orderwright.engine.strategy_account.commands import ResolveDoubt
from orderwright.engine.strategy_account.events import Decision
from orderwright.engine.strategy_account.state import Identity, State
from orderwright.exchanges.gateway import Gateway
from orderwright.readmodels.account_view import view
from tests.actors.orders import signal_id, stranger
from tests.actors.scripted_env import BTC, NAME, NOON, ScriptedDirectory, ScriptedEnv, profile

SIBLING = "strategy-account/test2@A1"
CLAIM = ResolveDoubt(
    order_id=OrderId("o1"), decision=Decision.PLACED, by="kim", why="seen there", exchange_order_id="x9"
)
THERE = replace(stranger(), client_order_id="o1", amount=Decimal(1))


class Answering:
    """An exchange that answers every look with the same, or not at all."""

    def __init__(self) -> None:
        self.answer: ExchangeOrder | NotFound | Unclear | None = THERE

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        assert isinstance(effect, LookUpOrder)
        assert effect.exchange_order_id == "x9"
        if self.answer is not None:
            done(OrderSeen(order_id=effect.order_id, asked_at=NOON, result=self.answer))


class Stage:
    def __init__(self) -> None:
        self.exchange = Answering()
        directory = ScriptedDirectory(ScriptedEnv())
        sibling = replace(profile(), identity=Identity(name=SIBLING, number=2, salt="salt5"), strategy="test2")
        directory.profiles[SIBLING] = sibling
        self.views: dict[str, AccountView | Unavailable | None] = {
            NAME: shown(NAME, an_order("o1", None)),
            SIBLING: shown(SIBLING, an_order("o2", "x2")),
        }
        self.claims = Claims(
            directory=directory,
            gateway=lambda _account: cast("Gateway", self.exchange),
            describe=self._describe,
            awake=lambda: list(self.views),
            now=lambda: NOON,
        )

    def _describe(self, names: Sequence[str], _timeout: float) -> Mapping[str, AccountView | Unavailable | None]:
        return {name: self.views[name] for name in names}

    def check(self, command: ResolveDoubt = CLAIM) -> ResolveDoubt | str:
        return self.claims.check(NAME, command, timeout=0.05)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def shown(name: str, *orders: OrderView) -> AccountView:
    return replace(view(name, State(), version=1, condition=""), orders=orders)


def an_order(order_id: str, exchange_order_id: str | None) -> OrderView:
    return OrderView(
        engine_order_id=order_id,
        order_id=exchange_order_id,
        child_order_id=None,
        signal_id=signal_id(1),
        symbol=BTC,
        side="buy",
        order_type="LIMIT",
        status="PENDING",
        in_doubt=exchange_order_id is None,
        amount=Decimal(1),
        filled=Decimal(0),
        price=None,
        stop_price=None,
        ref=None,
    )


VOUCHED = replace(CLAIM, unchecked=True)


def test_what_the_exchange_confirms_needs_nobodys_word(stage: Stage) -> None:
    assert stage.check() == CLAIM
    assert stage.check(VOUCHED) == CLAIM


@pytest.mark.parametrize("command", [CLAIM, VOUCHED])
def test_what_the_exchange_contradicts_is_refused_whatever_is_vouched_for(stage: Stage, command: ResolveDoubt) -> None:
    stage.exchange.answer = replace(THERE, client_order_id="o2")
    assert "is another one" in str(stage.check(command))
    stage.exchange.answer = NotFound()
    assert stage.check(command) == f"The exchange has no order x9 of {BTC}."


@pytest.mark.parametrize("answer", [None, Unclear(reason="502")])
def test_an_exchange_that_cannot_be_asked_confirms_nothing_and_the_refusal_says_what_helps(
    stage: Stage, answer: Unclear | None
) -> None:
    stage.exchange.answer = answer
    refused = stage.check()
    assert "could not be asked about order x9" in str(refused)
    assert "Try again when it can be asked" in str(refused)
    assert "`unchecked`" in str(refused)
    assert stage.check(VOUCHED) == VOUCHED


def test_an_order_of_a_sibling_cannot_be_claimed_while_the_exchange_is_away(stage: Stage) -> None:
    stage.exchange.answer = None
    stage.views[SIBLING] = shown(SIBLING, an_order("o2", "x9"))
    assert stage.check(VOUCHED) == f"Order x9 is order o2 of {SIBLING}."
    stage.views[SIBLING] = None
    assert f"What {SIBLING} has open there is not known now" in str(stage.check(VOUCHED))
    stage.views[SIBLING] = shown(SIBLING)
    stage.views[NAME] = shown(NAME, an_order("o1", None), an_order("o3", "x9"))
    assert stage.check(VOUCHED) == f"Order x9 is order o3 of {NAME}."


def test_what_a_siblings_stop_trades_as_has_no_name_and_cannot_be_claimed(stage: Stage) -> None:
    stage.exchange.answer = replace(THERE, client_order_id="", parent_exchange_order_id="x2")
    stage.views[SIBLING] = shown(SIBLING, replace(an_order("o2", "x2"), child_order_id="x9"))
    assert stage.check() == f"Order x9 is order o2 of {SIBLING}."
    stage.views[SIBLING] = None
    assert f"What {SIBLING} has open there is not known now" in str(stage.check())
    stage.views[SIBLING] = shown(SIBLING)
    assert "is what the stop x2 trades as" in str(stage.check(VOUCHED))


def test_an_order_without_a_name_that_nobody_else_here_has_can_be_claimed(stage: Stage) -> None:
    stage.exchange.answer = replace(THERE, client_order_id="")
    assert stage.check(VOUCHED) == CLAIM
    stage.views[SIBLING] = shown(SIBLING, an_order("o2", "x9"))
    assert stage.check() == f"Order x9 is order o2 of {SIBLING}."


def test_what_nobody_can_tell_of_the_strategy_account_itself_is_not_decided(stage: Stage) -> None:
    stage.views[NAME] = None
    assert "cannot be known now" in str(stage.check())


def test_an_order_that_is_not_there_is_for_the_strategy_account_to_say(stage: Stage) -> None:
    stage.exchange.answer = NotFound()
    unknown = replace(CLAIM, order_id=OrderId("o7"))
    assert stage.check(unknown) == unknown
