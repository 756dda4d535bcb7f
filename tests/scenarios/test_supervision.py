"""The kill switch, resting actors, orders that are not ours, an exchange that is late: on real processes."""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.exchanges.paper.answers import order_of
from orderwright.exchanges.paper.wire import Placement
from tests.exchanges.paper_process import PaperProcess
from tests.exchanges.paper_process import place as place_order
from tests.processes import EngineClient, EngineProcess, Place, installation, wait_until
from tests.scenarios.desk import Desk, Strategy, only

CONFIG = """
[actors]
idle_after = "300ms"

[orders]
poll_interval = "200ms"

[logging]
level = "WARNING"
"""


@pytest.fixture(scope="module")
def place(open_folder: Path) -> Iterator[Place]:
    with installation(open_folder, CONFIG) as place:
        yield place


@contextmanager
def running(place: Place) -> Iterator[tuple[EngineProcess, EngineClient]]:
    with EngineProcess(place) as engine, engine.ready().client() as client:
        yield engine, client


def halt(client: EngineClient, account: str, **more: object) -> httpx.Response:
    return client.post("/api/v1/halt", scope="account", name=account, why="drill", **more)


def shown(client: EngineClient, token: str, path: str) -> dict[str, Any]:
    answer = client.get(path, token)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_under_a_halt_nothing_leaves_but_cancels_and_others_trade_on(desk: Desk) -> None:
    halted, free = desk.strategy("halted", "one"), desk.strategy("free", "two")
    halted.market("buy", qty="0.02")
    halted.limit("buy", 90_000)
    answer = halt(desk.client, halted.accounts[0])
    assert (answer.status_code, answer.json()["done"], answer.json()["in_doubt"]) == (200, True, [])
    arrived = [arrival for arrival in desk.arrivals("one") if arrival.operation == "place"]

    results = [halted.limit("buy", 91_000), halted.market("sell", qty=None, qty_per=-100)]
    cancelled = halted.cancel_all()

    assert [(result["status"], result["code"]) for result in results] == [("refused", "halted")] * 2
    assert "drill" in results[0]["error"]
    assert only(cancelled)["cancelled_orders"] == 1
    assert [arrival for arrival in desk.arrivals("one") if arrival.operation == "place"] == arrived
    assert free.limit("buy", 90_000)["status"] == "success"

    lifted = desk.client.post("/api/v1/resume", scope="account", name=halted.accounts[0])
    assert lifted.status_code == httpx.codes.OK
    assert halted.market("sell", qty=None, qty_per=-100)["status"] == "success"


def test_a_halt_is_answered_when_what_was_on_the_wire_is(desk: Desk) -> None:
    strategy = desk.strategy("wired", "one")
    strategy.limit("buy", 90_000)
    desk.exchange.fault("place", "delay_after", delay_ms=1_500)
    before = desk.exchange.served_books().requests["place"]
    answers: list[httpx.Response] = []
    order: dict[str, object] = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 91_000, "qty": "1"}
    sender = threading.Thread(target=lambda: answers.append(strategy.post(**order)))
    sender.start()
    wait_until(lambda: desk.exchange.served_books().requests["place"] > before, what="the order to arrive")

    report = halt(desk.client, strategy.accounts[0])

    sender.join()
    assert (report.status_code, report.json()["on_the_wire"], report.json()["in_doubt"]) == (200, [], [])
    assert [str(order["order_id"]) for order in strategy.state()["orders"]] == [
        str(order.number) for order in desk.open("one")
    ]


def test_what_was_on_the_wire_and_got_no_answer_is_listed_as_in_doubt(desk: Desk) -> None:
    strategy = desk.strategy("unheard", "one")
    strategy.limit("buy", 90_000)
    desk.exchange.fault("place", "error_before")
    desk.exchange.fault("look", "error_before", count=None)
    result = strategy.limit("buy", 91_000)
    assert result["status"] == "in_doubt"

    report = halt(desk.client, strategy.accounts[0]).json()

    assert (report["done"], report["in_doubt"]) == (True, [result["engine_order_id"]])


def test_a_halt_that_liquidates_closes_what_is_held_and_lets_no_signal_through(desk: Desk) -> None:
    strategy = desk.strategy("flattened", "one")
    strategy.market("buy", qty="0.05")
    strategy.limit("buy", 90_000)

    report = halt(desk.client, strategy.accounts[0], liquidate=True).json()

    assert report["strategy_accounts"] == [
        {"account": f"strategy-account/{strategy.group_name}@{strategy.accounts[0]}", "done": True}
    ]
    assert (Decimal(strategy.position()), desk.open("one")) == (Decimal(0), [])
    assert strategy.market("buy")["code"] == "halted"


def test_a_halt_of_everything_survives_a_kill(place: Place, exchange: PaperProcess) -> None:
    with running(place) as (engine, client):
        strategy = Desk(client, exchange, 700).strategy("killed", "one")
        assert client.post("/api/v1/halt", why="drill").status_code == httpx.codes.OK
        engine.kill()
    with running(place) as (_engine, client):
        again = Strategy(Desk(client, exchange, 700), strategy.group_name, strategy.accounts, strategy.tokens)
        assert again.limit("buy", 90_000)["code"] == "halted"
        parts = shown(client, place.admin_token, "/health")["parts"]
        assert parts["trading"] == "Trading of everything is halted by admin: drill"
        client.post("/api/v1/resume")
        assert again.limit("buy", 90_000)["status"] == "success"
        again.cancel_all()


def stacks(engine: EngineProcess) -> str:
    """Return what every thread of the engine does right now."""
    before = len(engine.errors)
    engine.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: engine.errors[before:].endswith(" threads.\n"), what="the stacks")
    return engine.errors[before:]


def actors_of(engine: EngineProcess) -> int:
    """Return how many actors are awake."""
    (told,) = re.findall(r"^(\d+) actors are awake", stacks(engine), flags=re.MULTILINE)
    return int(told)


def test_idle_actors_end_and_come_back_with_all_they_knew(place: Place, exchange: PaperProcess) -> None:
    with running(place) as (engine, client):
        asleep = actors_of(engine)
        strategy = Desk(client, exchange, 701).strategy("dozing", "one", "two")
        strategy.send(symbol="BTC/USDT", order_type="LIMIT", side="buy", price=90_000, qty="0.03")
        exchange_accounts, awake = 2, actors_of(engine)
        assert awake == asleep + exchange_accounts + 3
        strategy.send(
            orders=[
                {"symbol": "BTC/USDT", "order_type": "CANCEL_ALL_ORDER"},
                {"symbol": "BTC/USDT", "order_type": "MARKET", "side": "buy", "qty": "0.03"},
            ]
        )
        wait_until(lambda: actors_of(engine) == asleep + exchange_accounts, what="three actors to rest")

        closed = strategy.send(symbol="BTC/USDT", order_type="MARKET", qty_per=-100, side="sell")

        assert [(result["status"], result["amount"]) for result in closed["results"]] == [("success", "0.03")] * 2
        assert actors_of(engine) == awake


def test_an_order_that_somebody_else_placed_is_reported_and_left_alone(place: Place, exchange: PaperProcess) -> None:
    with running(place) as (_engine, client):
        strategy = Desk(client, exchange, 702).strategy("visited", "one")
        strategy.limit("buy", 90_000)
        order = place_order("buy", "0.01", "90001", market_type=MarketType.FUTURES, order_id=OrderId("by-hand"))
        placement = Placement(account=strategy.accounts[0], order=order_of(order))
        exchange.request("POST", "/v1/orders", msgspec.to_builtins(placement))

        def reported() -> list[dict[str, Any]]:
            alarms: list[dict[str, Any]] = shown(client, place.admin_token, "/api/v1/alarms")["alarms"]
            return [alarm for alarm in alarms if alarm["kind"] == "foreign_order"]

        (alarm,) = wait_until(reported, what="the alarm")
        rows = shown(client, place.admin_token, "/api/v1/exchange-accounts")["exchange_accounts"]
        (row,) = [row for row in rows if row["account_name"] == strategy.accounts[0]]
        assert [order["client_order_id"] for order in row["foreign_orders"]] == ["by-hand"]
        assert row["foreign_orders"][0]["order_id"] == alarm["what"]
        strategy.cancel_all()
        assert [order.client_order_id for order in Desk(client, exchange, 702).open("one")] == ["by-hand"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_signal_that_comes_before_the_exchange_does_is_carried_out_when_it_is_there(
    place: Place, open_folder: Path
) -> None:
    folder, port = open_folder / "late paper", free_port()
    first = PaperProcess(folder, port=port)
    first.kill()
    with running(place) as (_engine, client):
        strategy = Desk(client, first, 703).strategy("early", "one")
        answer = strategy.post(symbol="BTC/USDT", order_type="MARKET", side="buy", qty="0.01")
        assert answer.status_code == httpx.codes.ACCEPTED
        assert "exchange_accounts" in shown(client, place.admin_token, "/health")["parts"]
        assert strategy.state()["condition"] == "exchange_unreachable"
        late = PaperProcess(folder, port=port)
        try:
            assert strategy.settled(answer.json()["signal_id"])["status"] == "success"
        finally:
            late.kill()


def test_sigusr1_writes_what_every_thread_does_to_stderr_and_the_engine_goes_on(place: Place) -> None:
    with running(place) as (engine, client):
        said = stacks(engine)
        assert re.search(r"actors are awake: .*supervisor#1", said)
        assert "in serve" in said[said.index("Thread MainThread ") :]
        assert client.get("/health/ready").status_code == httpx.codes.OK
