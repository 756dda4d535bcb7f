"""Whoever means harm over HTTP costs the others nothing: their webhooks are taken, and in time."""

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.acceptance.hostile import HEAD, Flooder, crowd, endless_chunks, huge_body, huge_headers
from tests.processes import EngineProcess, wait_until
from tests.proofs import tell
from tests.upkeep.trading import QUIET, Trader, trading

CONFIG = QUIET + '[http]\nchannel_timeout = "2s"\n'
FEW = 60
PROMPT = 3.0
"""As long as TradingView waits."""

MEGABYTE = 1_000_000


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def trader(open_folder: Path) -> Iterator[tuple[EngineProcess, Trader]]:
    with trading(open_folder, CONFIG) as (place, trader), EngineProcess(place) as engine:
        engine.ready()
        yield engine, trader


def port_of(engine: EngineProcess) -> int:
    return int(engine.url.rpartition(":")[2])


def slowest(engine: EngineProcess, trader: Trader, count: int) -> float:
    """Send so many webhooks, each on a connection of its own, and have them all placed; return the longest time."""
    took = []
    for number in range(count):
        began = time.monotonic()
        with engine.client() as client:
            trader.placed(client, price=10_000 + number)
        took.append(time.monotonic() - began)
    return max(took)


@pytest.mark.ci_slice
def test_a_thousand_idle_connections_slow_requests_and_huge_ones_keep_nobody_waiting(
    trader: tuple[EngineProcess, Trader],
) -> None:
    engine, sender = trader
    port, process = port_of(engine), psutil.Process(engine.process.pid)
    slowest(engine, sender, 5)
    before = process.memory_info().rss
    with ExitStack() as held:
        idle = held.enter_context(crowd(port, 1_000))
        slow = [
            held.enter_context(crowd(port, 200, head=HEAD, drip=b"X-Slow: more\r\n")),
            held.enter_context(crowd(port, 200, head=HEAD + b"Content-Length: 60000\r\n\r\n", drip=b" ")),
        ]
        requests = (huge_headers(2 * MEGABYTE), huge_body(20 * MEGABYTE), endless_chunks(20 * MEGABYTE))
        flooders = [Flooder(port, request) for request in requests for _ in range(2)]
        for flooder in flooders:
            held.callback(flooder.stop)

        longest = slowest(engine, sender, 100)

        wait_until(lambda: all(each.cut for each in (idle, *slow)), what="those that dawdle to be cut off")
        grown = (process.memory_info().rss - before) / MEGABYTE
        answers = {answer for flooder in flooders for answer in flooder.answers}
    huge = sum(len(each.answers) for each in flooders)
    tell(f"100 webhooks beside 1,400 idle and slow connections and {huge} huge requests: {longest:.2f} s at most")
    assert longest < PROMPT
    assert grown < 100
    assert answers <= {b"HTTP/1.1 413", b"HTTP/1.0 413", b"HTTP/1.1 431", b"HTTP/1.0 431", b""}
    assert engine.errors == ""


def test_slow_requests_on_every_connection_there_is_are_cut_off_and_others_served(open_folder: Path) -> None:
    config = CONFIG + f"connection_limit = {FEW}\n"
    with (
        trading(open_folder, config) as (place, sender),
        EngineProcess(place).ready() as engine,
        crowd(port_of(engine), 2 * FEW, head=HEAD, drip=b"X-Slow: more\r\n") as slow,
    ):
        slowest(engine, sender, 2)
        assert slow.cut >= FEW


def test_an_engine_that_may_open_few_files_takes_fewer_connections_and_trades_on(open_folder: Path) -> None:
    with trading(open_folder, CONFIG) as (place, sender), EngineProcess(place) as engine:
        resource.prlimit(engine.process.pid, resource.RLIMIT_NOFILE, (400, 400))
        engine.ready()
        with crowd(port_of(engine), 300):
            slowest(engine, sender, 2)
        assert "takes 144 connections at a time" in engine.errors
        assert "Traceback" not in engine.errors
