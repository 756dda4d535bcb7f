"""What waits for an actor, in the order in which it came: commands within bounds, everything else always."""

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, get_args

from orderwright.actors.messages import Command, Deliver, Mail

_BOUNDED = frozenset({*get_args(Command), Deliver})
_MOST_A_TURN = 16


class Posted(Enum):
    """What became of a message that was put into a mailbox."""

    TAKEN = "taken"
    FULL = "full"
    CLOSED = "closed"


class TurnOver(Exception):
    """Nothing is to be read now; whoever reads is called again when something is."""


class _Letter(NamedTuple):
    message: Mail
    reply_to: None = None


class Mailbox:
    """Holds at most `limit` commands; completions, timers and Pykka's own messages get in however many there are.

    Stands in for the queue of a Pykka actor, which reads in turns: `call` is called when there is something to be read,
    and again only after a turn is over. Once it is closed nothing more is taken, and what nobody had read yet is given
    back.
    """

    def __init__(self, limit: int, call: Callable[[], None]) -> None:
        self._limit = limit
        self._call = call
        self._letters: deque[Any] = deque()
        self._lock = threading.Lock()
        self._commands = 0
        self._read = 0
        self._is_called = False
        self._is_closed = False

    def post(self, mail: Mail) -> Posted:
        """Put a message in, unless it is one too many or the mailbox is closed."""
        is_command = type(mail) in _BOUNDED
        with self._lock:
            if self._is_closed:
                return Posted.CLOSED
            if is_command:
                if self._commands >= self._limit:
                    return Posted.FULL
                self._commands += 1
            self._letters.append(_Letter(mail))
            is_called, self._is_called = self._is_called, True
        if not is_called:
            self._call()
        return Posted.TAKEN

    def close(self) -> list[Mail]:
        """Take nothing more; return what was not read."""
        with self._lock:
            self._is_closed = True
            left = [letter.message for letter in self._letters if isinstance(letter, _Letter)]
            self._letters.clear()
            return left

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 -- Pykka's envelopes are its own affair
        """Put in a message of Pykka's own, such as the one that ends the actor."""
        with self._lock:
            self._letters.append(envelope)
            is_called, self._is_called = self._is_called, True
        if not is_called:
            self._call()

    def get(self) -> Any:  # noqa: ANN401
        """Return the next message.

        Raises:
            TurnOver: there is none, or others are to have a turn first.
        """
        with self._lock:
            if self._letters and self._read < _MOST_A_TURN:
                self._read += 1
                letter = self._letters.popleft()
                if type(letter) is _Letter and type(letter.message) in _BOUNDED:
                    self._commands -= 1
                return letter
            self._read = 0
            self._is_called = bool(self._letters)
            is_more = self._is_called
        if is_more:
            self._call()
        raise TurnOver

    def empty(self) -> bool:
        """Whether nothing is there to be read."""
        return not self._letters
