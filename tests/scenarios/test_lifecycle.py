"""Engines that start, stop, start again and get into each other's way, as processes."""

import ctypes
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from orderwright.bootstrap import RunningEngine
from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineProcess, Place, installation, orderwright, wait_until
from tests.scenarios.desk import Desk, Strategy

ORDER: dict[str, object] = {"symbol": "BTC/USDT", "order_type": "LIMIT", "side": "buy", "price": 90_000, "qty": "0.01"}

DECLARATION = """
[[users]]
name = "carol"
[[accounts]]
name = "C1"
owner = "carol"
exchange = "paper"
balances = { USDT = "100000" }
[[strategies]]
group_name = "quiet"
owner = "carol"
market_type = "FUTURES"
[[links]]
strategy = "quiet"
account = "C1"
capital = { USDT = "10000" }
leverage = 2
"""


POOL = 8


@pytest.fixture(scope="module")
def place(open_folder: Path) -> Iterator[Place]:
    with installation(open_folder, '[logging]\nlevel = "WARNING"\n') as place:
        yield place


@pytest.fixture(scope="module")
def pool(place: Place, exchange: PaperProcess) -> list[Strategy]:
    """Return strategies, each on an account of its own; whoever takes one trades on it alone."""
    with EngineProcess(place) as engine, engine.ready().client() as client:
        strategies = [Desk(client, exchange, number).strategy("lived", "engineless") for number in range(POOL)]
        assert engine.terminate() == 0
    return strategies


@pytest.fixture
def strategy(pool: list[Strategy], exchange: PaperProcess) -> Iterator[Strategy]:
    """Yield a strategy that no other test uses, while no engine runs."""
    yield pool.pop()
    exchange.request("DELETE", "/v1/faults")


@pytest.fixture
def hasty(place: Place, exchange: PaperProcess, pool: list[Strategy]) -> Iterator[Strategy]:
    """Yield a strategy whose entries are too old after a second."""
    strategy = pool.pop()
    declaration = f'[[strategies]]\ngroup_name = "{strategy.group_name}"\nowner = "alice"\nmarket_type = "FUTURES"\n'
    place.apply(declaration + 'max_lag = "1s"\n')
    yield strategy
    exchange.request("DELETE", "/v1/faults")


def _post_in_vain(strategy: Strategy, key: str) -> None:
    with suppress(httpx.TransportError):
        strategy.post(**ORDER, id=key)


@contextmanager
def run(place: Place, strategy: Strategy, exchange: PaperProcess) -> Iterator[tuple[EngineProcess, Strategy]]:
    """Start an engine; yield it and the strategy as it is reached there."""
    with EngineProcess(place) as engine, engine.ready().client() as client:
        desk = Desk(client, exchange, 0)
        yield engine, Strategy(desk, strategy.group_name, strategy.accounts, strategy.tokens)


@pytest.fixture
def engine(place: Place) -> Iterator[EngineProcess]:
    with EngineProcess(place) as engine:
        yield engine.ready()


def test_sigterm_lets_a_request_in_flight_finish_and_exits_with_0(
    place: Place, strategy: Strategy, exchange: PaperProcess
) -> None:
    answers: list[httpx.Response] = []
    seen = exchange.served_books().requests.get("place", 0)
    with run(place, strategy, exchange) as (engine, there):
        exchange.fault("place", "delay_after", delay_ms=1_200)
        sender = threading.Thread(target=lambda: answers.append(there.post(**ORDER)))
        sender.start()
        wait_until(lambda: exchange.served_books().requests.get("place", 0) > seen, what="the order to arrive")

        assert engine.terminate(within=10) == 0
        sender.join()

    assert (answers[0].status_code, answers[0].json()["results"][0]["status"]) == (200, "success")
    assert not (place.data / "engine.json").exists()
    with place.open_log() as log:
        stream = f"strategy-account/{strategy.group_name}@{strategy.accounts[0]}"
        assert "order_accepted" in [event.type for event in log.reader.read_stream(stream)]


def test_sigterm_with_a_hanging_exchange_exits_with_0_within_its_limit_and_the_order_is_found_later(
    open_folder: Path, exchange: PaperProcess
) -> None:
    with installation(open_folder, '[http]\nwebhook_wait = "300ms"\nshutdown_wait = "2s"\n') as place:
        with EngineProcess(place) as engine, engine.ready().client() as client:
            strategy = Desk(client, exchange, 900).strategy("hanging", "one")
            exchange.fault("place", "delay_after", delay_ms=6_000)
            answer = strategy.post(**ORDER)
            assert (answer.status_code, engine.terminate(within=10)) == (202, 0)
        with run(place, strategy, exchange) as (_engine, there):
            assert there.settled(answer.json()["signal_id"])["order_status"] == "NEW"
        (books,) = [one for one in exchange.served_books().books.accounts if one.account == strategy.accounts[0]]
        assert len(books.orders) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_engine_whichever_of_its_threads_gets_it(engine: EngineProcess, number: int) -> None:
    pid = engine.process.pid
    threads = sorted(int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir())

    ctypes.CDLL(None).tgkill(pid, threads[-1], number)

    assert engine.process.wait(10) == 0


def test_a_second_engine_on_the_same_data_exits_with_5_and_says_who_holds_the_lease(
    place: Place, engine: EngineProcess
) -> None:
    second = orderwright("serve", *place.options, "--port", "0")

    assert (second.code, second.out) == (5, "")
    assert f"process {engine.process.pid}" in second.err
    assert "Traceback" not in second.err
    with engine.client() as client:
        assert client.get("/health/ready").status_code == 200
    note = place.data / "engine.json"
    running = RunningEngine(**json.loads(note.read_text()))
    assert (running.pid, running.url, note.stat().st_mode & 0o777) == (engine.process.pid, engine.url, 0o600)


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
def test_a_pause_survives_a_restart(place: Place, strategy: Strategy, exchange: PaperProcess, ending: str) -> None:
    with run(place, strategy, exchange) as (engine, there):
        there.operate("pause", why="overnight")
        (engine.terminate if ending == "SIGTERM" else engine.kill)()

    with run(place, strategy, exchange) as (engine, there):
        assert (there.state()["condition"], there.state()["why"]) == ("paused", "overnight")
        assert there.limit("buy", 90_000)["code"] == "paused"
        there.operate("resume")
        assert there.limit("buy", 90_001)["status"] == "success"
        there.cancel_all()


def test_a_duplicate_is_known_again_after_a_restart(place: Place, strategy: Strategy, exchange: PaperProcess) -> None:
    replies = []
    for ending in (EngineProcess.kill, EngineProcess.terminate):
        with run(place, strategy, exchange) as (engine, there):
            replies += [there.send(id="night", **ORDER), there.send(id=None, **ORDER)]
            ending(engine)

    assert [reply["duplicate"] for reply in replies] == [False, False, True, True]
    assert [reply["signal_id"] for reply in replies[:2]] == [reply["signal_id"] for reply in replies[2:]]
    assert replies[2]["results"] == replies[0]["results"]


def test_an_entry_that_waited_through_a_crash_for_too_long_is_recorded_as_expired(
    place: Place, hasty: Strategy, exchange: PaperProcess
) -> None:
    with run(place, hasty, exchange) as (engine, there):
        exchange.fault("place", "delay_before", delay_ms=4_000)
        senders = [threading.Thread(target=_post_in_vain, args=(there, key)) for key in ("first", "second")]
        for sender in senders:
            sender.start()
            time.sleep(0.2)
        engine.kill()
        time.sleep(1.0)
        for sender in senders:
            sender.join()

    with run(place, hasty, exchange) as (_engine, there):
        second = there.send(**ORDER, id="second")
        assert second["duplicate"] is True
        settled = there.settled(second["signal_id"], "refused")
    assert settled["code"] == "signal_expired"


def test_orders_and_positions_are_those_of_before_after_a_kill(
    place: Place, strategy: Strategy, exchange: PaperProcess
) -> None:
    with run(place, strategy, exchange) as (engine, there):
        there.market("buy", qty="0.03")
        there.limit("sell", 110_000)
        before = there.state()
        engine.kill()

    with run(place, strategy, exchange) as (engine, there):
        assert there.state() == before
        assert Decimal(there.position()) == Decimal("0.03")
        assert there.cancel_all()["results"][0]["cancelled_orders"] == 1


def test_apply_twice_changes_nothing_on_a_stopped_engine(place: Place) -> None:
    declaration = DECLARATION.replace("carol", "dave").replace("quiet", "still").replace("C1", "S1")

    first, second = place.apply(declaration), place.apply(declaration)

    assert [(row["strategy"], row["holder"]) for row in first["tokens"]] == [("still", "dave")]
    assert len(first["changed"]) == 5
    assert second == {"tokens": [], "changed": []}


def test_apply_on_a_running_engine_is_at_work_at_once_and_twice_changes_nothing(
    place: Place, engine: EngineProcess
) -> None:
    first, second = place.apply(DECLARATION), place.apply(DECLARATION)

    with engine.client() as client:
        answer = client.webhook({**ORDER, "group_name": "quiet", "token": first["tokens"][0]["token"]})
        assert (answer.status_code, answer.json()["results"][0]["status"]) == (200, "success")
        more = place.apply(DECLARATION.replace('"10000"', '"20000"'))
        assert more == {"tokens": [], "changed": ["link quiet on C1"]}
        wait_until(lambda: client.strategy_account("quiet", "C1")["capital"] == {"USDT": "20000"}, what="the capital")
    assert second == {"tokens": [], "changed": []}


def test_apply_is_heard_by_the_next_engine_when_the_last_was_killed(place: Place, engine: EngineProcess) -> None:
    engine.kill()
    assert (place.data / "engine.json").exists()

    place.apply(DECLARATION.replace("quiet", "night").replace("C1", "N1"))

    with EngineProcess(place) as again, again.ready().client() as client:
        assert client.strategy_account("night", "N1")["condition"] == "active"
