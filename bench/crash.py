"""How long an engine with a long log takes to be ready again after it was killed in the middle of its work."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median

import httpx
import psutil
from msgspec import Struct

from bench.declared import declared_links, trade
from bench.figures import Bar, Figure, Finding
from bench.installation import ProcessFailed, Served, engine, install, temporary_folder
from bench.load import Load, LoadFailed, Sender, run_load
from bench.long_log import LOG_ID, LongLog
from bench.rhythm import leave_snapshots
from bench.scale import Scale
from orderwright.actors.snapshots import EVERY
from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LogPlace, open_log
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postmaster import find_postmaster
from orderwright.moments import DAY, Micros
from orderwright.readmodels.projections import shipped_projections

_BAR = Bar(text="<= 5 s", at_most=5.0)
_DAYS = 30
_PATIENCE = 60.0
_RESTING = {"order_type": "LIMIT", "side": "buy", "qty": "0.01", "price": "50000"}
_AT_HEAD = (
    "INSERT INTO app.projection (log_id, name, shape, position) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (log_id, name) DO UPDATE SET position = excluded.position"
)


class _Made(Struct, frozen=True, kw_only=True):
    events: int
    tail: int
    seconds: float


class _Start(Struct, frozen=True, kw_only=True):
    """How long a start took, and how many seconds of a CPU the engine's process."""

    seconds: float
    cpu: float


def measure(scale: Scale) -> Finding:
    """Return the seconds from the start of a process to `/health/ready`, after kills in the middle of traffic.

    Raises:
        ProcessFailed: the engine did not come up, or left a stored signal without an end.
    """
    links = declared_links(scale.crash_accounts, scale.accounts_per_group)
    with temporary_folder() as folder, _stopped_at_the_end(folder / "data"):
        senders = tuple(install(folder / "data", links).values())
        made = _make_log(folder / "data", [sender.strategy for sender in senders], scale)
        with engine(folder / "data") as served:
            trade(served, senders, _RESTING)
            _kill_in_traffic(served, senders, scale)
        killed = [_restart(folder / "data", senders, scale, lambda: None) for _ in range(scale.rounds)]
        cut = [
            _restart(folder / "data", senders, scale, lambda: _kill_database(folder / "data"))
            for _ in range(scale.rounds)
        ]
        unfinished = _unfinished(folder / "data")
    name = f"{len(links):,} strategy accounts and {made.events:,} events"
    figures = (
        Figure(
            name=f"ready after kill -9, {name}", unit="s", reached=median(start.seconds for start in killed), bar=_BAR
        ),
        Figure(
            name=f"ready after kill -9 of PostgreSQL too, {name}",
            unit="s",
            reached=median(start.seconds for start in cut),
            bar=_BAR,
        ),
    )
    return Finding(title="Start after a crash", figures=figures, note=_note(scale, made, unfinished, [*killed, *cut]))


def _make_log(data: Path, strategies: Sequence[str], scale: Scale) -> _Made:
    began = time.perf_counter()
    weights = range(1, len(strategies) + 1)
    signals = scale.crash_events // (2 + 6 * scale.accounts_per_group)
    chosen = Random(1).choices(strategies, weights, k=signals)  # noqa: S311
    step = _DAYS * DAY // max(1, signals)
    first = SystemClock().now() - step * signals
    with LongLog(data) as log:
        log.extend(chosen, (Micros(first + number * step) for number in range(signals)))
        tail = leave_snapshots(log, every=EVERY)
        log.as_owner(_AT_HEAD, [(LOG_ID, each.name, each.shape, log.position) for each in shipped_projections()])
        log.settle()
        return _Made(events=log.position, tail=tail, seconds=time.perf_counter() - began)


def _restart(data: Path, senders: tuple[Sender, ...], scale: Scale, before: Callable[[], None]) -> _Start:
    before()
    began = time.perf_counter()
    with engine(data) as served:
        httpx.get(f"{served.url}/health/ready", timeout=_PATIENCE, trust_env=False).raise_for_status()
        seconds = time.perf_counter() - began
        times = psutil.Process(served.pid).cpu_times()
        _kill_in_traffic(served, senders, scale)
    return _Start(seconds=seconds, cpu=times.user + times.system)


def _kill_in_traffic(served: Served, senders: tuple[Sender, ...], scale: Scale) -> None:
    load = Load(port=served.port, senders=senders, connections=scale.connections, seconds=_PATIENCE)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(run_load, load)
        time.sleep(scale.traffic_seconds)
        os.kill(served.pid, signal.SIGKILL)
        if not isinstance(sending.exception(), LoadFailed):
            message = "the engine outlived its kill"
            raise ProcessFailed(message)


def _kill_database(data: Path) -> None:
    server = find_postmaster(data / "postgres" / "cluster")
    if server is None:
        message = "there is no PostgreSQL to kill"
        raise ProcessFailed(message)
    postmaster = psutil.Process(server.pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=_PATIENCE)


def _unfinished(data: Path) -> int:
    """Return how many streams wait for something once the engine has come up a last time: those with open orders."""
    with engine(data), open_log(LogPlace(directory=data)) as log:
        ends = time.perf_counter() + _PATIENCE
        while log.reader.streams(attention_only=True, prefix="inbox/"):
            if time.perf_counter() > ends:
                message = "some stored signals have not come to an end"
                raise ProcessFailed(message)
            time.sleep(0.1)
        return len(log.reader.streams(attention_only=True))


@contextmanager
def _stopped_at_the_end(data: Path) -> Iterator[None]:
    try:
        yield
    finally:
        # A killed engine leaves its PostgreSQL running.
        if data.exists():
            with EmbeddedPostgres(data):
                pass


def _note(scale: Scale, made: _Made, unfinished: int, starts: Sequence[_Start]) -> str:
    return (
        f"The log was made in {made.seconds:.0f} s: market orders of {_DAYS} days, busy strategies and quiet ones, "
        "copied into the tables with hashes and versions by the writer's own planning. Each stream has the snapshot "
        f"that its actor would have left, one every {EVERY:,} events, so that {made.tail:,} events come after them. "
        "The read models stand at the log's end. "
        "Each strategy account was then left an open LIMIT order, so that every stream is rebuilt and "
        f"every order looked up at each start ({unfinished:,} streams have such business at the end). Kills came "
        f"{scale.traffic_seconds:g} s into full traffic, {scale.rounds} of each kind, medians; the slowest start took "
        f"{max(start.seconds for start in starts):.2f} s; the engine's process spent "
        f"{median(start.cpu for start in starts):.2f} s of a CPU on one. No stored signal was left without an end. "
        "Measured from the beginning of the process "
        "until `/health/ready` answered 200; with PostgreSQL killed, its own recovery is in it (the disk's cache was "
        "not lost, as it would be in a power cut)."
    )
