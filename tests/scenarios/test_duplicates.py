"""The same message twice: nothing is placed again, and the sender is told what the first one came to."""

import json

from tests.scenarios.desk import Desk

ORDER = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 90_000, "qty": "0.01"}


def test_a_second_webhook_with_the_same_id_places_nothing_and_tells_the_first_results(desk: Desk) -> None:
    strategy = desk.strategy("again", "one", "two")

    first = strategy.send(id="alert-1", **ORDER)
    second = strategy.send(id="alert-1", **ORDER)

    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert second["signal_id"] == first["signal_id"]
    assert second["results"] == first["results"]
    assert second["summary"] == first["summary"]
    assert (len(desk.placed("one")), len(desk.placed("two"))) == (1, 1)


def test_an_id_with_another_body_is_refused_and_places_nothing(desk: Desk) -> None:
    strategy = desk.strategy("reused", "one")
    strategy.send(id="alert-1", **ORDER)

    answer = strategy.post(id="alert-1", **(ORDER | {"price": 91_000}))

    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["field"]) == ("id_reused", "id")
    assert len(desk.placed("one")) == 1


def test_an_equal_body_without_an_id_is_a_duplicate_within_the_window(desk: Desk) -> None:
    strategy = desk.strategy("bodies", "one")

    first, second = strategy.send(id=None, **ORDER), strategy.send(id=None, **ORDER)

    assert (second["duplicate"], second["signal_id"]) == (True, first["signal_id"])
    assert len(desk.placed("one")) == 1


def test_a_window_of_zero_lets_equal_bodies_through(desk: Desk) -> None:
    strategy = desk.strategy("eager", "one", dedupe_window="0s")

    replies = [strategy.send(id=None, **ORDER) for _ in range(2)]

    assert [reply["duplicate"] for reply in replies] == [False, False]
    assert len(desk.placed("one")) == 2


def test_the_same_id_from_another_holder_is_no_duplicate(desk: Desk) -> None:
    strategy = desk.strategy("holders", "hers", "his", owners={"his": "bob"}, public=True)

    strategy.send(id="alert-1", token=strategy.tokens["bob"], **ORDER)
    reply = strategy.send(id="alert-1", **ORDER)

    assert reply["duplicate"] is False
    assert (len(desk.placed("hers")), len(desk.placed("his"))) == (1, 2)


def test_blanks_around_the_body_make_no_other_message_of_it(desk: Desk) -> None:
    strategy = desk.strategy("blanks", "one")
    body = json.dumps(strategy.body(id="alert-1", **ORDER)).encode()

    desk.client.webhook(body)
    answer = desk.client.webhook(b"\xef\xbb\xbf" + body + b" \r\n", headers={"Content-Type": "text/plain"})

    assert answer.json()["duplicate"] is True
    assert len(desk.placed("one")) == 1


def test_a_cancelled_first_order_is_not_brought_back_by_a_duplicate(desk: Desk) -> None:
    strategy = desk.strategy("gone", "one")
    strategy.send(id="alert-1", **ORDER)
    strategy.cancel_all()

    second = strategy.send(id="alert-1", **ORDER)

    assert second["results"][0]["order_status"] == "CANCELLED"
    assert desk.open("one") == []
