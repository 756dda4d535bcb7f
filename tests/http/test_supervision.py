"""The operator's addresses for the engine itself: kill switch, quarantine, alarms, exchange accounts."""

from decimal import Decimal

import pytest
from falcon.testing import TestClient

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.kill_switch import HaltReport
from orderwright.actors.messages import Away
from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.engine.catalogue.events import HaltScope
from orderwright.engine.catalogue.state import Halt
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import CancelOrders, LiquidatePositions
from tests.http.conftest import Tokens
from tests.http.fake_engine import ADMIN_TOKEN, START, FakeEngine
from tests.http.test_administration import NAME, PLACE, ask
from tests.http.test_webhooks import OWNER, code

ON_A1 = ["strategy-account/test1@A1", "strategy-account/off@A1"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/halts"),
        ("POST", "/api/v1/halt"),
        ("POST", "/api/v1/resume"),
        ("POST", f"{PLACE}/revive"),
        ("POST", "/api/v1/strategies/test1/revive"),
        ("POST", "/api/v1/exchange-accounts/A1/revive"),
        ("GET", "/api/v1/exchange-accounts"),
        ("GET", "/api/v1/alarms"),
        ("POST", "/api/v1/alarms/clear"),
    ],
)
def test_administrators_only(client: TestClient, engine: FakeEngine, tokens: Tokens, method: str, path: str) -> None:
    assert code(client.simulate_request(method, path)) == (401, "unauthorized")
    assert code(ask(client, method, path, token=tokens[OWNER])) == (403, "forbidden")
    assert (dict(engine.catalogue().halts), engine.revived) == ({}, [])


def test_a_halt_says_who_and_why_and_is_shown_until_it_is_lifted(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    answer = ask(client, "POST", "/api/v1/halt", body={"why": "the feed is wrong"})
    assert (answer.status_code, answer.json["done"], answer.json["scope"]) == (200, True, "everything")
    (shown,) = ask(client, "GET", "/api/v1/halts").json["halts"]
    assert (shown["scope"], shown["name"], shown["by"], shown["why"]) == (
        "everything",
        None,
        "root",
        "the feed is wrong",
    )
    assert "the feed is wrong" in ask(client, "GET", PLACE).json["halted"]
    assert ask(client, "POST", "/api/v1/resume").json == {"halts": []}
    assert ask(client, "GET", PLACE).json["halted"] is None
    assert engine.operated == []


def test_an_account_or_a_strategy_can_be_halted_by_its_name(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    for scope, name in (("account", "A1"), ("strategy", "test1")):
        assert ask(client, "POST", "/api/v1/halt", body={"scope": scope, "name": name}).status_code == 200
    assert set(engine.catalogue().halts) == {(HaltScope.ACCOUNT, "A1"), (HaltScope.STRATEGY, "test1")}
    left = ask(client, "POST", "/api/v1/resume", body={"scope": "account", "name": "A1"}).json["halts"]
    assert [(halt["scope"], halt["name"]) for halt in left] == [("strategy", "test1")]


def test_a_halt_tells_what_is_not_settled_with_202(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    engine.left = HaltReport(on_the_wire=("o1",), in_doubt=("o2",), unanswered=(NAME,), liquidating=(ON_A1[1],))
    answer = ask(client, "POST", "/api/v1/halt")
    assert answer.status_code == 202
    assert (answer.json["done"], answer.json["on_the_wire"], answer.json["in_doubt"], answer.json["unanswered"]) == (
        False,
        ["o1"],
        ["o2"],
        [NAME],
    )
    assert answer.json["liquidating"] == [ON_A1[1]]


def test_a_halt_can_cancel_what_is_open_and_wakes_nobody_for_it(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    engine.hanging.add(ON_A1[0])
    body = {"scope": "account", "name": "A1", "cancel": True, "why": "news"}
    answer = ask(client, "POST", "/api/v1/halt", body=body).json
    assert answer["strategy_accounts"] == [
        {"account": ON_A1[0], "done": False},
        {"account": ON_A1[1], "done": True},
    ]
    assert engine.woken is False
    command = engine.operated[0][1]
    assert isinstance(command, CancelOrders)
    assert (command.by, command.why) == ("root", "news")


def test_a_halt_can_liquidate_also_who_rests(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    ask(client, "POST", "/api/v1/halt", body={"liquidate": True, "cancel": True})
    assert engine.woken is True
    ids = {command.command_id for _name, command in engine.operated if isinstance(command, LiquidatePositions)}
    assert len(ids) == len(engine.operated) == 4


def test_a_halt_that_cannot_be_stored_is_a_problem_that_says_so(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    engine.log_is_down = True
    assert code(ask(client, "POST", "/api/v1/halt")) == (503, "halt_not_stored")
    assert code(ask(client, "POST", "/api/v1/resume")) == (503, "store_unavailable")


def test_a_halt_that_is_not_written_down_is_shown_like_any_other(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    ask(client, "POST", "/api/v1/halt", body={"scope": "account", "name": "A1"})
    halt = Halt(at=START, by="kim", why="news", scope=HaltScope.EVERYTHING, name="", is_written=False)
    engine.desk.show_halts([halt])
    shown = ask(client, "GET", "/api/v1/halts").json["halts"]
    assert {row["scope"]: row["written"] for row in shown} == {"everything": False, "account": True}
    assert ask(client, "GET", PLACE).json["halted"] == (
        "Trading of everything is halted (not written down yet) by kim: news"
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"scope": "galaxy"}, "invalid_field"),
        ({"scope": "account"}, "missing_field"),
        ({"scope": "account", "name": "A9"}, "invalid_field"),
        ({"name": "A1"}, "invalid_field"),
        ({"cancel": "yes"}, "invalid_field"),
    ],
)
def test_a_halt_that_makes_no_sense_halts_nothing(
    client: TestClient, engine: FakeEngine, tokens: Tokens, body: object, problem: str
) -> None:
    assert tokens
    assert code(ask(client, "POST", "/api/v1/halt", body=body)) == (400, problem)
    assert not engine.catalogue().halts


def test_quarantine_is_shown_with_its_reason_and_commands_are_refused_at_once(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    engine.away[NAME] = Away.QUARANTINED
    shown = ask(client, "GET", PLACE).json
    assert (shown["condition"], shown["why"]) == ("quarantined", "it broke")
    answer = ask(client, "POST", f"{PLACE}/pause")
    assert code(answer) == (409, "quarantined")
    assert "it broke" in answer.json["error"]


def test_a_busy_strategy_account_refuses_commands_for_now(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    engine.away[NAME] = Away.OVERLOADED
    answer = ask(client, "POST", f"{PLACE}/pause")
    assert code(answer) == (503, "overloaded")
    assert "Retry-After" in answer.headers


def test_what_cannot_be_written_down_is_refused_and_says_that_it_will_not_be_done_later(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    engine.away[NAME] = Away.UNWRITTEN
    answer = ask(client, "POST", f"{PLACE}/cancel-all")
    assert code(answer) == (503, "store_unavailable")
    assert "nothing was done and nothing will be" in answer.json["error"]


def test_what_is_in_quarantine_is_revived_by_its_name(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    engine.hanging.add("inbox/test1")
    assert ask(client, "POST", f"{PLACE}/revive").json == {"actor": NAME, "done": True}
    assert ask(client, "POST", "/api/v1/strategies/test1/revive").status_code == 202
    assert ask(client, "POST", "/api/v1/exchange-accounts/A1/revive").status_code == 200
    assert engine.revived == [NAME, "inbox/test1", "exchange-account/A1"]


@pytest.mark.parametrize("place", ["strategy-accounts/test1/A9", "strategies/x", "exchange-accounts/A9"])
def test_what_does_not_exist_cannot_be_revived(
    client: TestClient, engine: FakeEngine, tokens: Tokens, place: str
) -> None:
    assert tokens
    assert ask(client, "POST", f"/api/v1/{place}/revive").status_code == 404
    assert engine.revived == []


def test_alarms_are_listed_and_cleared(client: TestClient, engine: FakeEngine) -> None:
    for _ in range(2):
        engine.alarms.ring(AlarmKind.FAILED_JOB, "snapshots", "it broke")
    (alarm,) = ask(client, "GET", "/api/v1/alarms").json["alarms"]
    assert (alarm["kind"], alarm["what"], alarm["why"], alarm["count"], alarm["cleared"]) == (
        "failed_job",
        "snapshots",
        "it broke",
        2,
        None,
    )
    body = {"kind": "failed_job", "what": "snapshots"}
    assert ask(client, "POST", "/api/v1/alarms/clear", body=body).json == {"cleared": True}
    assert ask(client, "POST", "/api/v1/alarms/clear", body=body).json == {"cleared": False}
    (alarm,) = ask(client, "GET", "/api/v1/alarms").json["alarms"]
    assert alarm["cleared"] is not None


@pytest.mark.parametrize(
    ("body", "problem"),
    [({}, "missing_field"), ({"kind": "x", "what": "y"}, "invalid_field"), ({"kind": "drift"}, "missing_field")],
)
def test_an_alarm_to_be_cleared_is_named_by_kind_and_what(client: TestClient, body: object, problem: str) -> None:
    assert code(ask(client, "POST", "/api/v1/alarms/clear", body=body)) == (400, problem)


def test_exchange_accounts_are_shown_with_who_is_exposed_and_what_is_foreign(
    client: TestClient, engine: FakeEngine
) -> None:
    foreign = ExchangeOrder(
        client_order_id="by-hand",
        exchange_order_id="x1",
        symbol="BTC/USDT",
        side=Side.BUY,
        amount=Decimal("1E-3"),
        status=OrderStatus.NEW,
        filled=Decimal(0),
        fills=(),
    )
    board = engine.noticeboard
    board.put_exchange(ExchangeCondition(account="A1", is_connected=True, trouble="", since=START, foreign=(foreign,)))
    board.put_exchange(ExchangeCondition(account="A2", is_connected=False, trouble="no route", since=START))
    board.put_exchange(ExchangeCondition(account="A3", is_connected=False, trouble="", since=START))
    board.exposures.put(("A1", MarketType.FUTURES), NAME, frozenset({"BTC/USDT"}))
    first, second, third = ask(client, "GET", "/api/v1/exchange-accounts", token=ADMIN_TOKEN).json["exchange_accounts"]
    assert (first["condition"], first["exposed"]) == ("connected", {NAME: ["BTC/USDT"]})
    (shown,) = first["foreign_orders"]
    assert (shown["order_id"], shown["amount"], shown["side"]) == ("x1", "0.001", "buy")
    assert (second["condition"], second["why"]) == ("unreachable", "no route")
    assert third["condition"] == "connecting"
