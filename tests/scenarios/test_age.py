"""Signals that are too old, or say that they come from the future."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.scenarios.desk import Desk

ORDER = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 90_000, "qty": "0.01"}


def _iso(seconds_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    "timestamp", [lambda: _iso(61), lambda: int(time.time() - 61), lambda: int((time.time() - 61) * 1_000)]
)
def test_an_entry_that_is_too_old_is_recorded_and_never_traded(desk: Desk, timestamp: object) -> None:
    strategy = desk.strategy("late", "one")

    answer = strategy.post(timestamp=timestamp(), **ORDER)  # type: ignore[operator]

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "signal_expired")
    assert desk.placed("one") == ()
    story = strategy.story(problem["signal_id"])
    assert story["status"] == "expired"
    assert [(row["status"], row["code"]) for row in story["results"]] == [("refused", "signal_expired")]


def test_a_fresh_timestamp_is_traded(desk: Desk) -> None:
    strategy = desk.strategy("fresh", "one")
    assert strategy.send(timestamp=_iso(5), **ORDER)["results"][0]["status"] == "success"


def test_the_strategy_says_how_old_is_too_old(desk: Desk) -> None:
    strategy = desk.strategy("patient", "one", max_lag="5m")
    assert strategy.send(timestamp=_iso(120), **ORDER)["results"][0]["status"] == "success"


def test_cancels_and_closes_may_be_older_than_entries(desk: Desk) -> None:
    strategy = desk.strategy("exits", "one")
    strategy.limit("buy", 90_000)
    strategy.market("buy")

    cancelled = strategy.cancel_all(timestamp=_iso(600))
    closed = strategy.market("sell", qty=None, qty_per=-100, timestamp=_iso(600))

    assert cancelled["results"][0]["cancelled_orders"] == 1
    assert closed["status"] == "success"


def test_a_timestamp_in_the_future_counts_as_arrival_and_the_reply_says_so(desk: Desk) -> None:
    strategy = desk.strategy("early", "one")

    reply = strategy.send(timestamp=_iso(-3_600), **ORDER)

    assert reply["results"][0]["status"] == "success"
    assert reply["warnings"] == ["timestamp is in the future: the signal's age counts from its arrival."]
