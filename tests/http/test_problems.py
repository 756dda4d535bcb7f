"""The tables behind the problem documents, the choice of language, and errors nobody foresaw."""

import logging

import falcon
import pytest
from falcon.testing import TestClient

from orderwright.actors.asks import Ask
from orderwright.actors.messages import AskId, SignalStored
from orderwright.engine.ids import SignalId
from orderwright.http.failures import Failures
from orderwright.http.problems import STATUSES, Problem, document
from orderwright.http.texts import PROBLEM_TEXTS, chosen_language, leg_sentence
from tests.http.fake_engine import FakeEngine

PROMISED = {
    "invalid_json",
    "body_too_large",
    "missing_field",
    "invalid_field",
    "unknown_order_type",
    "price_required",
    "stop_price_required",
    "token_missing",
    "token_invalid",
    "strategy_not_found",
    "ip_not_allowed",
    "signal_expired",
    "too_many_orders",
    "overloaded",
    "id_reused",
    "user_suspended",
    "market_type_mismatch",
    "order_not_found",
}


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def test_every_promised_code_has_a_status() -> None:
    assert set(STATUSES) >= PROMISED


@pytest.mark.parametrize("reason", sorted(PROBLEM_TEXTS))
def test_both_languages_have_the_same_places_to_fill(reason: str) -> None:
    english, korean = PROBLEM_TEXTS[reason]
    seen = []
    for text in (english, korean):
        places = _Anything()
        assert text.format_map(places)
        seen.append({part.split(">")[0] for part in text.format_map(places).split("<")[1:]})
    assert seen[0] - {"token"} == seen[1] - {"token"}
    assert any("가" <= letter <= "힣" for letter in korean)


def test_only_known_codes_and_standard_members_are_told() -> None:
    told = document(Problem(code="id_reused", reason="id_reused", field="id"), "en")
    assert told == {
        "type": "urn:orderwright:problem:id_reused",
        "title": "Id reused",
        "status": 409,
        "detail": "This id was already used for another message within 24 hours.",
        "code": "id_reused",
        "field": "id",
        "error": "This id was already used for another message within 24 hours.",
    }


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en,ko", "en"),
        ("en;q=0.1, ko;q=0.2", "ko"),
        ("ko;q=0", "en"),
        ("ko;q=nonsense", "en"),
        ("ko;q=nan", "en"),
        ("fr, *;q=0.5", "en"),
        (",;=,;q=", "en"),
    ],
)
def test_the_language_is_the_best_that_is_spoken_here(header: str | None, language: str) -> None:
    assert chosen_language(header, "en") == language


def test_the_configured_language_is_for_those_who_ask_for_none() -> None:
    assert chosen_language("fr", "ko") == "ko"


def test_a_legs_own_words_stay_in_korean_sentences() -> None:
    assert leg_sentence("exchange_rejected", "Margin is insufficient.", "ko") == (
        "거래소가 거절했습니다 (Margin is insufficient.)"
    )
    assert leg_sentence("a_new_code", "Something.", "ko") == "Something."
    assert leg_sentence(None, None, "ko") is None


class _Breaking:
    """A resource with a bug; the second method has already stored a signal when it shows."""

    def on_get(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        message = "secret inside"
        raise RuntimeError(message)

    def on_post(self, req: falcon.Request, _resp: falcon.Response, token: str) -> None:
        ask = Ask(AskId(1), expected=1)
        ask.add(SignalStored(signal_id=SignalId(FakeEngine().new_id())))
        req.context.ask, req.context.signal_id = ask, "the-id"
        message = f"secret inside, {len(token)} characters"
        raise RuntimeError(message)


@pytest.fixture
def breaking() -> TestClient:
    app: falcon.App[falcon.Request, falcon.Response] = falcon.App()
    Failures("en").register(app)
    app.add_route("/webhook/{token}", _Breaking())
    app.add_route("/fixed", _Breaking())
    return TestClient(app)


def test_a_bug_is_logged_under_an_id_and_shows_nothing(breaking: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        result = breaking.simulate_get("/fixed")
    assert (result.status_code, result.json["code"]) == (500, "internal_error")
    assert "secret" not in result.text
    incident = result.json["error"].rpartition(" ")[2].rstrip(".")
    assert incident in caplog.text


def test_a_bug_after_storing_is_no_5xx(breaking: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        result = breaking.simulate_post("/webhook/the-secret-token")
    assert (result.status_code, result.json["signal_id"]) == (202, "the-id")
    assert result.json["status_url"] == "/api/signals/the-id"
    assert "the-secret-token" not in caplog.messages[0]
