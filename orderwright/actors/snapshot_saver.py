"""One thread that seals and saves snapshots, so that neither actors nor the log's writer wait for it."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from orderwright.eventstore.snapshots import SnapshotStore, Taken
from orderwright.eventstore.store import StoreUnavailable

logger = logging.getLogger(__name__)


class SnapshotSaver:
    """Saves the newest snapshot of each stream; one that cannot be saved is let go, since another will come."""

    def __init__(self, store: SnapshotStore) -> None:
        self._store = store
        self._waiting: dict[str, Taken[Any]] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")

    def save(self, taken: Taken[Any]) -> None:
        """Save a snapshot soon, instead of an older one of its stream that still waits."""
        with self._lock:
            is_first = taken.stream not in self._waiting
            self._waiting[taken.stream] = taken
        if is_first:
            self._thread.submit(self._save_next, taken.stream)

    def close(self) -> None:
        """Save what waits, and end the thread."""
        self._thread.shutdown()

    def _save_next(self, stream: str) -> None:
        with self._lock:
            taken = self._waiting.pop(stream)
        try:
            if not self._store.save(taken.sealed(log_id=self._store.log_id)):
                logger.warning("the log did not take a snapshot of %s at version %d", stream, taken.version)
        except StoreUnavailable as exc:
            logger.warning("no snapshot of %s was saved: %s", stream, exc)
        except Exception:
            # The thread of a pool swallows what nobody asks for; a state that cannot be encoded must be heard of.
            logger.exception("no snapshot of %s could be made", stream)
