"""Where the catalogue is kept and changed: decided, written to the log, then published by reference."""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from uuid import NAMESPACE_OID, UUID, uuid5

from msgspec.structs import replace

from orderwright.clock import Clock
from orderwright.engine.catalogue.commands import Command
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.events import Event
from orderwright.engine.catalogue.evolve import evolve
from orderwright.engine.catalogue.state import Catalogue, Halt
from orderwright.engine.ids import event_id
from orderwright.errors import OrderwrightError
from orderwright.eventstore.codec import EventCodec, encode
from orderwright.eventstore.store import (
    Append,
    Appended,
    AppendOutcome,
    LogReader,
    LogWriter,
    NewEvent,
    StoreUnavailable,
)

STREAM = "catalogue"
CODEC: EventCodec[Event] = EventCodec(Event)

_WRITE_WAIT = 30.0
_WAIT_IN_TROUBLE = 3.0


class CatalogueRefused(OrderwrightError):
    """The commands contradict the catalogue; nothing was changed."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(refusal.error for refusal in refusals))
        self.refusals = tuple(refusals)


class CatalogueDesk:
    """Holds the catalogue; changes go one after the other, readers take the published reference.

    `local_token_hash` is of a token that opens the admin interface as the first administrator while this process
    lives; it is published with the catalogue and never written down. So are halts that are not written down yet.
    """

    def __init__(
        self, *, clock: Clock, reader: LogReader, writer: LogWriter, local_token_hash: str | None = None
    ) -> None:
        self._clock = clock
        self._reader = reader
        self._writer = writer
        self._changing = threading.Lock()
        # Held for a moment only: who halts must not wait for a change that waits for the log.
        self._publishing = threading.Lock()
        self._local_token_hash = local_token_hash
        self._catalogue = self._published = Catalogue()
        self._unwritten: tuple[Halt, ...] = ()
        self._version = 0
        self._awaited: Future[AppendOutcome] | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue as of now."""
        return self._published

    def load(self) -> None:
        """Fold the catalogue from the log.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        catalogue, self._version = load_catalogue(self._reader)
        self._awaited = None
        self._publish(catalogue)

    @property
    def is_behind(self) -> bool:
        """Whether something was to be written of which nobody knows yet what became of it."""
        return self._awaited is not None

    def catch_up(self) -> None:
        """Take over what the log has written meanwhile, or do nothing if nothing is open.

        Raises:
            EventStoreError: the log cannot be read, or what was to be written still waits.
        """
        with self._changing:
            self._catch_up()

    def _catch_up(self) -> None:
        if self._awaited is None:
            return
        try:
            # What is still to be written would come after what is read now.
            self._awaited.result(_WAIT_IN_TROUBLE)
        except FutureTimeoutError as exc:
            message = "the log has not answered yet whether the change before this one was written"
            raise StoreUnavailable(message) from exc
        self.load()

    def show_halts(self, unwritten: Iterable[Halt]) -> None:
        """Show these halts and no others beside those of the log; never blocks for long."""
        with self._publishing:
            self._unwritten = tuple(unwritten)
            self._show()

    def _publish(self, catalogue: Catalogue) -> None:
        with self._publishing:
            self._catalogue = catalogue
            self._show()

    def _show(self) -> None:
        catalogue = self._catalogue
        halts, tokens = catalogue.halts, catalogue.api_tokens
        for halt in self._unwritten:
            if (halt.scope, halt.name) not in halts:
                halts = halts.insert((halt.scope, halt.name), halt)
        first = next((user.name for user in catalogue.users.values() if user.is_active_administrator), None)
        if self._local_token_hash is not None and first is not None:
            tokens = tokens.insert(self._local_token_hash, first)
        self._published = replace(catalogue, halts=halts, api_tokens=tokens)

    def change(self, commands: Sequence[Command]) -> None:
        """Commit what the commands decide, all or nothing, and publish it.

        Raises:
            CatalogueRefused: they contradict the catalogue.
            EventStoreError: the log could not be written, or nobody knows whether it was.
        """
        with self._changing:
            self._catch_up()
            events, after = self._decide(commands)
            if events:
                self._write(events)
                self._publish(after)

    def _decide(self, commands: Sequence[Command]) -> tuple[list[Event], Catalogue]:
        state = self._catalogue
        events: list[Event] = []
        refusals: list[Refusal] = []
        for command in commands:
            decided = decide(state, command, self._clock.now())
            for item in decided:
                if isinstance(item, Refusal):
                    refusals.append(item)
                else:
                    state = evolve(state, item)
                    events.append(item)
        if refusals:
            raise CatalogueRefused(refusals)
        return events, state

    def _write(self, events: list[Event]) -> None:
        written: Future[AppendOutcome] = Future()
        batch = Append(
            stream=STREAM, expected_version=self._version, events=_sealed(events, self._version), attention=False
        )
        self._writer.append(batch, written.set_result)
        # Until the log says what became of it, nobody knows what the catalogue is.
        self._awaited = written
        try:
            # Who halts while the log is away has to hear soon that it is not written down.
            outcome = written.result(_WAIT_IN_TROUBLE if self._writer.trouble else _WRITE_WAIT)
        except FutureTimeoutError as exc:
            message = "the log did not answer in time: whether the change was written will show when it is back"
            raise StoreUnavailable(message) from exc
        if not isinstance(outcome, Appended):
            message = f"the change was not written: {outcome}"
            raise StoreUnavailable(message)
        self._version = outcome.version
        self._awaited = None


def load_catalogue(reader: LogReader) -> tuple[Catalogue, int]:
    """Return the catalogue as the log has it, and its stream's version."""
    catalogue, version = Catalogue(), 0
    for stored in reader.read_stream(STREAM):
        catalogue, version = evolve(catalogue, CODEC.decode(stored)), stored.version
    return catalogue, version


def _sealed(events: list[Event], version: int) -> tuple[NewEvent, ...]:
    cause: UUID = uuid5(NAMESPACE_OID, STREAM)
    sealed = []
    for ordinal, event in enumerate(events, version + 1):
        tag, payload = encode(event)
        sealed.append(
            NewEvent(
                event_id=event_id(cause, STREAM, ordinal),
                type=tag,
                schema_version=1,
                payload=payload,
                causation=cause,
                correlation=cause,
            )
        )
    return tuple(sealed)
