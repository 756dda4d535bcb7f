"""The lists and the jobs of a real engine, over HTTP and on the command line, through a crash and a rebuild."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct

from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineClient, EngineProcess, Place, installation, orderwright, wait_until
from tests.scenarios.desk import Desk, Strategy

pytestmark = pytest.mark.processes

CONFIG = """
[jobs]
zone = "Asia/Seoul"
order_poll = "200ms"
balances = "200ms"
markets = "200ms"
snapshots = "200ms"
partitions = "200ms"
drift = "200ms"

[store]
snapshot_every = 3

[logging]
level = "WARNING"
"""
JOBS = ["balances", "drift", "markets", "order-poll", "partitions", "snapshots"]


class Traded(Struct, frozen=True, kw_only=True):
    """An engine on which two strategies have traded on three accounts."""

    place: Place
    engine: EngineProcess
    client: EngineClient
    exchange: PaperProcess
    alpha: Strategy
    beta: Strategy

    def listed(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        return listed(self.client, self.place.admin_token, name, **parameters)

    def jobs(self) -> dict[str, dict[str, Any]]:
        rows: list[dict[str, Any]] = self.client.get("/api/v1/jobs", self.place.admin_token).json()["jobs"]
        return {row["name"]: row for row in rows}


@pytest.fixture(scope="module")
def exchange(open_folder: Path) -> Iterator[PaperProcess]:
    process = PaperProcess(open_folder / "paper of the lists")
    yield process
    process.kill()


@pytest.fixture(scope="module")
def traded(open_folder: Path, exchange: PaperProcess) -> Iterator[Traded]:
    with installation(open_folder, CONFIG) as place, EngineProcess(place) as engine, engine.ready().client() as client:
        desk = Desk(client, exchange, 1)
        alpha, beta = desk.strategy("alpha", "A1", "A2"), desk.strategy("beta", "B1")
        alpha.send(order_type="MARKET", symbol="BTC/USDT", side="buy", qty="0.02")
        alpha.send(order_type="LIMIT", symbol="BTC/USDT", side="buy", price=50_000, qty="0.01", ref="deep")
        beta.send(order_type="MARKET", symbol="ETH/USDT", side="sell", qty="0.5")
        beta.send(order_type="MARKET", symbol="ETH/USDT", side="buy", qty="0.2")
        beta.send(order_type="MARKET", symbol="NONE/USDT", side="buy", qty="0.2")
        yield Traded(place=place, engine=engine, client=client, exchange=exchange, alpha=alpha, beta=beta)


def listed(client: EngineClient, token: str, name: str, **parameters: object) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/{name}?{httpx.QueryParams(parameters)}", token)  # type: ignore[arg-type]
    assert answer.status_code == httpx.codes.OK, answer.text
    rows: list[dict[str, Any]] = answer.json()[name]
    return rows


def test_what_was_traded_is_listed_within_a_second(traded: Traded) -> None:
    wait_until(lambda: len(traded.listed("trades")) == 4, within=1, what="the trades")
    open_orders = traded.listed("orders", status="open")
    assert {(order["account_name"], order["ref"], order["price"]) for order in open_orders} == {
        (account, "deep", "50000") for account in traded.alpha.accounts
    }
    assert {order["engine_order_id"] for order in open_orders} == {
        order.client_order_id
        for one in traded.exchange.served_books().books.accounts
        for order in one.orders
        if order.status == "NEW"
    }
    held = {(row["account_name"], row["symbol"]): row["quantity"] for row in traded.listed("positions", status="open")}
    assert held == {
        (traded.alpha.accounts[0], "BTC/USDT"): "0.02",
        (traded.alpha.accounts[1], "BTC/USDT"): "0.02",
        (traded.beta.accounts[0], "ETH/USDT"): "-0.3",
    }
    by_order = {order["engine_order_id"]: order for order in traded.listed("orders")}
    for trade in traded.listed("trades"):
        order = by_order[trade["engine_order_id"]]
        assert (trade["signal_id"], trade["amount"]) == (order["signal_id"], order["filled"])


def test_signals_are_listed_with_their_timings(traded: Traded) -> None:
    wait_until(lambda: len(traded.listed("signals", status="done")) == 5, what="the signals")
    for signal in traded.listed("signals"):
        routed = [account["routed_at"] for account in signal["accounts"]]
        assert signal["received_at"] <= signal["stored_at"]
        assert signal["received_at"] <= min(routed)
        if signal["symbols"] == ["NONE/USDT"]:
            assert (signal["first_request_at"], signal["accounts"][0]["refused"]) == (None, 1)
        else:
            assert min(routed) <= signal["first_request_at"] <= signal["first_answer_at"] <= signal["finished_at"]
    assert len(traded.listed("signals", account=traded.alpha.accounts[1])) == 2


def test_balances_are_those_of_the_exchange(traded: Traded) -> None:
    (account,) = traded.beta.accounts
    books = {one.account: one for one in traded.exchange.served_books().books.accounts}

    def is_fetched() -> bool:
        told = {row["currency"]: row["total"] for row in traded.listed("balances", account=account)}
        return bool(told) and told == {
            currency: format(balance.total, "f") for currency, balance in books[account].balances.items()
        }

    wait_until(is_fetched, what="the balances")


def test_every_job_runs_and_tells_how_it_went(traded: Traded) -> None:
    wait_until(lambda: all(row["runs"] > 1 for row in traded.jobs().values()), what="the jobs")
    jobs = traded.jobs()
    assert sorted(jobs) == JOBS
    for row in jobs.values():
        assert (row["error"], row["failures"], row["every_seconds"]) == (None, 0, 0.2)
        assert row["said"]
        assert row["took_ms"] >= 0
        assert row["began_at"] < row["next_at"]
    shown = orderwright("status", *traded.place.options, "--json").json
    assert sorted(row["name"] for row in shown["jobs"]) == JOBS
    assert shown["health"]["parts"]["read models"] == "ok"
    text = orderwright("status", *traded.place.options).out
    assert "order-poll" in text
    assert "everybody with unfinished orders looks after them" in text


def test_lists_can_be_rebuilt_while_the_engine_runs(traded: Traded) -> None:
    wait_until(lambda: len(traded.listed("signals", status="done")) == 5, what="the signals")
    names = ("orders", "positions", "trades", "signals")
    before = {name: traded.listed(name) for name in names}
    done = orderwright("rebuild-read-models", *traded.place.options, "--json").json
    assert done["position"] > 0
    assert {name: traded.listed(name) for name in names} == before


def test_after_a_crash_the_lists_go_on(open_folder: Path, exchange: PaperProcess) -> None:
    with installation(open_folder, CONFIG) as place:
        with EngineProcess(place) as engine, engine.ready().client() as client:
            strategy = Desk(client, exchange, 2).strategy("gamma", "G1")
            for _ in range(3):
                strategy.market("buy")
            engine.kill()
        with EngineProcess(place) as engine, engine.ready().client() as client:
            wait_until(lambda: len(listed(client, place.admin_token, "trades")) == 3, what="the trades")
            (position,) = listed(client, place.admin_token, "positions")
            assert position["quantity"] == "0.03"
            assert engine.terminate() == 0
        rebuilt = orderwright("rebuild-read-models", *place.options)
        assert rebuilt.code == 0
        assert "folded anew" in rebuilt.out


def test_an_exchange_that_is_away_makes_its_jobs_fail_and_nothing_else(open_folder: Path) -> None:
    away = PaperProcess(open_folder / "paper that goes")
    with installation(open_folder, CONFIG) as place, EngineProcess(place) as engine, engine.ready().client() as client:
        Desk(client, away, 3).strategy("delta", "D1")
        away.kill()

        def failed() -> dict[str, Any] | None:
            rows = client.get("/api/v1/jobs", place.admin_token).json()["jobs"]
            failures = {row["name"]: row for row in rows if row["error"]}
            return failures["balances"] if failures.keys() == {"balances", "drift", "markets"} else None

        told = wait_until(failed, what="the failure of the three jobs that ask the exchange, and of no other")
        assert "1 of 1 accounts could not be asked: D13" in told["error"]
        health = client.get("/health", place.admin_token).json()
        assert health["parts"]["job/balances"].startswith("failed: 1 of 1")
        assert health["ready"]
        rows = client.get("/api/v1/jobs", place.admin_token).json()["jobs"]
        assert [row["name"] for row in rows if not row["error"]] == ["order-poll", "partitions", "snapshots"]
