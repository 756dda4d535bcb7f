"""Follows the log on a thread of its own, so that the read models are never far behind what is committed."""

import logging
import threading
from typing import Final

import psycopg

from orderwright.eventstore.connections import first_line
from orderwright.eventstore.store import EventStoreError
from orderwright.readmodels.projections import PAGE, Projections

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.2
_FIRST_RETRY_SECONDS: Final = 0.5
_SLOWEST_RETRY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 15.0


class Projector:
    """Looks for new events every fifth of a second; while the database is away it tries again with growing pauses."""

    def __init__(self, projections: Projections) -> None:
        self._projections = projections
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self._trouble = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End with the page that is being applied, if it ever began."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            logger.warning("the read models are still busy")

    def conditions(self) -> dict[str, str]:
        """Return how the read models are: as a whole, and what is wrong with those that have stopped."""
        stopped = {f"read-model/{name}": why for name, why in self._projections.broken.items()}
        return {"read models": self._condition(bool(stopped))} | stopped

    def _condition(self, has_stopped: bool) -> str:  # noqa: FBT001 -- private, and called in one place
        if not self._thread.is_alive() and not self._stopping.is_set():
            return "not running"
        if self._trouble:
            return "the database cannot be asked"
        return "some have stopped" if has_stopped else "ok"

    def _run(self) -> None:
        pause, retry = 0.0, _FIRST_RETRY_SECONDS
        while not self._stopping.wait(pause):
            try:
                applied = self._projections.advance()
            except (EventStoreError, psycopg.Error) as error:
                self._note(first_line(error) if isinstance(error, psycopg.Error) else str(error))
                pause, retry = retry, min(2 * retry, _SLOWEST_RETRY_SECONDS)
            else:
                self._note("")
                pause, retry = 0.0 if applied >= PAGE else _LOOK_SECONDS, _FIRST_RETRY_SECONDS

    def _note(self, trouble: str) -> None:
        if trouble and not self._trouble:
            logger.warning("%s; trying again until it can be done", trouble)
        elif self._trouble and not trouble:
            logger.info("the read models are kept up again")
        self._trouble = trouble
