"""The webhook endpoint: who may, what is answered when, and the shape of it."""

import json
from typing import Any
from uuid import UUID

import falcon
import pytest
from falcon.testing import Result, TestClient

from orderwright.actors.messages import NotStored, Overloaded
from orderwright.http.capacity import Capacity
from orderwright.moments import SECOND, Micros
from tests.http.conftest import Tokens
from tests.http.fake_engine import START, FakeEngine

OWNER = ("test1", "alice")
SUBSCRIBER = ("test1", "bob")
LIMIT = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": "100000", "qty_per": "10"}


def post(client: TestClient, body: object, *, path: str = "/api/webhook", **headers: str) -> Result:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.simulate_post(path, body=raw, headers=headers)


def order(tokens: Tokens, holder: tuple[str, str] = OWNER, **changes: object) -> dict[str, object]:
    return {"group_name": "test1", "token": tokens[holder], **LIMIT, **changes}


def code(result: Result) -> tuple[int, str]:
    assert result.headers["Content-Type"].startswith("application/problem+json")
    problem = result.json
    assert problem["status"] == result.status_code
    assert problem["error"] == problem["detail"]
    assert problem["type"].endswith(problem["code"])
    return result.status_code, problem["code"]


def test_every_account_answers_for_every_leg_in_order(client: TestClient, tokens: Tokens) -> None:
    second = {**LIMIT, "price": "99000", "ref": "low"}
    body = {"group_name": "test1", "token": tokens[OWNER], "orders": [LIMIT, second]}
    result = post(client, body)
    assert result.status_code == 200
    reply = result.json
    assert set(reply) == {
        "signal_id",
        "action",
        "strategy",
        "duplicate",
        "results",
        "summary",
        "warnings",
        "performance_metrics",
    }
    assert (reply["action"], reply["strategy"], reply["duplicate"]) == ("orders_processed", "test1", False)
    assert [entry["account_name"] for entry in reply["results"]] == ["A1", "A1", "A2", "A2", "B1", "B1"]
    assert [entry["ref"] for entry in reply["results"]] == [None, "low"] * 3
    assert reply["summary"] == {"total_accounts": 3, "successful_trades": 6, "failed_trades": 0, "in_doubt": 0}
    assert set(reply["performance_metrics"]) == {
        "validation_time_ms",
        "preprocessing_time_ms",
        "trade_processing_time_ms",
        "total_processing_time_ms",
    }


def test_a_result_has_the_documented_shape_and_plain_decimals(client: TestClient, tokens: Tokens) -> None:
    entry = post(client, order(tokens)).json["results"][0]
    engine_order_id = entry["engine_order_id"]
    assert entry == {
        "account_name": "A1",
        "status": "success",
        "order_id": f"x{engine_order_id}",
        "engine_order_id": engine_order_id,
        "order_status": "NEW",
        "symbol": "BTC/USDT",
        "side": "buy",
        "order_type": "LIMIT",
        "amount": "0.0000000001",
        "ref": None,
    }


def test_a_cancel_all_tells_its_counts(client: TestClient, tokens: Tokens) -> None:
    body = {"group_name": "test1", "token": tokens[SUBSCRIBER], "order_type": "CANCEL_ALL_ORDER"}
    (entry,) = post(client, body).json["results"]
    assert (entry["cancelled_orders"], entry["failed_orders"]) == (2, 0)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/x-www-form-urlencoded", "x"])
def test_the_content_type_is_ignored(client: TestClient, tokens: Tokens, content_type: str) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(order(tokens)).encode() + b"\r\n"
    headers = {"Content-Type": content_type}
    assert client.simulate_post("/api/webhook", body=raw, headers=headers).status_code == 200


def test_a_token_in_the_path_stands_for_token_and_group_name(client: TestClient, tokens: Tokens) -> None:
    result = post(client, LIMIT, path=f"/webhook/{tokens[OWNER]}")
    assert (result.status_code, result.json["strategy"]) == (200, "test1")
    contradiction = order(tokens, SUBSCRIBER)
    assert code(post(client, contradiction, path=f"/webhook/{tokens[OWNER]}")) == (401, "token_invalid")


def test_a_subscribers_token_acts_on_the_subscribers_accounts_only(client: TestClient, tokens: Tokens) -> None:
    reply = post(client, order(tokens, SUBSCRIBER)).json
    assert [entry["account_name"] for entry in reply["results"]] == ["B1"]


def test_a_subscriber_scope_of_all_widens_that(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert len(post(client, order(tokens, SUBSCRIBER, id="1")).json["results"]) == 1
    engine.declare(
        'strategies = [{group_name = "test1", owner = "alice", market_type = "FUTURES", subscriber_scope = "all"}]'
    )
    assert len(post(client, order(tokens, SUBSCRIBER, id="2")).json["results"]) == 3


def test_a_subscribers_token_dies_with_the_strategys_publicity(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    engine.declare('strategies = [{group_name = "test1", owner = "alice", market_type = "FUTURES", public = false}]')
    assert code(post(client, order(tokens, SUBSCRIBER))) == (401, "token_invalid")
    assert post(client, order(tokens)).status_code == 200


def test_the_token_decides_before_the_strategy_is_known(client: TestClient, tokens: Tokens) -> None:
    unknown = {**LIMIT, "group_name": "nobody's", "token": "no such token"}
    assert code(post(client, unknown)) == (401, "token_invalid")
    assert code(post(client, {**unknown, "group_name": "test1"})) == (401, "token_invalid")
    assert code(post(client, order(tokens, group_name="nobody's"))) == (404, "strategy_not_found")
    assert code(post(client, order(tokens, group_name="quiet"))) == (401, "token_invalid")
    missing = post(client, {**LIMIT, "group_name": "test1"})
    assert code(missing) == (401, "token_missing")
    assert missing.headers["WWW-Authenticate"] == "Bearer"


def test_a_group_name_is_needed_beside_a_token_in_the_body(client: TestClient, tokens: Tokens) -> None:
    result = post(client, {**LIMIT, "token": tokens[OWNER]})
    assert code(result) == (400, "missing_field")
    assert result.json["field"] == "group_name"


def test_a_suspended_users_token_stops_at_once(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert post(client, order(tokens)).status_code == 200
    engine.declare('users = [{name = "alice", suspended = true}]')
    assert code(post(client, order(tokens, id="2"))) == (403, "user_suspended")


def test_a_strategy_switched_off_takes_nothing(client: TestClient, tokens: Tokens) -> None:
    body = {**LIMIT, "group_name": "off", "token": tokens["off", "alice"]}
    assert code(post(client, body)) == (403, "strategy_inactive")


def test_a_strategy_without_accounts_says_so(client: TestClient, tokens: Tokens) -> None:
    body = {**LIMIT, "group_name": "quiet", "token": tokens["quiet", "carol"]}
    assert code(post(client, body)) == (422, "no_accounts")


def test_another_market_type_is_a_mismatch(client: TestClient, tokens: Tokens) -> None:
    assert post(client, order(tokens, market_type="futures")).status_code == 200
    result = post(client, order(tokens, market_type="SPOT"))
    assert code(result) == (422, "market_type_mismatch")
    assert result.json["field"] == "market_type"


def test_mistakes_in_the_body_are_problems_with_their_field(client: TestClient, tokens: Tokens) -> None:
    assert code(post(client, b"buy!")) == (400, "invalid_json")
    assert code(post(client, order(tokens, order_type="ICEBERG"))) == (400, "unknown_order_type")
    assert code(post(client, order(tokens, orders=[LIMIT] * 31))) == (400, "too_many_orders")
    result = post(client, {**order(tokens), "orders": [LIMIT, {**LIMIT, "price": None}]})
    assert code(result) == (400, "price_required")
    assert result.json["field"] == "orders[1].price"


def test_errors_are_korean_for_those_who_read_korean(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    headers = {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"}
    assert "JSON이" in post(client, b"buy!", **headers).json["error"]
    assert "JSON:" in post(client, b"buy!", **{"Accept-Language": "en,ko;q=0.5"}).json["error"]
    engine.refusing.add("strategy-account/test1@B1")
    (entry,) = post(client, order(tokens, SUBSCRIBER), **headers).json["results"]
    assert entry["error"] == "자본이 부족합니다 (Not enough USDT.)"


def test_refusals_count_as_failed_and_carry_code_and_sentence(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    engine.refusing.add("strategy-account/test1@A2")
    reply = post(client, order(tokens)).json
    assert reply["summary"] == {"total_accounts": 3, "successful_trades": 2, "failed_trades": 1, "in_doubt": 0}
    refused = reply["results"][1]
    assert (refused["status"], refused["code"], refused["error"]) == (
        "refused",
        "insufficient_capital",
        "Not enough USDT.",
    )


def test_warnings_come_with_the_reply(client: TestClient, tokens: Tokens) -> None:
    reply = post(client, order(tokens, order_type="MARKET", exchange="BINANCE")).json
    assert reply["warnings"] == [
        "price is not used by MARKET and was dropped.",
        "exchange is not needed and was ignored.",
    ]


def test_a_body_over_the_limit_is_not_read(client: TestClient, tokens: Tokens, engine: FakeEngine) -> None:
    result = post(client, order(tokens, ref="r" * 70_000))
    assert code(result) == (413, "body_too_large")
    assert engine.submitted == []


def test_accounts_still_working_at_the_deadline_give_202(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    engine.hanging.add("strategy-account/test1@A2")
    result = post(client, order(tokens))
    assert result.status_code == 202
    reply = result.json
    assert [entry["status"] for entry in reply["results"]] == ["success", "working", "success"]
    assert reply["action"] == "orders_working"
    assert reply["status_url"] == result.headers["Location"] == f"/api/signals/{reply['signal_id']}"


def test_nobody_waits_for_an_exchange_on_the_last_threads(
    client: TestClient, engine: FakeEngine, tokens: Tokens, capacity: Capacity
) -> None:
    engine.hanging.add("strategy-account/test1@A2")
    for _other in range(6):
        capacity.process_request(falcon.Request({"wsgi.input": None} | _environ()), falcon.Response())
    result = post(client, order(tokens))
    assert result.status_code == 202
    assert result.json["performance_metrics"]["trade_processing_time_ms"] < 150


def _environ() -> dict[str, Any]:
    return falcon.testing.create_environ()


@pytest.mark.parametrize(
    ("verdict", "expected"), [(Overloaded(), "overloaded"), (NotStored(reason="secret detail"), "not_stored")]
)
def test_what_is_not_known_to_be_stored_is_503_with_retry_after(
    client: TestClient, engine: FakeEngine, tokens: Tokens, verdict: Overloaded | NotStored, expected: str
) -> None:
    engine.verdict = verdict
    result = post(client, order(tokens))
    assert code(result) == (503, expected)
    assert result.headers["Retry-After"] == "5"
    assert "secret" not in result.text


def test_silence_until_the_deadline_is_503(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    engine.is_silent = True
    assert code(post(client, order(tokens))) == (503, "not_stored")


def test_a_server_on_its_way_down_takes_nothing(client: TestClient, tokens: Tokens, capacity: Capacity) -> None:
    capacity.close()
    assert code(post(client, order(tokens))) == (503, "shutting_down")


def test_a_duplicate_places_nothing_and_shows_the_first_ones_results(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    first, second = post(client, order(tokens)), post(client, order(tokens))
    assert (second.status_code, second.json["duplicate"]) == (200, True)
    assert second.json["signal_id"] == first.json["signal_id"]
    assert second.json["results"] == first.json["results"]
    assert second.json["summary"] == first.json["summary"]
    assert len(engine.submitted) == 1


def test_a_duplicate_of_something_unfinished_is_200_and_says_where_to_look(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    engine.hanging.add("strategy-account/test1@B1")
    post(client, order(tokens, SUBSCRIBER))
    again = post(client, order(tokens, SUBSCRIBER))
    assert (again.status_code, again.json["duplicate"]) == (200, True)
    assert again.json["results"][0]["status"] == "working"
    assert again.json["status_url"] == f"/api/signals/{again.json['signal_id']}"


def test_a_duplicate_is_never_5xx_even_while_the_log_cannot_be_read(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    post(client, order(tokens))
    engine.log_is_down = True
    again = post(client, order(tokens))
    assert (again.status_code, again.json["results"]) == (200, [])
    assert again.json["warnings"]


def test_an_id_with_another_body_is_refused(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert post(client, order(tokens, id="a")).status_code == 200
    assert post(client, order(tokens, id="a")).json["duplicate"]
    assert code(post(client, order(tokens, id="a", price="1"))) == (409, "id_reused")
    assert len(engine.submitted) == 1


def test_blanks_around_the_body_do_not_hide_a_duplicate(client: TestClient, tokens: Tokens) -> None:
    raw = json.dumps(order(tokens)).encode()
    post(client, raw)
    assert post(client, b"\xef\xbb\xbf" + raw + b"\n").json["duplicate"]


def test_a_signal_that_arrives_too_old_is_stored_and_answered_422(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    result = post(client, order(tokens, timestamp=START // SECOND - 3_600))
    assert code(result) == (422, "signal_expired")
    assert len(engine.submitted) == 1
    assert UUID(result.json["signal_id"]) == engine.submitted[0].signal.signal_id


def test_a_close_in_an_old_signal_still_counts(client: TestClient, tokens: Tokens) -> None:
    close = {"symbol": "BTC/USDT", "order_type": "MARKET", "qty_per": -100}
    body = order(tokens, SUBSCRIBER, orders=[LIMIT, close], timestamp=START // SECOND - 3_600)
    result = post(client, body)
    assert result.status_code == 200
    assert [entry["status"] for entry in result.json["results"]] == ["refused", "success"]


def test_results_that_were_reported_before_come_from_the_log(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    engine.forgetful = True
    assert post(client, order(tokens)).json["summary"]["successful_trades"] == 3


def test_what_is_submitted_names_holder_recipients_and_window(
    client: TestClient, engine: FakeEngine, tokens: Tokens
) -> None:
    post(client, order(tokens, id="key", timestamp=START // SECOND - 1))
    (message,) = engine.submitted
    assert message.recipients == tuple(f"strategy-account/test1@{account}" for account in ("A1", "A2", "B1"))
    assert (message.signal.holder, message.key, message.dedupe_window) == ("alice", "key", 30 * SECOND)
    assert message.signal.received_at == START
    assert message.signal.sent_at == Micros(START - SECOND)


def test_nothing_secret_is_in_any_answer(client: TestClient, tokens: Tokens) -> None:
    for body in (order(tokens), order(tokens, price="x"), order(tokens, group_name="quiet")):
        assert tokens[OWNER] not in post(client, body).text


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/webhook", (405, "method_not_allowed")),
        ("DELETE", "/webhook/x", (405, "method_not_allowed")),
        ("GET", "/nowhere", (404, "not_found")),
    ],
)
def test_wrong_addresses_and_methods_are_problems_too(
    client: TestClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert code(client.simulate_request(method, path)) == expected
