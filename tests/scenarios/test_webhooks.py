"""The webhook as a sender sees it: tokens, odd bodies, slow and lost answers, and the signal's life afterwards."""

import json
import time

import pytest

from tests.processes import wait_until
from tests.scenarios.desk import Desk

ORDER: dict[str, object] = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 90_000, "qty": "0.01"}


def test_a_wrong_token_is_401_whether_or_not_the_strategy_exists(desk: Desk) -> None:
    strategy, other = desk.strategy("mine", "one"), desk.strategy("other", "two")
    wrong: list[dict[str, object]] = [
        {"token": "owt_nonsense"},
        {"token": ""},
        {"token": other.tokens["alice"]},
        {"token": "owt_nonsense", "group_name": "no such strategy"},
        {"token": None, "group_name": "no such strategy"},
    ]
    answers = [strategy.post(**(ORDER | fields)) for fields in wrong]
    answers.append(desk.client.webhook(ORDER, path="/webhook/owt_nonsense"))

    assert [answer.status_code for answer in answers] == [401] * 6
    assert (desk.placed("one"), desk.placed("two")) == ((), ())


def test_an_unknown_strategy_is_404_only_for_those_whose_token_is_good_somewhere(desk: Desk) -> None:
    strategy = desk.strategy("known", "one")

    answer = strategy.post(**(ORDER | {"group_name": "no such strategy"}))

    assert (answer.status_code, answer.json()["code"]) == (404, "strategy_not_found")


def test_the_token_in_the_path_needs_no_token_and_no_strategy_in_the_body(desk: Desk) -> None:
    strategy = desk.strategy("path", "one")

    answer = desk.client.webhook(ORDER, path=f"/webhook/{strategy.tokens['alice']}")

    assert (answer.status_code, answer.json()["strategy"]) == (200, strategy.group_name)
    assert len(desk.placed("one")) == 1


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "application/json", "application/octet-stream"])
def test_the_content_type_a_bom_and_a_trailing_newline_change_nothing(desk: Desk, content_type: str) -> None:
    strategy = desk.strategy("plain", "one")
    body = json.dumps(strategy.body(**ORDER)).encode()

    answer = desk.client.webhook(b"\xef\xbb\xbf\r\n" + body + b"\r\n", headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["results"][0]["status"]) == (200, "success")


def test_the_sentence_is_korean_for_those_who_read_korean(desk: Desk) -> None:
    strategy = desk.strategy("hangul", "one")

    answer = desk.client.webhook(strategy.body(**(ORDER | {"side": None})), headers={"Accept-Language": "ko-KR"})

    assert answer.json()["error"] == "side 항목이 없습니다."


def test_a_signals_whole_life_can_be_read_later(desk: Desk) -> None:
    strategy = desk.strategy("told", "one")
    reply = strategy.send(**ORDER)

    story = wait_until(
        lambda: (found := strategy.story(reply["signal_id"]))["finished_at"] and found, what="the signal's end"
    )

    assert (story["strategy"], story["status"]) == (strategy.group_name, "done")
    assert story["results"] == reply["results"]
    assert story["summary"] == reply["summary"]
    assert [step["what"] for step in story["steps"]] == [
        "received",
        "stored",
        "routed",
        "order_requested",
        "order_accepted",
        "signal_ended",
        "done",
    ]


def test_a_signal_does_not_exist_for_those_who_may_not_see_it(desk: Desk) -> None:
    strategy, other = desk.strategy("hidden", "one"), desk.strategy("curious", "two")
    path = f"/api/signals/{strategy.send(**ORDER)['signal_id']}"

    assert desk.client.get(path).status_code == 401
    assert desk.client.get(path, "owt_nonsense").status_code == 401
    assert desk.client.get(path, other.tokens["alice"]).status_code == 404
    unknown = "/api/signals/019a0000-0000-7000-8000-000000000000"
    assert desk.client.get(unknown, strategy.tokens["alice"]).status_code == 404


def test_a_subscriber_sees_of_a_signal_what_became_of_it_on_the_own_accounts(desk: Desk) -> None:
    strategy = desk.strategy("seen", "hers", "his", owners={"his": "bob"}, public=True)
    signal_id = strategy.send(**ORDER)["signal_id"]

    assert {row["account_name"] for row in strategy.story(signal_id)["results"]} == {
        desk.name("hers"),
        desk.name("his"),
    }
    assert {row["account_name"] for row in strategy.story(signal_id, "bob")["results"]} == {desk.name("his")}


def test_an_exchange_that_is_slower_than_the_wait_gets_a_202_and_the_result_is_told_later(desk: Desk) -> None:
    strategy = desk.strategy("slow", "one")
    desk.exchange.fault("place", "delay_after", delay_ms=2_600)

    began = time.monotonic()
    answer = strategy.post(**ORDER)
    took = time.monotonic() - began

    reply = answer.json()
    assert answer.status_code == 202
    assert 1.9 <= took < 2.6
    assert reply["results"][0]["status"] == "working"
    assert answer.headers["location"] == reply["status_url"] == f"/api/signals/{reply['signal_id']}"
    result = strategy.settled(reply["signal_id"])
    (order,) = desk.placed("one")
    assert (result["order_id"], result["order_status"]) == (str(order.number), "NEW")


def test_a_lost_answer_is_a_doubt_that_ends_in_success_without_a_second_order(desk: Desk) -> None:
    strategy = desk.strategy("lossy", "one")
    desk.exchange.fault("place", "drop_after")

    reply = strategy.send(**ORDER)

    assert (reply["results"][0]["status"], reply["summary"]["in_doubt"]) == ("in_doubt", 1)
    result = strategy.settled(reply["signal_id"])
    (order,) = desk.placed("one")
    assert result["order_id"] == str(order.number)
    assert [arrival.operation for arrival in desk.arrivals("one")] == ["place"]


@pytest.mark.parametrize("kind", ["error_after", "garbage_after", "cut_after"])
def test_an_answer_that_says_nothing_for_sure_is_a_doubt_too(desk: Desk, kind: str) -> None:
    strategy = desk.strategy("spoilt", "one")
    desk.exchange.fault("place", kind)

    reply = strategy.send(**ORDER)

    assert reply["results"][0]["status"] == "in_doubt"
    assert strategy.settled(reply["signal_id"])["order_status"] == "NEW"
    assert len(desk.placed("one")) == 1


def test_a_lost_answer_to_a_cancel_is_settled_by_looking_at_the_order(desk: Desk) -> None:
    strategy = desk.strategy("unsure", "one")
    placed = strategy.send(**ORDER)
    desk.exchange.fault("cancel", "drop_after")

    reply = strategy.cancel_all()

    assert "cancel_doubted" in [step["what"] for step in strategy.story(placed["signal_id"])["steps"]]
    assert (reply["results"][0]["status"], reply["results"][0]["cancelled_orders"]) == ("success", 1)
    assert (desk.open("one"), strategy.state()["orders"]) == ([], [])


def test_a_cancel_that_cannot_be_settled_at_once_is_a_doubt_that_the_exchange_ends_later(desk: Desk) -> None:
    strategy = desk.strategy("later", "one")
    strategy.limit("buy", 90_000)
    desk.exchange.fault("cancel", "error_after")
    desk.exchange.fault("look", "error_before", count=2)

    answer = strategy.post(order_type="CANCEL_ALL_ORDER")

    assert answer.json()["results"][0]["status"] in {"working", "in_doubt"}
    wait_until(lambda: strategy.state()["orders"] == [], what="the cancel to settle")
    assert desk.open("one") == []


def test_a_rejection_carries_the_exchanges_own_words(desk: Desk) -> None:
    # The account holds a million; each strategy may think that it has it for itself.
    orders = [desk.strategy(f"sharer{n}", "one", market_type="SPOT") for n in range(11)]

    results = [strategy.limit("buy", 90_000, qty=None, qty_per=99) for strategy in orders]

    assert [result["status"] for result in results[:10]] == ["success"] * 10
    assert (results[10]["status"], results[10]["code"]) == ("failed", "exchange_rejected")
    assert "USDT" in results[10]["error"]
