"""Adoption and resolution over HTTP: what is needed, what is refused, what reaches the strategy account."""

from decimal import Decimal
from typing import Any

import pytest
from falcon.testing import TestClient

from orderwright.engine.strategy_account.commands import AdoptPosition, ResolveDoubt
from orderwright.engine.strategy_account.events import Decision
from tests.http.conftest import Tokens
from tests.http.fake_engine import FakeEngine
from tests.http.test_administration import NAME, PLACE, ask
from tests.http.test_webhooks import OWNER, code

ADOPT = f"{PLACE}/adopt"
RESOLVE = f"{PLACE}/orders/o1/resolve"
WANTED = {"symbol": "BTC/USDT", "amount": "0.5", "price": 60_000, "why": "bought by hand"}
DECIDED = {"decision": "placed", "exchange_order_id": "x7", "why": "seen on their site"}


@pytest.mark.parametrize("path", [ADOPT, RESOLVE])
def test_administrators_only(client: TestClient, engine: FakeEngine, tokens: Tokens, path: str) -> None:
    assert code(client.simulate_post(path)) == (401, "unauthorized")
    assert code(ask(client, "POST", path, token=tokens[OWNER])) == (403, "forbidden")
    assert engine.operated == []


def test_an_adoption_is_handed_on_with_who_and_why(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    answer = ask(client, "POST", ADOPT, body=WANTED)
    assert (answer.status_code, answer.json["done"], answer.json["account"]) == (200, True, NAME)
    ((name, command),) = engine.operated
    assert isinstance(command, AdoptPosition)
    assert (name, command.symbol, command.amount, command.price) == (NAME, "BTC/USDT", Decimal("0.5"), Decimal(60_000))
    assert (command.why, bool(command.by)) == ("bought by hand", True)


def test_the_same_id_is_the_same_command(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    for key in ("a", "a", "b", None, None):
        ask(client, "POST", ADOPT, body=WANTED | ({} if key is None else {"id": key}))
    first, again, *others = [wanted.command_id for wanted in engine.adopted]
    assert first == again
    assert len({first, *others}) == 4


@pytest.mark.parametrize("field", WANTED)
def test_an_adoption_needs_all_of_it(client: TestClient, engine: FakeEngine, tokens: Tokens, field: str) -> None:
    assert tokens
    answer = ask(client, "POST", ADOPT, body={name: value for name, value in WANTED.items() if name != field})
    assert (code(answer), answer.json["field"]) == ((400, "missing_field"), field)
    assert engine.adopted == []


@pytest.mark.parametrize(("field", "value"), [("amount", "0"), ("price", "-1"), ("amount", "all"), ("why", " ")])
def test_an_adoption_of_nonsense_is_refused(
    client: TestClient, engine: FakeEngine, tokens: Tokens, field: str, value: str
) -> None:
    assert tokens
    answer = ask(client, "POST", ADOPT, body=WANTED | {field: value})
    assert (code(answer), answer.json["field"]) == ((400, "invalid_field"), field)
    assert engine.adopted == []


def test_a_refused_adoption_says_why(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    engine.objection = "Only 0.2 are there."
    answer = ask(client, "POST", ADOPT, body=WANTED)
    assert code(answer) == (409, "operation_refused")
    assert "Only 0.2 are there." in answer.json["error"]
    engine.no_adoption = "The exchange could not be asked."
    assert "could not be asked" in ask(client, "POST", ADOPT, body=WANTED).json["error"]


def test_a_decision_is_handed_on_with_who_and_why(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    assert ask(client, "POST", RESOLVE, body=DECIDED).status_code == 200
    ((name, command),) = engine.operated
    assert isinstance(command, ResolveDoubt)
    assert (name, command.order_id, command.decision) == (NAME, "o1", Decision.PLACED)
    assert (command.exchange_order_id, command.why, command.unchecked) == ("x7", "seen on their site", False)
    assert ask(client, "POST", RESOLVE, body=DECIDED | {"unchecked": True}).status_code == 200
    assert getattr(engine.operated[-1][1], "unchecked", None) is True


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (DECIDED | {"decision": "perhaps"}, (400, "invalid_field")),
        (DECIDED | {"decision": None}, (400, "missing_field")),
        (DECIDED | {"why": None}, (400, "missing_field")),
        (DECIDED | {"unchecked": "yes"}, (400, "invalid_field")),
    ],
)
def test_a_decision_needs_a_known_word_and_a_reason(
    client: TestClient, engine: FakeEngine, tokens: Tokens, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert tokens
    assert code(ask(client, "POST", RESOLVE, body=body)) == expected
    assert engine.operated == []


@pytest.mark.parametrize("path", [ADOPT, RESOLVE])
def test_nobody_knows_yet_when_there_is_no_answer_in_time(
    client: TestClient, engine: FakeEngine, tokens: Tokens, path: str
) -> None:
    assert tokens
    engine.answers_operators = False
    answer = ask(client, "POST", path, body=WANTED | DECIDED)
    assert (answer.status_code, answer.json["done"]) == (202, False)


def test_an_unknown_strategy_account_is_not_found(client: TestClient, engine: FakeEngine, tokens: Tokens) -> None:
    assert tokens
    path = "/api/v1/strategy-accounts/test1/nowhere"
    assert code(ask(client, "POST", f"{path}/adopt", body=WANTED)) == (404, "strategy_account_not_found")
    assert code(ask(client, "POST", f"{path}/orders/o1/resolve", body=DECIDED)) == (404, "strategy_account_not_found")
    assert engine.operated == []
