"""An engine whose disk is full says 503, and takes webhooks again by itself when there is room."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from orderwright.eventstore.verify import verify
from tests.processes import Place, wait_until
from tests.small_disk import small_disk
from tests.upkeep.trading import QUIET, engine_on, trading

CONFIG = QUIET + '[http]\nwebhook_wait = "500ms"\n[actors]\nrestart_first_delay = "100ms"\n'
ENOUGH = 5


# With nothing left the log's table cannot grow; with a little, PostgreSQL's own journal fails first, and it stops.
@pytest.mark.parametrize("leaving", [0, 3])
def test_webhooks_are_refused_while_the_disk_is_full_and_taken_when_it_is_not(open_folder: Path, leaving: int) -> None:
    with small_disk(open_folder, megabytes=140) as disk, trading(disk.folder, CONFIG) as (place, trader):
        with engine_on(place) as (engine, client):

            def send(name: str) -> httpx.Response:
                return trader.order(client, id=name, price=10_001, ref="r" * 60)

            trader.placed(client, price=10_000)
            disk.fill(leaving=leaving)
            answers: dict[str, httpx.Response] = {}
            while len(refused := [name for name, sent in answers.items() if sent.status_code == 503]) < ENOUGH:
                assert len(answers) < 3_000, "the disk never filled up"
                answers[f"full-{len(answers)}"] = send(f"full-{len(answers)}")
            assert {answer.status_code for answer in answers.values()} <= {200, 202, 503}
            assert all(answers[name].headers["Retry-After"] for name in refused)
            wait_until(lambda: client.get("/health/ready").status_code == 503, what="readiness to tell")
            assert engine.is_running

            disk.make_room()

            wait_until(lambda: client.get("/health/ready").status_code == 200, what="the engine to be ready")
            for name in refused:
                answers[name] = wait_until(partial(_taken, send, name), what="the re-send to be taken")
            trader.placed(client, price=10_002)
            assert engine.terminate() == 0
        stored = signals(place)

    assert len(stored) == len(set(stored)) == len(answers) + 2
    assert {answer.json()["signal_id"] for answer in answers.values()} <= set(stored)


def _taken(send: Callable[[str], httpx.Response], name: str) -> httpx.Response | None:
    answer = send(name)
    return answer if answer.status_code in (200, 202) else None


def signals(place: Place) -> list[str]:
    """Return the ids of the signals that were stored."""
    with place.open_log() as log:
        verify(log.reader)
        events = [event for event in log.reader.read_stream("inbox/test1") if event.type == "signal_received"]
    payloads: list[dict[str, Any]] = [msgspec.json.decode(event.payload) for event in events]
    return [payload["signal"]["signal_id"] for payload in payloads]
