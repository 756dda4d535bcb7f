"""Connections to the exchange are refused for a while: openings give up, ways out get through when it is back."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineProcess, wait_until
from tests.scenarios.desk import Desk, Strategy

CLOSE = {"symbol": "BTC/USDT", "order_type": "MARKET", "qty_per": -100}

_NUMBERS = count(9_001)


class Outages:
    """A paper exchange that goes away and comes back with its books, at the same address."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.process = PaperProcess(data)

    def begin(self) -> None:
        self.process.kill()

    def end(self) -> None:
        self.process = PaperProcess(self._data, port=self.process.port)


@pytest.fixture(scope="module")
def outages(open_folder: Path) -> Iterator[Outages]:
    outages = Outages(open_folder / "mortal")
    yield outages
    outages.begin()


@pytest.fixture
def desk(engine: EngineProcess, outages: Outages) -> Iterator[Desk]:
    """Yield a desk at the exchange that goes away."""
    with engine.client() as client:
        desk = Desk(client, outages.process, next(_NUMBERS))
        yield desk
        desk.exchange = outages.process
        desk.clear()


def working(strategy: Strategy, **order: object) -> str:
    """Send what cannot get through; return its signal's id once the reason is told."""
    answer = strategy.post(**order)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    signal_id: str = answer.json()["signal_id"]

    def told() -> dict[str, Any] | None:
        (result,) = strategy.story(signal_id)["results"]
        return result if result.get("code") == "exchange_unreachable" else None

    result = wait_until(told, what="the reason")
    assert (result["status"], result["order_status"]) == ("working", "PENDING")
    assert "Connect" in result["error"]
    return signal_id


def is_flat(strategy: Strategy) -> bool:
    return Decimal(strategy.position()) == 0


def test_a_close_gets_through_once_when_the_exchange_is_back_and_a_pause_does_not_wait_for_it(
    desk: Desk, outages: Outages
) -> None:
    strategy = desk.strategy("out", "one")
    strategy.market("buy")
    outages.begin()

    signal_id = working(strategy, **CLOSE)
    began = monotonic()
    strategy.operate("pause", why="news")
    assert monotonic() - began < 1
    assert strategy.state()["condition"] == "paused"
    outages.end()

    assert strategy.settled(signal_id)["order_status"] == "FILLED"
    desk.exchange = outages.process
    assert is_flat(strategy)
    assert len(desk.placed("one")) == 2


def test_a_cancel_gets_through_when_the_exchange_is_back(desk: Desk, outages: Outages) -> None:
    strategy = desk.strategy("cancelled", "one")
    strategy.limit("buy", 90_000)
    outages.begin()

    answer = strategy.post(order_type="CANCEL_ALL_ORDER")
    assert answer.status_code == httpx.codes.ACCEPTED
    sleep(1)
    outages.end()

    assert strategy.settled(answer.json()["signal_id"])["cancelled_orders"] == 1
    desk.exchange = outages.process
    assert [order.status for order in desk.placed("one")] == ["CANCELLED"]


def test_a_close_that_never_gets_through_ends_with_an_alarm_and_the_last_words(desk: Desk, outages: Outages) -> None:
    strategy = desk.strategy("over", "one", max_exit_lag="3s")
    strategy.market("buy")
    outages.begin()

    story = strategy.settled(working(strategy, **CLOSE), "failed")

    assert story["code"] == "not_placed"
    assert "Connect" in story["error"]
    alarms = desk.client.alarms()
    assert story["engine_order_id"] in [alarm["what"] for alarm in alarms if alarm["kind"] == "not_placed"]
    outages.end()


def test_a_cancel_that_never_gets_through_says_so_and_rings(desk: Desk, outages: Outages) -> None:
    strategy = desk.strategy("stuck", "one", max_exit_lag="3s")
    order = strategy.limit("buy", 90_000)
    outages.begin()

    answer = strategy.post(order_type="CANCEL_ALL_ORDER")
    story = strategy.settled(answer.json()["signal_id"], "failed")

    assert (story["code"], story["failed_orders"]) == ("not_cancelled", 1)
    assert "Connect" in story["error"]
    outages.end()
    assert strategy.state()["orders"][0]["engine_order_id"] == order["engine_order_id"]


def test_an_opening_gives_up_when_its_time_is_over(desk: Desk, outages: Outages) -> None:
    strategy = desk.strategy("opening", "one")
    strategy.limit("buy", 90_000)
    outages.begin()

    order = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 91_000, "qty": "0.01"}
    story = strategy.settled(working(strategy, **order), "failed")
    outages.end()

    assert story["code"] == "exchange_unreachable"
    desk.exchange = outages.process
    assert len(desk.placed("one")) == 1


@pytest.mark.slow
def test_a_close_behind_a_stop_waits_until_the_stop_is_cancelled_however_long_that_takes(
    desk: Desk, outages: Outages
) -> None:
    strategy = desk.strategy("behind", "one")
    strategy.market("buy")
    strategy.send(symbol="BTC/USDT", order_type="STOP_MARKET", stop_price=90_000, qty_per=-100)
    outages.begin()

    answer = strategy.post(orders=[{"order_type": "CANCEL_ALL_ORDER"}, CLOSE])

    def closing() -> dict[str, Any] | None:
        result: dict[str, Any] = strategy.story(answer.json()["signal_id"])["results"][1]
        return result if result.get("code") == "cancel_unsettled" else None

    assert wait_until(closing, what="the close to wait for the cancel", within=40)["status"] == "working"
    outages.end()

    wait_until(lambda: is_flat(strategy), what="the way out")
    assert strategy.state()["orders"] == []


@pytest.mark.slow
def test_after_ten_seconds_later_signals_have_their_turn_and_the_close_goes_on(desk: Desk, outages: Outages) -> None:
    strategy = desk.strategy("long", "one")
    strategy.market("buy")
    outages.begin()

    first = working(strategy, **CLOSE)
    answer = strategy.post(order_type="CANCEL_ALL_ORDER")
    assert strategy.settled(answer.json()["signal_id"])["cancelled_orders"] == 0
    assert strategy.story(first)["results"][0]["status"] == "working"
    outages.end()

    strategy.settled(first)
    assert is_flat(strategy)
