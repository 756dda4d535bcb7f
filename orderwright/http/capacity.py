"""How many of the server's threads are at work, how long requests wait for one, and whether webhooks are taken."""

import math
import threading

import falcon

_SCARCE_SHARE = 4


class Capacity:
    """Counts busy threads; thread-safe, and a Falcon middleware around every request.

    `longest_wait` is how long a webhook may have waited for a thread, in seconds.
    """

    def __init__(self, threads: int, *, longest_wait: float = math.inf) -> None:
        self._threads = threads
        self._longest_wait = longest_wait
        self._waited = threading.local()
        self._busy = 0
        self._lock = threading.Lock()
        self._closing = False

    @property
    def is_scarce(self) -> bool:
        """Whether fewer than a quarter of the threads are free: then nobody should wait for an exchange."""
        return (self._threads - self._busy) * _SCARCE_SHARE < self._threads

    @property
    def is_closing(self) -> bool:
        """Whether the server is going down and new webhooks are to be sent away."""
        return self._closing

    @property
    def is_late(self) -> bool:
        """Whether this thread's request has waited too long: its sender may be gone, and more come than can be done."""
        return getattr(self._waited, "seconds", 0.0) > self._longest_wait

    def note_wait(self, seconds: float) -> None:
        """Note how long the request that this thread begins with has waited for it."""
        self._waited.seconds = seconds

    def close(self) -> None:
        """Take no new webhooks from here on."""
        self._closing = True

    def process_request(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        """Count a thread as busy."""
        with self._lock:
            self._busy += 1

    def process_response(
        self,
        _req: falcon.Request,
        _resp: falcon.Response,
        _resource: object,
        _req_succeeded: bool,  # noqa: FBT001 -- Falcon calls it so
    ) -> None:
        """Count a thread as free again."""
        with self._lock:
            self._busy -= 1
