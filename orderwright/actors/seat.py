"""A room as an actor: the few lines of Pykka between a mailbox and whoever handles what is in it."""

import threading
from collections.abc import Callable
from contextlib import suppress

import pykka

from orderwright.actors.env import Room
from orderwright.actors.hands import Hands
from orderwright.actors.mailbox import Mailbox, TurnOver
from orderwright.actors.messages import Address, Mail, Rest


class Seat(pykka.ThreadingActor):
    """Forwards what arrives to a room, until its incarnation ends.

    A Pykka actor whose loop runs in turns, on threads that it shares with others. `is_current` says whether its
    incarnation has not ended, `is_to_rest` whether the room is to leave a snapshot when everything stops in good
    order, `ended` hears why the room broke, `too_late` gets what was read when the incarnation was over already.
    """

    def __init__(
        self,
        room: Room,
        *,
        at: Address,
        hands: Hands,
        mailbox_limit: int,
        is_current: Callable[[], bool],
        is_to_rest: Callable[[], bool],
        ended: Callable[[str], None],
        too_late: Callable[[Mail], None],
    ) -> None:
        self.mailbox = Mailbox(mailbox_limit, lambda: hands.want(self))
        super().__init__()
        self._room = room
        self.at = at
        # In Pykka's books under its own name, for dumps.
        self.actor_urn = self.actor_ref.actor_urn = at
        self._is_current = is_current
        self._is_to_rest = is_to_rest
        self._ended = ended
        self._too_late = too_late
        self._has_ended = threading.Event()

    def on_receive(self, message: Mail) -> None:
        """Hand the message to the room."""
        if self._is_current():
            self._room.handle(message)
        else:
            self._too_late(message)

    def on_stop(self) -> None:
        """Let the room leave a snapshot."""
        if self._is_to_rest():
            self._room.handle(Rest())

    def on_failure(self, exception_type: type[BaseException] | None, *_rest: object) -> None:
        """Tell that the room broke."""
        self._ended(exception_type.__name__ if exception_type is not None else "unknown")

    def _create_actor_inbox(self) -> Mailbox:  # type: ignore[override]  # asked of the actor itself, static or not
        return self.mailbox

    @property
    def is_alive(self) -> bool:
        """Whether messages are handled."""
        return not self.actor_stopped.is_set()

    def begin(self) -> None:
        """Handle messages from here on."""
        pykka.ActorRegistry.register(self.actor_ref)

    def take_turn(self) -> None:
        """Handle what is in the mailbox; never raises."""
        try:
            self._actor_loop_running()
        except TurnOver:
            return
        while not self.mailbox.empty():
            # What came after the end can be more than is read in one turn.
            with suppress(TurnOver):
                self._actor_loop_teardown()
        self._has_ended.set()

    def end(self) -> None:
        """Stop, when what was told before has been handled."""
        self.actor_ref.stop(block=False)

    def join(self, timeout: float) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether it has come."""
        return self._has_ended.wait(timeout)
