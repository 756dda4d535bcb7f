"""A second engine stands by and takes over; the one that was replaced writes nothing and sends nothing more."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from orderwright.bootstrap import RunningEngine, find_running
from orderwright.cli.options import installation as installation_at
from orderwright.engine.strategy_account.events import OrderRequested
from orderwright.eventstore.verify import verify
from orderwright.exchanges.paper.records import Arrival, PaperOrder
from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineProcess, Place, installation, wait_until
from tests.upkeep.trading import QUIET, Trader, trader_on

TTL = 2.0
# An order may be sent for so long that only the lost lease can be what keeps it back.
CONFIG = QUIET + f'[store]\nlease_ttl = "{TTL}s"\n[orders]\nvalid_for = "60s"\n[http]\nwebhook_wait = "500ms"\n'


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[PaperProcess]:
    process = PaperProcess(tmp_path / "paper")
    yield process
    process.kill()


@pytest.fixture
def place(open_folder: Path) -> Iterator[Place]:
    with installation(open_folder, CONFIG) as place:
        yield place


@pytest.fixture
def trader(place: Place, exchange: PaperProcess) -> Trader:
    return trader_on(place, url=exchange.url)


@contextmanager
def pair(place: Place) -> Iterator[tuple[EngineProcess, EngineProcess]]:
    """Run an engine, and one that stands by."""
    with EngineProcess(place) as first, EngineProcess(first.ready().place, "--standby") as second:
        wait_until(lambda: "standing by" in second.said, what="the standby")
        yield first, second


def standby_url(engine: EngineProcess) -> str:
    return engine.said.partition("standing by at ")[2].partition(": ")[0]


def arrivals(exchange: PaperProcess) -> list[Arrival]:
    """Return what the exchange was asked to do that changes anything, in order."""
    return list(exchange.served_books().books.arrivals)


def note_of(place: Place) -> RunningEngine | None:
    return find_running(installation_at(place.data, place.config))


def test_a_standby_says_what_it_waits_for_and_takes_nothing(place: Place, trader: Trader) -> None:
    with pair(place) as (first, second):
        url = standby_url(second)
        assert f"another engine: {socket.gethostname()}, process {first.process.pid}, since" in second.said

        health = httpx.get(f"{url}/health", trust_env=False)
        assert (health.status_code, health.json()["live"], health.json()["ready"]) == (503, True, False)
        assert f"process {first.process.pid}" in health.json()["parts"]["lease"]
        assert httpx.get(f"{url}/health/live", trust_env=False).status_code == 200
        assert httpx.get(f"{url}/health/ready", trust_env=False).status_code == 503
        for path in ("/api/webhook", f"/webhook/{trader.token}", "/api/v1/strategy-accounts", "/nowhere"):
            answer = httpx.post(f"{url}{path}", content=b"{}", trust_env=False)
            assert (answer.status_code, answer.json()["code"]) == (503, "standing_by")
            assert answer.headers["Retry-After"]
        with first.client() as client:
            trader.placed(client)
            assert client.get("/health/ready").status_code == 200
        assert second.terminate() == 0
        assert first.is_running


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_standby_takes_over_at_once_when_the_engine_is_gone(
    place: Place, trader: Trader, ending: signal.Signals
) -> None:
    with pair(place) as (first, second):
        with first.client() as client:
            trader.placed(client, price=10_000)
        first.process.send_signal(ending)
        first.process.wait(30)

        second.ready()

        with second.client() as client:
            trader.placed(client, price=10_001)
            assert len(client.strategy_account("test1", "A1")["orders"]) == 2
            assert client.get("/health/ready").status_code == 200
        running = note_of(place)
        assert running is not None
        assert (running.pid, running.url) == (second.process.pid, second.url)
        assert second.url == standby_url(second)
        assert second.terminate() == 0


def burst(engine: EngineProcess, trader: Trader, stopping: threading.Event) -> list[threading.Thread]:
    """Send orders from several senders until told to stop; what becomes of them is the log's to tell."""

    def send(sender: int) -> None:
        with engine.client() as client:
            number = 0
            while not stopping.is_set():
                number += 1
                try:
                    trader.order(client, id=f"{sender}-{number}", price=10_000 + number)
                except httpx.HTTPError:
                    return

    senders = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for sender in senders:
        sender.start()
    return senders


@pytest.mark.parametrize("moment", [0.31, 0.77, 1.13])
def test_an_engine_that_was_stopped_and_goes_on_writes_nothing_and_sends_nothing_more(
    place: Place, trader: Trader, exchange: PaperProcess, moment: float
) -> None:
    with pair(place) as (old, new):
        stopping = threading.Event()
        senders = burst(old, trader, stopping)
        time.sleep(moment)
        old.process.send_signal(signal.SIGSTOP)
        stopping.set()

        new.ready()
        before = arrivals(exchange)
        old.process.send_signal(signal.SIGCONT)
        assert old.process.wait(30) == 1
        for sender in senders:
            sender.join()

        assert "has stopped trading" in old.errors
        running = note_of(place)
        assert running is not None
        assert running.pid == new.process.pid
        with new.client() as client:
            assert client.get("/health/ready").status_code == 200
            trader.placed(client, price=20_000)
        after = arrivals(exchange)
        assert new.terminate() == 0

    old_intents, new_intents = intents_by_epoch(place)
    # The new engine goes on with the signals that were stored; of the old one's orders nothing more may come.
    assert {arrival.client_order_id for arrival in after[len(before) :]} <= new_intents
    placed = [order.client_order_id for order in _orders(exchange)]
    assert len(placed) == len(set(placed))
    assert set(placed) <= old_intents | new_intents
    assert old_intents
    assert new_intents


def intents_by_epoch(place: Place) -> tuple[set[str], set[str]]:
    """Return the ids of the orders that the first and the last writer of the log wanted."""
    with place.open_log() as log:
        verify(log.reader)
        batches = list(log.reader.read_batches())
        epochs = [batch.epoch for batch in batches]
        assert epochs == sorted(epochs)
        began = next(batch.first_position for batch in batches if batch.epoch == epochs[-1])
        wanted: tuple[set[str], set[str]] = (set(), set())
        for stored in log.reader.read_all():
            if stored.type == "order_requested":
                request = msgspec.json.decode(stored.payload, type=OrderRequested)
                wanted[stored.position >= began].add(request.order_id)
    return wanted


def _orders(exchange: PaperProcess) -> list[PaperOrder]:
    return [order for account in exchange.served_books().books.accounts for order in account.orders]
