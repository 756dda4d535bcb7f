"""What waits for an actor, in the order in which it came: commands within bounds, everything else always.

`queue.SimpleQueue` hands over tens of times as much as `queue.Queue`, and its reader wakes up sooner.
"""

import threading
from enum import Enum
from queue import SimpleQueue
from typing import Any, NamedTuple, get_args

from orderwright.actors.messages import Command, Deliver, Mail

_BOUNDED = (*get_args(Command), Deliver)


class Posted(Enum):
    """What became of a message that was put into a mailbox."""

    TAKEN = "taken"
    FULL = "full"
    CLOSED = "closed"


class _Letter(NamedTuple):
    message: Mail
    reply_to: None = None


class Mailbox:
    """Holds at most `limit` commands; completions, timers and Pykka's own messages get in however many there are.

    Stands in for the queue of a `pykka.ThreadingActor`. Once it is closed nothing more is taken, and what nobody had
    read yet is given back.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._letters: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._commands = 0
        self._is_closed = False

    def post(self, mail: Mail) -> Posted:
        """Put a message in, unless it is one too many or the mailbox is closed."""
        is_command = isinstance(mail, _BOUNDED)
        with self._lock:
            if self._is_closed:
                return Posted.CLOSED
            if is_command:
                if self._commands >= self._limit:
                    return Posted.FULL
                self._commands += 1
            self._letters.put(_Letter(mail))
        return Posted.TAKEN

    def close(self) -> list[Mail]:
        """Take nothing more; return what was not read."""
        with self._lock:
            self._is_closed = True
            left: list[Mail] = []
            while not self._letters.empty():
                letter = self._letters.get_nowait()
                if isinstance(letter, _Letter):
                    left.append(letter.message)
            return left

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 -- Pykka's envelopes are its own affair
        """Put in a message of Pykka's own, such as the one that ends the actor."""
        self._letters.put(envelope)

    def get(self) -> Any:  # noqa: ANN401
        """Wait for the next message."""
        letter = self._letters.get()
        if isinstance(letter, _Letter) and isinstance(letter.message, _BOUNDED):
            with self._lock:
                self._commands -= 1
        return letter

    def empty(self) -> bool:
        """Whether nothing is there to be read."""
        return self._letters.empty()
