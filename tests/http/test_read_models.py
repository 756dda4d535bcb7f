"""The lists under /api/v1 are complete, in order, filtered and paged, for administrators only."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from falcon.testing import Result, TestClient

from orderwright.config.schema import Config
from orderwright.engine.signals import Side
from orderwright.http.app import Backstage, create_app
from orderwright.http.capacity import Capacity
from orderwright.moments import Micros, to_iso
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.projections import Projections
from orderwright.readmodels.read_models import ReadModels
from tests.fixtures_database import TestDatabase
from tests.http.conftest import Tokens
from tests.http.fake_engine import ADMIN_TOKEN, FakeEngine
from tests.http.test_webhooks import OWNER, code
from tests.readmodels.rows import Rows, rows_of
from tests.readmodels.trading import a_day

LOG_ID = 1
LISTS = ("orders", "positions", "trades", "signals", "balances")
SEEN = Micros(1_800_000_000_000_000)

FOLDED = a_day()


@pytest.fixture
def read_models(database: TestDatabase) -> Iterator[ReadModelDatabase]:
    opened = ReadModelDatabase(database.place)
    Projections(reader=FOLDED, database=opened, log_id=LOG_ID).advance()
    book = ReadModels(opened, log_id=LOG_ID)
    book.note_balances("A1", {"USDT": Decimal("12.50"), "BTC": Decimal("1E-8")}, seen_at=SEEN)
    yield opened
    opened.close()


@pytest.fixture
def lists(engine: FakeEngine, config: Config, capacity: Capacity, read_models: ReadModelDatabase) -> TestClient:
    backstage = Backstage(
        read_models=ReadModels(read_models, log_id=LOG_ID), jobs=tuple, conditions=lambda: {"read models": "ok"}
    )
    return TestClient(create_app(engine, config, capacity, backstage))


@pytest.fixture
def rows(database: TestDatabase, read_models: ReadModelDatabase) -> Rows:
    assert read_models
    return rows_of(database.app, LOG_ID)


def ask(client: TestClient, path: str, **parameters: object) -> Result:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    return client.simulate_get(f"/api/v1/{path}", params=parameters, headers=headers)


def listed(client: TestClient, name: str, **parameters: object) -> list[dict[str, Any]]:
    answer = ask(client, name, **parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json[name]
    return found


@pytest.mark.parametrize("name", [*LISTS, "jobs"])
def test_lists_are_for_administrators_only(lists: TestClient, tokens: Tokens, name: str) -> None:
    path = f"/api/v1/{name}"
    assert code(lists.simulate_get(path)) == (401, "unauthorized")
    theirs = {"Authorization": f"Bearer {tokens[OWNER]}"}
    assert code(lists.simulate_get(path, headers=theirs)) == (403, "forbidden")


@pytest.mark.parametrize("name", LISTS)
def test_pages_put_together_are_the_whole_list_each_row_once(lists: TestClient, name: str) -> None:
    whole = listed(lists, name)
    assert len(whole) > 1
    for limit in (1, 2, 3, 500):
        paged: list[dict[str, Any]] = []
        parameters: dict[str, object] = {"limit": limit}
        while True:
            page = ask(lists, name, **parameters).json
            assert len(page[name]) <= limit
            paged += page[name]
            if page["next"] is None:
                break
            parameters["next"] = page["next"]
        assert paged == whole


def test_a_list_of_what_is_folded_says_how_far_the_log_is_in_it(lists: TestClient) -> None:
    for name in ("orders", "positions", "trades", "signals"):
        assert ask(lists, name).json["position"] == FOLDED.head_position()
    assert "position" not in ask(lists, "balances").json


def test_orders_are_told_newest_first_with_exact_amounts(lists: TestClient, rows: Rows) -> None:
    orders = listed(lists, "orders")
    newest_first = sorted(rows["orders"], key=lambda row: -int(str(row["position"])))

    assert [order["engine_order_id"] for order in orders] == [row["order_id"] for row in newest_first]
    for order, row in zip(orders, newest_first, strict=True):
        assert (order["amount"], order["filled"]) == (f"{row['amount']:f}", f"{row['filled']:f}")
        assert order["strategy"] == row["strategy"]
        assert order["account_name"] == row["account"]
        assert order["signal_id"] == str(row["signal_id"])
        assert order["requested_at"] == to_iso(Micros(int(str(row["requested_at"]))))


def test_orders_are_filtered_by_whatever_is_asked(lists: TestClient) -> None:
    every = listed(lists, "orders")
    strategies, symbols = {order["strategy"] for order in every}, {order["symbol"] for order in every}
    assert len(strategies) > 1
    for strategy in strategies:
        mine = listed(lists, "orders", strategy=strategy)
        assert mine == [order for order in every if order["strategy"] == strategy]
    for symbol in symbols:
        of_symbol = listed(lists, "orders", symbol=symbol)
        assert of_symbol == [order for order in every if order["symbol"] == symbol]
    accounts = {order["account_name"] for order in every}
    assert [listed(lists, "orders", account=account) for account in sorted(accounts)] == [
        [order for order in every if order["account_name"] == account] for account in sorted(accounts)
    ]
    assert listed(lists, "orders", strategy="nobody's") == []


def test_orders_are_filtered_by_status_in_any_case_and_several_at_once(lists: TestClient) -> None:
    every = listed(lists, "orders")
    assert listed(lists, "orders", status="ended") == [order for order in every if order["ended_at"]]
    assert listed(lists, "orders", status="open") == [order for order in every if not order["ended_at"]]
    statuses = {order["status"] for order in every}
    for status in statuses:
        expected = [order for order in every if order["status"] == status]
        assert listed(lists, "orders", status=status.lower()) == expected
    assert listed(lists, "orders", status=",".join(sorted(statuses))) == every


def test_an_order_tells_how_it_ended_and_whether_it_is_in_doubt(lists: TestClient) -> None:
    (doubtful,) = listed(lists, "orders", status="in_doubt")
    assert (doubtful["account_name"], doubtful["status"], doubtful["order_id"]) == ("B1", "PENDING", None)
    (rejected,) = listed(lists, "orders", status="REJECTED")
    assert (rejected["code"], rejected["error"]) == ("exchange_rejected", "no")
    (cancelled,) = listed(lists, "orders", status="CANCELLED")
    assert (cancelled["ref"], cancelled["filled"]) == ("ladder", "0")
    (partly,) = listed(lists, "orders", account="B1", symbol="ETH/USDT")
    assert (partly["status"], partly["amount"], partly["filled"]) == ("PARTIALLY_FILLED", "30", "20")


def test_a_period_has_its_beginning_and_not_its_end(lists: TestClient) -> None:
    for name, moment in (("orders", "requested_at"), ("signals", "received_at"), ("positions", "updated_at")):
        every = listed(lists, name)
        moments = [row[moment] for row in every]
        since, until = min(moments), max(moments)
        assert since < until
        found = listed(lists, name, since=since, until=until)
        assert found == [row for row in every if since <= row[moment] < until]
    assert listed(lists, "trades", since=SEEN // 1_000_000) == listed(lists, "trades")
    assert listed(lists, "trades", until=SEEN // 1_000_000) == []


def test_positions_and_trades_tell_what_was_traded(lists: TestClient, rows: Rows) -> None:
    trades = listed(lists, "trades")
    for position in listed(lists, "positions", status="open,flat"):
        mine = [
            Decimal(trade["amount"]) * (1 if trade["side"] == Side.BUY else -1)
            for trade in trades
            if all(trade[key] == position[key] for key in ("strategy", "account_name", "symbol"))
        ]
        assert Decimal(position["quantity"]) == sum(mine)
        assert all(Decimal(fee) >= 0 for fee in position["fees"].values())
    assert {trade["engine_order_id"] for trade in trades} <= {str(row["order_id"]) for row in rows["orders"]}


def test_signals_are_told_with_their_timings_at_each_account(lists: TestClient, rows: Rows) -> None:
    signals = listed(lists, "signals")
    assert len(signals) == len(rows["signals"])
    for signal in signals:
        assert signal["received_at"] <= signal["stored_at"]
        for account in signal["accounts"]:
            moments = [account[key] for key in ("routed_at", "first_request_at", "first_answer_at", "ended_at")]
            told = [moment for moment in moments[:2] if moment]
            assert told == sorted(told)
        firsts = [account["first_request_at"] for account in signal["accounts"] if account["first_request_at"]]
        assert signal["first_request_at"] == min(firsts, default=None)
    account = signals[0]["accounts"][0]["account_name"]
    assert all(
        any(each["account_name"] == account for each in signal["accounts"])
        for signal in listed(lists, "signals", account=account)
    )


def test_balances_are_told_with_the_moment_at_which_they_were_true(lists: TestClient) -> None:
    seen = to_iso(SEEN)
    assert listed(lists, "balances", account="A1") == [
        {"account_name": "A1", "currency": "BTC", "total": "0.00000001", "seen_at": seen},
        {"account_name": "A1", "currency": "USDT", "total": "12.50", "seen_at": seen},
    ]


@pytest.mark.parametrize(
    ("path", "field", "words"),
    [
        ("orders?colour=red", "colour", "Known are: strategy, account, symbol, status, since, until, limit, next"),
        ("trades?status=open", "status", "Known are"),
        ("balances?symbol=BTC", "symbol", "Known are: account, since"),
        ("orders?status=melted", "status", "open, ended, in_doubt, PENDING"),
        ("orders?status=open,,FILLED", "status", "one of"),
        ("orders?limit=0", "limit", "from 1 to 500"),
        ("orders?limit=501", "limit", "from 1 to 500"),
        ("orders?limit=ten", "limit", "from 1 to 500"),
        ("orders?limit=1&limit=2", "limit", "more than once"),
        ("orders?since=yesterday", "since", "ISO 8601"),
        ("orders?since=", "since", "ISO 8601"),
        ("orders?strategy=", "strategy", "blank"),
        ("orders?strategy=%00", "strategy", "control"),
        ("orders?strategy=" + "x" * 201, "strategy", "longer"),
        ("orders?next=!!", "next", "gave as next"),
        ("orders?next=WyJ0cmFkZXMiLDFd", "next", "gave as next"),
        ("orders?next=WyJvcmRlcnMiLCJ4Il0", "next", "gave as next"),
        ("orders?next=WyJvcmRlcnMiLDk5OTk5OTk5OTk5OTk5OTk5OTk5OTld", "next", "gave as next"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_a_problem_that_names_it(
    lists: TestClient, path: str, field: str, words: str
) -> None:
    answer = lists.simulate_get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    assert code(answer) == (400, "invalid_field")
    assert answer.json["field"] == field
    assert words in answer.json["error"]


def test_problems_are_told_in_korean_to_those_who_read_it(lists: TestClient) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Accept-Language": "ko"}
    answer = lists.simulate_get("/api/v1/orders?limit=0", headers=headers)
    assert answer.json["error"] == "limit은(는) 1에서 500 사이의 정수여야 합니다."


def test_a_page_ends_before_it_has_too_many_rows_beside_its_own(
    lists: TestClient, read_models: ReadModelDatabase
) -> None:
    with read_models.transaction() as connection:
        connection.execute("UPDATE app.signals SET accounts = 1500")
    every = listed(lists, "signals", limit=1)
    page = ask(lists, "signals").json
    assert page["signals"] == every
    assert page["next"] is not None


def test_a_database_that_is_away_is_503(lists: TestClient, read_models: ReadModelDatabase) -> None:
    read_models.close()
    assert code(ask(lists, "orders")) == (503, "store_unavailable")


def test_health_tells_of_the_read_models(lists: TestClient) -> None:
    assert ask(lists, "../../health").status_code == 404
    answer = lists.simulate_get("/health", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    assert answer.json["parts"]["read models"] == "ok"
