"""One embedded PostgreSQL, as the product starts it, with the product's log and the reference's tables on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from eventsourcing.application import Application

from bench.installation import temporary_folder
from bench.reference import reference_application
from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LogPlace, WritableLog, open_log_for_writing
from orderwright.eventstore.embedded import EmbeddedPostgres


@contextmanager
def both_logs() -> Iterator[tuple[WritableLog, Application[UUID]]]:
    """Yield a fresh log open for writing, and an application of the reference on the same server."""
    with temporary_folder() as folder:
        place = LogPlace(directory=folder / "data")
        with (
            EmbeddedPostgres(place.directory) as server,
            open_log_for_writing(place, clock=SystemClock(), on_fenced=lambda _reason: None) as log,
            reference_application(server.owner_conninfo) as library,
        ):
            yield log, library
