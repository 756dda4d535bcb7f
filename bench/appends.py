"""Appended events per second, beside the `eventsourcing` library's saves on the same PostgreSQL; and verification."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn
from uuid import NAMESPACE_OID, UUID, uuid5

from eventsourcing.application import Application

from bench import trading
from bench.both_logs import both_logs
from bench.figures import Bar, Figure, Finding, Round, compared
from bench.installation import ProcessFailed
from bench.reference import ReferenceAccount
from bench.scale import Scale
from orderwright.actors.asks import Asks
from orderwright.actors.env import Env
from orderwright.actors.messages import Address, AppendEnded, Mail, Start, address, name_of, strategy_account_name
from orderwright.actors.pykka_env import PykkaEnv
from orderwright.clock import SystemClock
from orderwright.engine.ids import event_id
from orderwright.eventstore.codec import encode
from orderwright.eventstore.connect import WritableLog
from orderwright.eventstore.store import Append, Appended, NewEvent
from orderwright.eventstore.verify import verify
from orderwright.marketdata.board import Board

_BAR = Bar(text=">= 20 x eventsourcing", at_least=20.0, is_ratio=True)
_WAIT = 60.0
_REFERENCE_THREADS = (1, 8)


def measure(scale: Scale) -> Finding:
    """Return appended events per second beside the reference, and verified events per second.

    Raises:
        ProcessFailed: an append failed.
        ChainBroken: the log is not what was appended.
    """
    rounds: list[Round] = []
    saves: dict[int, list[float]] = {threads: [] for threads in _REFERENCE_THREADS}
    with both_logs() as (log, library):
        for number in range(scale.rounds):
            for threads in _REFERENCE_THREADS:
                saves[threads].append(_saves_per_second(library, threads, scale.append_seconds / 2))
            best = max(results[-1] for results in saves.values())
            reached = _appends_per_second(log, scale, first_stream=number * scale.actors)
            rounds.append(Round(reached=reached, reference=best))
        width = _mean_batch(log)
        verified = verify(log.reader)
    figures = (
        compared(
            rounds,
            name=f"appended events/s, {scale.actors} actors",
            unit="/s",
            reference_name="eventsourcing saves",
            bar=_BAR,
        ),
        Figure(name="verified events/s", unit="/s", reached=verified.events_per_second),
    )
    by_threads = ", ".join(f"{max(results):,.0f}/s from {threads}" for threads, results in saves.items())
    note = (
        f"Each of {scale.actors} actors, on the product's own mailboxes, encodes and appends a fill, and the next one "
        "when that one is durable; "
        f"the writer committed {width:.1f} events at a time on average. fsync is on. "
        f"The library saves an aggregate with one new event of the same data at a time, recorder and pool by default "
        f"(best rounds: {by_threads} threads); the better one of each round is the reference. "
        f"Verification read all {verified.events:,} events of that log and recomputed every hash, on one thread."
    )
    return Finding(title="Appends", figures=figures, note=note)


class _Race:
    """Until when the actors go on, and how many events they have made durable."""

    def __init__(self, actors: int, seconds: float) -> None:
        self._running = actors
        self._ends = time.perf_counter() + seconds
        self._changed = threading.Condition()
        self._failure = ""
        self._events = 0

    def is_over(self) -> bool:
        return time.perf_counter() >= self._ends

    def finish(self, events: int, failure: str = "") -> None:
        with self._changed:
            self._events += events
            self._running -= 1
            self._failure = self._failure or failure
            self._changed.notify()

    def result(self) -> int:
        with self._changed:
            in_time = self._changed.wait_for(lambda: not self._running, timeout=_WAIT)
        if self._failure or not in_time:
            raise ProcessFailed(self._failure or "some appends were never answered")
        return self._events


class _Appender:
    """A room that appends one event, and the next when that one is durable, as a strategy account does."""

    def __init__(self, *, env: Env, me: Address, race: _Race) -> None:
        self._env = env
        self._me = me
        self._stream = name_of(me)
        self._cause = uuid5(NAMESPACE_OID, self._stream)
        self._race = race
        self._version = 0

    def handle(self, mail: Mail) -> None:
        """Begin, or take note of an append and go on."""
        if isinstance(mail, AppendEnded):
            if not isinstance(mail.outcome, Appended):
                self._race.finish(self._version, f"an append ended as {mail.outcome}")
                return
            self._version = mail.outcome.version
        elif not isinstance(mail, Start):
            return
        if self._race.is_over():
            self._race.finish(self._version)
        else:
            self._append()

    def _append(self) -> None:
        events = (_sealed(self._stream, self._version + 1, self._cause),)
        append = Append(stream=self._stream, expected_version=self._version, events=events, attention=True)
        if not self._env.append(append, self._version, self._me):
            self._race.finish(self._version, "the log takes no more")


def _sealed(stream: str, version: int, cause: UUID) -> NewEvent:
    tag, payload = encode(trading.fill(version, SystemClock().now()))
    return NewEvent(
        event_id=event_id(cause, stream, version),
        type=tag,
        schema_version=1,
        payload=payload,
        causation=cause,
        correlation=cause,
    )


def _appends_per_second(log: WritableLog, scale: Scale, *, first_stream: int) -> float:
    race = _Race(scale.actors, scale.append_seconds)
    env = PykkaEnv(
        clock=SystemClock(),
        reader=log.reader,
        writer=log.writer,
        gateway=_no_gateway,
        board=Board(),
        asks=Asks(),
        make_room=lambda _name, me, port: _Appender(env=port, me=me, race=race),
    )
    began = time.perf_counter()
    for number in range(first_stream, first_stream + scale.actors):
        name = strategy_account_name("append", str(number))
        env.spawn(name, address(name, 1))
    events = race.result()
    seconds = time.perf_counter() - began
    env.close()
    return events / seconds


def _no_gateway(account: str) -> NoReturn:
    message = f"nothing is traded here, not on {account} either"
    raise ProcessFailed(message)


def _saves_per_second(library: Application[UUID], threads: int, seconds: float) -> float:
    began = time.perf_counter()

    def save(_thread: int) -> int:
        account, number = ReferenceAccount(), 0
        while time.perf_counter() < began + seconds:
            number += 1
            account.record(trading.fill(number, SystemClock().now()))
            library.save(account)
        return number

    with ThreadPoolExecutor(threads) as pool:
        saved = sum(pool.map(save, range(threads)))
    return saved / (time.perf_counter() - began)


def _mean_batch(log: WritableLog) -> float:
    counts = [batch.event_count for batch in log.reader.read_batches()]
    return sum(counts) / len(counts)
