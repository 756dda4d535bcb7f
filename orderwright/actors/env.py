"""The port through which everything with a mailbox reaches the world: production on Pykka, proofs on a scheduler.

Nothing here blocks. Whatever takes time ends as a message to the address that was given.
"""

from typing import Protocol

from orderwright.actors.messages import Address, AskId, Mail, Reply
from orderwright.engine.outcomes import Effect
from orderwright.eventstore.store import Append
from orderwright.moments import Micros


class Env(Protocol):
    """What an actor may do besides computing."""

    def now(self) -> Micros:
        """Return the current moment."""
        ...

    def tell(self, message: Mail, to: Address) -> None:
        """Put a message into a mailbox; a message to an incarnation that is gone is dropped."""
        ...

    def load(self, stream: str, to: Address) -> None:
        """Read the whole stream; ends as `Loaded` or `LoadFailed`."""
        ...

    def append(self, append: Append, ticket: int, to: Address) -> None:
        """Write to the log, first in, first out; ends as `AppendEnded` with the same ticket."""
        ...

    def call(self, account: str, effect: Effect, to: Address) -> None:
        """Carry out an effect at an exchange account; ends as `Called`, at the latest at the effect's deadline."""
        ...

    def after(self, delay: int, message: Mail, to: Address) -> None:
        """Deliver a message to a mailbox after `delay` microseconds."""
        ...

    def reply(self, ask: AskId, reply: Reply) -> None:
        """Answer somebody outside; nobody may be listening any more."""
        ...

    def spawn(self, name: str, at: Address) -> None:
        """Bring an actor to life (supervisor only); its end comes as `Stopped` to the supervisor."""
        ...

    def stop(self, at: Address, reason: str) -> None:
        """End an incarnation: its mailbox takes nothing more; the supervisor hears `Stopped` with the reason."""
        ...
