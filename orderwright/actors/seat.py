"""A room on a thread of its own: the few lines of Pykka between a mailbox and whoever handles what is in it."""

import threading
from collections.abc import Callable

import pykka

from orderwright.actors.env import Room
from orderwright.actors.mailbox import Mailbox
from orderwright.actors.messages import Address, Mail, Rest


class Seat(pykka.ThreadingActor):
    """Forwards what arrives to a room, until its incarnation ends.

    `is_current` says whether it has not, `is_to_rest` whether the room is to leave a snapshot when everything stops in
    good order, `ended` hears why the room broke, `too_late` gets what was read when the incarnation was over already.
    """

    use_daemon_thread = True

    def __init__(
        self,
        room: Room,
        *,
        at: Address,
        mailbox_limit: int,
        is_current: Callable[[], bool],
        is_to_rest: Callable[[], bool],
        ended: Callable[[str], None],
        too_late: Callable[[Mail], None],
    ) -> None:
        self.mailbox = Mailbox(mailbox_limit)
        super().__init__()
        self._room = room
        self._at = at
        # Named after the actor, for dumps of all stacks.
        self._thread = threading.Thread(target=self._actor_loop, name=at, daemon=self.use_daemon_thread)
        self._is_current = is_current
        self._is_to_rest = is_to_rest
        self._ended = ended
        self._too_late = too_late

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
        return self._thread.is_alive() and not self.actor_stopped.is_set()

    def begin(self) -> None:
        """Handle messages from here on."""
        pykka.ActorRegistry.register(self.actor_ref)
        self._start_actor_loop()

    def end(self) -> None:
        """Stop, when what was told before has been handled."""
        self.actor_ref.stop(block=False)

    def join(self, timeout: float) -> bool:
        """Wait for the thread's end, at most `timeout` seconds; return whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _start_actor_loop(self) -> None:
        self._thread.start()
