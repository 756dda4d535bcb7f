"""Where somebody outside the actors waits for their replies, never without a time-out."""

import threading
from collections.abc import Callable
from itertools import count

from orderwright.actors.messages import (
    AccountReport,
    AskId,
    NotStored,
    Overloaded,
    Reply,
    SignalDuplicate,
    SignalIdReused,
    SignalStored,
)
from orderwright.clock import monotonic

_VERDICTS = (SignalDuplicate, SignalIdReused, Overloaded, NotStored)


class Ask:
    """The replies to one question, of which one thread hears: it sleeps until what it waits for is there.

    A signal's ask is complete when it is stored and all its recipients have reported, or when a verdict (duplicate,
    overloaded, …) came instead; any other ask when `expected` replies are there.
    """

    def __init__(self, ask_id: AskId, expected: int) -> None:
        self.id = ask_id
        self._expected = expected
        self._changed = threading.Condition(threading.Lock())
        self._awaited: Callable[[], bool] | None = None
        self._replies: list[Reply] = []
        self._stored: SignalStored | None = None
        self._verdict: SignalDuplicate | SignalIdReused | Overloaded | NotStored | None = None

    def expect(self, replies: int) -> None:
        """Await this many replies."""
        self._expected = replies

    def add(self, reply: Reply) -> None:
        """Take in a reply; called from any thread."""
        with self._changed:
            if isinstance(reply, SignalStored):
                self._stored = reply
            elif isinstance(reply, _VERDICTS):
                self._verdict = reply
            else:
                self._replies.append(reply)
            if self._awaited is not None and self._awaited():
                self._changed.notify()

    @property
    def stored(self) -> bool:
        """Whether the signal is known to be durable; a report says so only by results, which rest on it."""
        return self._stored is not None or any(
            isinstance(reply, AccountReport) and reply.results for reply in self._replies
        )

    @property
    def verdict(self) -> SignalDuplicate | SignalIdReused | Overloaded | NotStored | None:
        """What the inbox said instead of storing the signal."""
        return self._verdict

    @property
    def replies(self) -> tuple[Reply, ...]:
        """The replies so far, in the order in which they came."""
        with self._changed:
            return tuple(self._replies)

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is awaited."""
        return self._verdict is not None or (
            len(self._replies) >= self._expected and (self._expected > 0 or self._stored is not None)
        )

    def wait(self, timeout: float) -> bool:
        """Wait until complete, at most `timeout` seconds; return whether it is."""
        return self._wait_until(lambda: self.is_complete, timeout)

    def wait_stored(self, timeout: float) -> bool:
        """Wait until stored or refused, at most `timeout` seconds; return whether one of them is so."""
        return self._wait_until(lambda: self._verdict is not None or self.stored, timeout)

    def _wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        ends = monotonic() + timeout
        with self._changed:
            self._awaited = condition
            while not condition():
                left = ends - monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return True


class Asks:
    """All questions that are still open; use `open` in a `with`-like pair with `close`."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._open: dict[AskId, Ask] = {}

    def open(self, expected: int) -> Ask:
        """Return a new question that awaits `expected` replies."""
        ask = Ask(AskId(next(self._ids)), expected)
        self._open[ask.id] = ask
        return ask

    def close(self, ask: Ask) -> None:
        """Stop listening."""
        self._open.pop(ask.id, None)

    def reply(self, ask_id: AskId, reply: Reply) -> None:
        """Hand a reply to whoever asked, if anybody still listens."""
        ask = self._open.get(ask_id)
        if ask is not None:
            ask.add(reply)
