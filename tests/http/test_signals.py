"""Reading a signal's life: what it shows, and who sees how much of it."""

from collections.abc import Mapping
from uuid import uuid4

import pytest
from falcon.testing import Result, TestClient

from orderwright.moments import SECOND
from tests.http.conftest import Tokens
from tests.http.fake_engine import ADMIN_TOKEN, START, FakeEngine
from tests.http.test_webhooks import LIMIT, OWNER, SUBSCRIBER, code, order, post


def get(client: TestClient, signal_id: str, token: str | None) -> Result:
    headers: Mapping[str, str] = {} if token is None else {"Authorization": f"Bearer {token}"}
    return client.simulate_get(f"/api/signals/{signal_id}", headers=headers)


def test_the_owner_sees_the_whole_life(client: TestClient, tokens: Tokens) -> None:
    reply = post(client, order(tokens)).json
    shown = get(client, reply["signal_id"], tokens[OWNER]).json
    assert (shown["strategy"], shown["status"], shown["received_at"]) == (
        "test1",
        "done",
        "2027-01-15T08:00:00.000000Z",
    )
    assert shown["finished_at"]
    assert shown["steps"][-1]["what"] == "done"
    assert shown["results"] == reply["results"]
    assert shown["summary"] == reply["summary"]
    assert [account["account_name"] for account in shown["accounts"]] == ["A1", "A2", "B1"]
    assert [step["what"] for step in shown["steps"]][:6] == [
        "received",
        "stored",
        "routed",
        "order_requested",
        "order_accepted",
        "signal_ended",
    ]
    requested = shown["steps"][3]
    assert requested["detail"] == "LIMIT buy 0.0000000001 BTC/USDT at 100000"
    assert (requested["account_name"], requested["engine_order_id"]) == ("A1", reply["results"][0]["engine_order_id"])


def test_a_subscriber_sees_own_accounts_only(client: TestClient, tokens: Tokens) -> None:
    signal_id = post(client, order(tokens)).json["signal_id"]
    shown = get(client, signal_id, tokens[SUBSCRIBER])
    assert [entry["account_name"] for entry in shown.json["results"]] == ["B1"]
    assert shown.json["summary"]["total_accounts"] == 1
    assert "A1" not in shown.text


def test_an_administrator_sees_everything(client: TestClient, tokens: Tokens) -> None:
    signal_id = post(client, order(tokens)).json["signal_id"]
    assert len(get(client, signal_id, ADMIN_TOKEN).json["results"]) == 3


def test_another_strategys_token_sees_nothing(client: TestClient, tokens: Tokens) -> None:
    signal_id = post(client, order(tokens)).json["signal_id"]
    assert code(get(client, signal_id, tokens["quiet", "carol"])) == (404, "signal_not_found")


def test_a_suspended_holder_sees_nothing(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    signal_id = post(client, order(tokens)).json["signal_id"]
    engine.declare('users = [{name = "bob", suspended = true}]')
    assert code(get(client, signal_id, tokens[SUBSCRIBER])) == (404, "signal_not_found")


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_without_a_good_token_nothing_is_told(client: TestClient, tokens: Tokens, token: str | None) -> None:
    signal_id = post(client, order(tokens)).json["signal_id"]
    assert code(get(client, signal_id, token)) == (401, "unauthorized")
    assert code(get(client, str(uuid4()), token)) == (401, "unauthorized")


def test_what_was_never_stored_is_not_there(client: TestClient, tokens: Tokens) -> None:
    assert code(get(client, str(uuid4()), tokens[OWNER])) == (404, "signal_not_found")
    assert code(get(client, "no-id", tokens[OWNER])) == (404, "not_found")


def test_a_log_that_cannot_be_read_is_503(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    engine.log_is_down = True
    assert code(get(client, str(uuid4()), tokens[OWNER])) == (503, "store_unavailable")


def test_a_hanging_account_is_working_and_an_old_signal_expired(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    old = post(client, order(tokens, timestamp=START // SECOND - 3_600)).json["signal_id"]
    expired = get(client, old, tokens[OWNER]).json
    assert (expired["status"], expired["steps"][-1]["what"]) == ("expired", "expired")
    engine.hanging.add("strategy-account/test1@B1")
    working = post(client, order(tokens, orders=[LIMIT, LIMIT])).json["signal_id"]
    shown = get(client, working, tokens[OWNER]).json
    assert shown["status"] == "working"
    assert [entry["status"] for entry in shown["results"]] == ["success"] * 4 + ["working"] * 2
