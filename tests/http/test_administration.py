"""The operator's addresses: who gets in, what is shown, what is done, and health."""

import json
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.actors.switchboard import Health
from orderwright.auth.tokens import token_hash
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.commands import (
    CancelOrders,
    LiquidatePositions,
    PauseTrading,
    ResumeTrading,
)
from tests.http.conftest import Tokens
from tests.http.fake_engine import ADMIN_TOKEN, START, FakeEngine
from tests.http.test_webhooks import OWNER, code, order, post

NAME = "strategy-account/test1@A1"
PLACE = "/api/v1/strategy-accounts/test1/A1"


def ask(client: TestClient, method: str, path: str, *, token: str = ADMIN_TOKEN, body: Any = None) -> Result:
    raw = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    return client.simulate_request(method, path, body=raw, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/strategy-accounts"),
        ("GET", PLACE),
        ("POST", f"{PLACE}/pause"),
        ("POST", f"{PLACE}/dance"),
        ("POST", "/api/v1/declarations"),
    ],
)
def test_administrators_only(client: TestClient, engine: FakeEngine, tokens: Tokens, method: str, path: str) -> None:
    bare = client.simulate_request(method, path)
    assert code(bare) == (401, "unauthorized")
    assert bare.headers["WWW-Authenticate"] == "Bearer"
    assert code(ask(client, method, path, token="wrong")) == (401, "unauthorized")
    assert code(ask(client, method, path, token=tokens[OWNER])) == (403, "forbidden")
    assert engine.operated == []


def test_strategy_accounts_are_listed_with_their_state(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    engine.hanging.add("strategy-account/test1@A2")
    rows = ask(client, "GET", "/api/v1/strategy-accounts").json["strategy_accounts"]
    assert [(row["strategy"], row["account_name"], row["condition"]) for row in rows] == [
        ("test1", "A1", "active"),
        ("test1", "A2", "unreachable"),
        ("test1", "B1", "active"),
        ("off", "A1", "active"),
    ]
    assert rows[0]["account"] == NAME
    assert rows[0]["positions"][0]["quantity"] == "0.00000001"
    assert rows[0]["capital"] == {"USDT": "10000"}
    assert ask(client, "GET", PLACE).json == rows[0]


def test_a_strategy_account_whose_exchange_cannot_be_reached_is_not_shown_as_active(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    assert tokens
    trouble = ExchangeCondition(account="A1", is_connected=True, trouble="no route", since=START)
    engine.noticeboard.put_exchange(trouble)
    rows = ask(client, "GET", "/api/v1/strategy-accounts").json["strategy_accounts"]
    assert [(row["account_name"], row["condition"], row["why"], row["exchange_trouble"]) for row in rows] == [
        ("A1", "exchange_unreachable", "no route", "no route"),
        ("A2", "active", "", None),
        ("B1", "active", "", None),
        ("A1", "exchange_unreachable", "no route", "no route"),
    ]


def test_an_unknown_strategy_account_is_404(client: TestClient, tokens: Tokens) -> None:
    assert tokens
    assert code(ask(client, "GET", "/api/v1/strategy-accounts/test1/Z9")) == (404, "strategy_account_not_found")
    assert code(ask(client, "POST", "/api/v1/strategy-accounts/x/A1/pause")) == (404, "strategy_account_not_found")


def test_operators_commands_carry_who_and_why(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    body = {"why": "news", "symbol": "BTC/USDT", "side": "sell"}
    for operation in ("pause", "resume", "cancel-all", "liquidate"):
        result = ask(client, "POST", f"{PLACE}/{operation}", body=body)
        assert (result.status_code, result.json["done"], result.json["account"]) == (200, True, NAME)
    assert [name for name, _command in engine.operated] == [NAME] * 4
    pause, resume, cancel, liquidate = (command for _name, command in engine.operated)
    assert pause == PauseTrading(by="root", why="news")
    assert resume == ResumeTrading(by="root", why="news")
    assert isinstance(cancel, CancelOrders)
    assert (cancel.by, cancel.why, cancel.symbol, cancel.side) == ("root", "news", "BTC/USDT", Side.SELL)
    assert isinstance(liquidate, LiquidatePositions)
    assert (liquidate.by, liquidate.why) == ("root", "news")


def test_what_goes_on_or_is_unknown_is_202(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    engine.hanging.add(NAME)
    assert ask(client, "POST", f"{PLACE}/liquidate").status_code == 202
    engine.answers_operators = False
    result = ask(client, "POST", f"{PLACE}/pause")
    assert (result.status_code, result.json["done"]) == (202, False)


def test_a_bad_order_is_a_problem(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    assert code(ask(client, "POST", f"{PLACE}/pause", body="{")) == (400, "invalid_json")
    assert code(ask(client, "POST", f"{PLACE}/cancel-all", body={"side": "up"})) == (400, "invalid_field")
    assert code(ask(client, "POST", f"{PLACE}/cancel-all", body={"symbol": ""})) == (400, "invalid_field")
    assert code(ask(client, "POST", f"{PLACE}/dance")) == (404, "not_found")
    assert engine.operated == []


STRATEGY = 'users = [{name = "dave"}]\nstrategies = [{group_name = "new", owner = "dave", market_type = "SPOT"}]'


def test_a_declaration_is_applied_and_its_tokens_work(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    applied = ask(client, "POST", "/api/v1/declarations", body=STRATEGY).json
    (issued,) = applied["tokens"]
    assert (issued["strategy"], issued["holder"]) == ("new", "dave")
    assert applied["changed"]
    assert token_hash(issued["token"]) in engine.catalogue().webhook_tokens
    assert ask(client, "POST", "/api/v1/declarations", body=STRATEGY).json == {"tokens": [], "changed": []}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("users = [", "file"),
        ('user = [{name = "x"}]', "user"),
        ('strategies = [{group_name = "s", owner = "nobody", market_type = "SPOT"}]', "strategies[0].owner"),
    ],
)
def test_a_faulty_declaration_changes_nothing(client: TestClient, engine: FakeEngine, text: str, key: str) -> None:
    before = engine.catalogue()
    result = ask(client, "POST", "/api/v1/declarations", body=text)
    assert code(result) == (422, "declaration_refused")
    assert result.json["faults"][0]["key"] == key
    assert engine.catalogue() is before


def test_a_declaration_needs_the_log(client: TestClient, engine: FakeEngine) -> None:
    engine.log_is_down = True
    assert code(ask(client, "POST", "/api/v1/declarations", body=STRATEGY)) == (503, "store_unavailable")


def test_health_is_200_when_well_and_503_when_not(client: TestClient, engine: FakeEngine) -> None:
    paths = ("/health", "/health/live", "/health/ready")
    assert [client.simulate_get(path).status_code for path in paths] == [200, 200, 200]
    engine.state = Health(live=True, ready=False, parts={"log": "ok"})
    assert [client.simulate_get(path).status_code for path in paths] == [503, 200, 503]
    engine.state = Health(live=False, ready=False, parts={"log": "gone"})
    assert [client.simulate_get(path).status_code for path in paths] == [503, 503, 503]


def test_health_names_strategies_to_administrators_only(client: TestClient, engine: FakeEngine) -> None:
    engine.state = Health(live=True, ready=True, parts={"log": "ok", NAME: "restarting", "inbox/test1": "ok"})
    everybody = client.simulate_get("/health").json
    assert everybody == {"live": True, "ready": True, "parts": {"log": "ok"}, "others_in_trouble": 1}
    assert ask(client, "GET", "/health").json["parts"][NAME] == "restarting"


def test_health_says_what_is_wrong_with_the_log_and_who_halted_why_to_administrators_only(
    client: TestClient, engine: FakeEngine
) -> None:
    trouble = {"log": 'connection to server at "10.0.0.7" failed', "trading": "halted by carol: she is away"}
    engine.state = Health(live=True, ready=False, parts=trouble)
    assert client.simulate_get("/health").json["parts"] == {"log": "in trouble", "trading": "in trouble"}
    assert ask(client, "GET", "/health").json["parts"] == trouble


def test_answers_are_not_to_be_cached_or_guessed_at(client: TestClient, tokens: Tokens) -> None:
    for result in (client.simulate_get("/health"), client.simulate_get("/nowhere"), post(client, order(tokens))):
        assert result.headers["Cache-Control"] == "no-store"
        assert result.headers["X-Content-Type-Options"] == "nosniff"
