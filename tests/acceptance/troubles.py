"""What comes over a running engine in the middle of a burst, and goes again; each is kept to by `Ordeal.endure`."""

import signal
import time
from collections.abc import Callable
from threading import Timer

import httpx

from orderwright.cli import exits
from orderwright.moments import SECOND
from tests.acceptance.jumping_engine import ShiftedClock
from tests.acceptance.ordeal import Ordeal
from tests.acceptance.senders import Burst
from tests.acceptance.wire import Dropped, Passage
from tests.processes import EngineClient, wait_until
from tests.small_disk import SmallDisk

Trouble = Callable[[Ordeal, Burst], None]

LEASE = 3.0
"""The lease that these troubles take the engine to have, in seconds."""

_TAKES = {"place", "cancel"}
_SOON = 6.0


def cut_off_from_the_exchange(ordeal: Ordeal, burst: Burst) -> None:
    """Break every eighth connection to the exchange: before the request goes on, or before the answer does."""
    _cut_some(ordeal)
    burst.finish(within=10)


def beside_cuts(trouble: Trouble) -> Trouble:
    """Let a trouble come while connections to the exchange are cut all the time."""

    def both(ordeal: Ordeal, burst: Burst) -> None:
        _cut_some(ordeal)
        trouble(ordeal, burst)

    return both


def _cut_some(ordeal: Ordeal) -> None:
    def watch(_passage: Passage, at: str) -> None:
        if at != "delivered" and ordeal.random.random() < 1 / 8:
            ordeal.survived["connections to the exchange cut"] += 1
            raise Dropped

    ordeal.wire.watch = watch


def cut_off_from_the_database(ordeal: Ordeal, burst: Burst) -> None:
    """Break every eighth connection to the database, before what was sent over it goes on, or what was answered."""
    line = ordeal.database.line
    assert line is not None
    before, line.cut_request = line.cuts, lambda _: ordeal.random.random() < 1 / 8
    line.cut_answer = line.cut_request
    burst.finish(within=10)
    line.cut_request = line.cut_answer = lambda _: False
    ordeal.survived["connections to the database cut"] += line.cuts - before


def database_crashes(ordeal: Ordeal, _burst: Burst) -> None:
    """Stop the engine's own database as a crash would; the engine brings it back."""
    time.sleep(ordeal.random.uniform(0.0, 0.4))
    ordeal.database.stop_at_once()
    ordeal.survived["database crashed, started again by the engine"] += 1


def database_is_away(ordeal: Ordeal, _burst: Burst) -> None:
    """Stop a distant database as a crash would, for longer than the lease lasts, and see what the engine does."""
    time.sleep(ordeal.random.uniform(0.0, 0.4))
    ordeal.database.stop_at_once()
    stopped = time.monotonic()
    with ordeal.engine.client() as client, httpx.Client(trust_env=False) as sender:
        wait_until(lambda: client.get("/health/ready").status_code == httpx.codes.SERVICE_UNAVAILABLE, within=5)
        _refuses(client)
        time.sleep(max(0.0, stopped + LEASE - time.monotonic()))
        silent_since = time.monotonic()
        webhook = ordeal.stranger()
        assert webhook.send(sender, ordeal.engine.url) is False
        assert webhook.attempts[-1].status == httpx.codes.SERVICE_UNAVAILABLE
        time.sleep(1.0)
        left = [each for each in ordeal.wire.passages() if each.came > silent_since and each.operation in _TAKES]
        assert left == [], "something left while the log could not be written"
        ordeal.database.bring_back()
        wait_until(lambda: client.get("/health/ready").is_success, what="the engine to recover by itself")
        assert wait_until(lambda: client.post("/api/v1/resume", why="it is back").is_success, what="the halt's end")
        assert wait_until(lambda: webhook.send(sender, ordeal.engine.url), what="the webhook to be taken")
    ordeal.survived["database crashed and was away"] += 1


def _refuses(client: EngineClient) -> None:
    for operation in ("cancel-all", "pause", "resume", "liquidate"):
        began = time.monotonic()
        answer = client.operate("alpha", "A1", operation, why="the log is away")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        assert "nothing was done and nothing will be" in answer.json()["error"]
        assert time.monotonic() - began < 1
    began = time.monotonic()
    halted = client.post("/api/v1/halt", why="the log is away")
    assert (halted.status_code, halted.json()["code"]) == (503, "halt_not_stored")
    assert time.monotonic() - began < _SOON


def stopped_beyond_its_lease(ordeal: Ordeal, burst: Burst) -> None:
    """SIGSTOP the engine until a standby has taken over, then let it go on: its part is over."""
    old = ordeal.engine
    new = ordeal.stand_by()
    time.sleep(ordeal.random.uniform(0.0, 0.3))
    old.process.send_signal(signal.SIGSTOP)
    burst.url = ordeal.take_over(new)
    if ordeal.random.random() < 1 / 2:
        burst.finish(within=5)
    old.process.send_signal(signal.SIGCONT)
    assert old.process.wait(30) == exits.FAILED
    assert "has stopped trading" in old.errors
    ordeal.survived["stopped beyond its lease, and continued"] += 1


def killed(ordeal: Ordeal, burst: Burst) -> None:
    """Kill the engine and start the next one."""
    time.sleep(ordeal.random.uniform(0.0, 0.5))
    ordeal.engine.kill()
    burst.url = ordeal.take_over(ordeal.start())
    ordeal.survived["killed"] += 1


def two_start_at_once(ordeal: Ordeal, burst: Burst) -> None:
    """Kill the engine and start two: one of them serves, the other says that it must not."""
    time.sleep(ordeal.random.uniform(0.0, 0.3))
    ordeal.engine.kill()
    both = ordeal.start(), ordeal.start()
    loser = wait_until(lambda: next((each for each in both if not each.is_running), None), what="one to give up")
    assert loser.process.returncode == exits.LEASE_HELD, loser.errors
    burst.url = ordeal.take_over(both[0] if loser is both[1] else both[1])
    ordeal.survived["two engines started at once"] += 1


def clock_jumps(clock: ShiftedClock, seconds: float) -> Trouble:
    """Put the engine's clock forward by so many seconds (or back), for good, while answers of the exchange are lost."""

    def jump(ordeal: Ordeal, burst: Burst) -> None:
        jumping = Timer(ordeal.random.uniform(0.1, 0.6), clock.put_forward, [int(seconds * SECOND)])
        jumping.start()
        cut_off_from_the_exchange(ordeal, burst)
        jumping.join()
        ordeal.survived[f"clock put {'forward' if seconds > 0 else 'back'}"] += 1

    return jump


def disk_fills_up(disk: SmallDisk) -> Trouble:
    """Leave no room on the engine's disk for a while."""

    def fill(ordeal: Ordeal, burst: Burst) -> None:
        time.sleep(ordeal.random.uniform(0.0, 0.2))
        disk.fill(leaving=ordeal.random.choice((0, 3)))
        burst.finish(within=4)
        disk.make_room()
        ordeal.survived["disk full"] += 1

    return fill
