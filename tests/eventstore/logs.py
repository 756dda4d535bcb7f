"""Logs to test against, and events to put into them."""

import queue
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID, uuid4

from orderwright.clock import SystemClock
from orderwright.eventstore.connections import Database
from orderwright.eventstore.postgres import PostgresLog
from orderwright.eventstore.postgres_sink import LEASE_TTL, PostgresSink
from orderwright.eventstore.store import (
    Append,
    Appended,
    AppendOutcome,
    LogReader,
    LogWriter,
    NewEvent,
)
from orderwright.eventstore.verify import ChainSource
from orderwright.eventstore.writer import GroupCommitWriter, WriterLimits

PATIENCE = 20.0


class Readable(LogReader, ChainSource, Protocol):
    """A log that can be read and verified."""


class OpenedLog:
    """A log's two sides, and appends that wait for their end."""

    def __init__(self, reader: Readable, writer: LogWriter) -> None:
        self.reader = reader
        self.writer = writer

    def append(self, stream: str, *payloads: str, expected: int, attention: bool | None = None) -> AppendOutcome:
        return self.append_all([appending(stream, *payloads, expected=expected, attention=attention)])[0]

    def append_all(self, appends: Sequence[Append]) -> Sequence[AppendOutcome]:
        """Queue all, then wait for all: they may share a commit."""
        ends: queue.SimpleQueue[AppendOutcome] = queue.SimpleQueue()
        for append in appends:
            self.writer.append(append, ends.put)
        return [ends.get(timeout=PATIENCE) for _ in appends]


class PostgresWriting:
    """An engine's worth of writer on a database, for tests that need to see inside."""

    def __init__(self, database: Database, limits: WriterLimits | None = None, *, ttl: float = LEASE_TTL) -> None:
        self.fenced: list[str] = []
        self.sink = PostgresSink(database, ttl=ttl)
        self.sink.take_lease(SystemClock())
        self.writer = GroupCommitWriter(self.sink, clock=SystemClock(), on_fenced=self.fenced.append, limits=limits)
        self.reader = PostgresLog(database)
        self.writer.start()
        self.log = OpenedLog(self.reader, self.writer)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


def new_event(payload: str = "{}", *, correlation: UUID | None = None, kind: str = "happened") -> NewEvent:
    return NewEvent(
        event_id=uuid4(),
        type=kind,
        schema_version=1,
        payload=payload,
        causation=uuid4(),
        correlation=correlation or uuid4(),
    )


def appending(stream: str, *payloads: str, expected: int, attention: bool | None = None) -> Append:
    events = tuple(new_event(payload) for payload in payloads or ("{}",))
    return Append(stream=stream, expected_version=expected, events=events, attention=attention)


def appended(outcome: AppendOutcome) -> Appended:
    assert isinstance(outcome, Appended), outcome
    return outcome
