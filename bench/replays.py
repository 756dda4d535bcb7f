"""Replayed events per second: a strategy account from its log, beside an equal aggregate of `eventsourcing`."""

import time
from collections.abc import Sequence
from queue import SimpleQueue
from uuid import UUID

from eventsourcing.application import Application

from bench import trading
from bench.both_logs import both_logs
from bench.figures import Bar, Finding, Round, compared
from bench.installation import ProcessFailed
from bench.reference import ReferenceAccount
from bench.scale import Scale
from orderwright.actors.envelopes import Causes
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve_all
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.connect import WritableLog
from orderwright.eventstore.store import Append, Appended, AppendOutcome, LogWriter
from orderwright.readmodels.replay import replay

_BAR = Bar(text=">= 4 x eventsourcing", at_least=4.0, is_ratio=True)
_EVENTS_PER_APPEND = 100
_WAIT = 60.0


def measure(scale: Scale) -> Finding:
    """Return replayed events per second beside the reference.

    Raises:
        ProcessFailed: what was replayed is not what was appended.
    """
    events = tuple(trading.history(scale.replayed_signals))
    state = evolve_all(State(), events)
    with both_logs() as (log, library):
        _append(log.writer, events)
        account = _save(library, events)
        rounds = [
            Round(reached=_replay(log, state, len(events)), reference=_rebuild(library, account.id, account))
            for _ in range(scale.rounds)
        ]
    figure = compared(rounds, name="replayed events/s", unit="/s", reference_name="eventsourcing", bar=_BAR)
    note = (
        f"{len(events):,} events of {scale.replayed_signals:,} market orders in one stream, read from PostgreSQL, "
        "decoded and folded into the state that the actor keeps; no snapshot on either side. Both results are compared "
        "with what was built before."
    )
    return Finding(title="Replay", figures=(figure,), note=note)


def _append(writer: LogWriter, events: Sequence[Event]) -> None:
    causes, ended = Causes(trading.NAME), SimpleQueue[AppendOutcome]()
    for first in range(0, len(events), _EVENTS_PER_APPEND):
        sealed = causes.seal(events[first : first + _EVENTS_PER_APPEND], version=first, command_id=None)
        writer.append(Append(stream=trading.NAME, expected_version=first, events=sealed), ended.put)
        outcome = ended.get(timeout=_WAIT)
        if not isinstance(outcome, Appended):
            message = f"an append ended as {outcome}"
            raise ProcessFailed(message)


def _save(library: Application[UUID], events: Sequence[Event]) -> ReferenceAccount:
    account = ReferenceAccount()
    for number, event in enumerate(events, 1):
        account.record(event)
        if number % _EVENTS_PER_APPEND == 0:
            library.save(account)
    library.save(account)
    return account


def _replay(log: WritableLog, expected: State, events: int) -> float:
    began = time.perf_counter()
    replayed = replay(trading.NAME, log.reader.read_texts(trading.NAME))
    seconds = time.perf_counter() - began
    if replayed.state != expected or replayed.version != events:
        message = "the replayed state is not the one that was built"
        raise ProcessFailed(message)
    return events / seconds


def _rebuild(library: Application[UUID], account_id: UUID, expected: ReferenceAccount) -> float:
    began = time.perf_counter()
    rebuilt: ReferenceAccount = library.repository.get(account_id)
    seconds = time.perf_counter() - began
    if rebuilt.positions != expected.positions or rebuilt.version != expected.version:
        message = "the rebuilt aggregate is not the one that was built"
        raise ProcessFailed(message)
    # The library's own first event is one of them.
    return rebuilt.version / seconds
