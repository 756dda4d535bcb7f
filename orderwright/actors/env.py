"""The port through which everything with a mailbox reaches the world: production on Pykka, proofs on a scheduler.

Nothing here blocks. Whatever takes time ends as a message to the address that was given.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from orderwright.actors.gate import Gate
from orderwright.actors.messages import Address, AskId, Mail, Reply
from orderwright.actors.noticeboard import Noticeboard
from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import Effect
from orderwright.engine.strategy_account.events import Terms
from orderwright.engine.strategy_account.state import Identity, Market, Rules
from orderwright.eventstore.snapshots import Taken
from orderwright.eventstore.store import Append
from orderwright.moments import Micros


class Env(Protocol):
    """What an actor may do besides computing."""

    def now(self) -> Micros:
        """Return the current moment."""
        ...

    def tell(self, message: Mail, to: Address) -> None:
        """Put a message into a mailbox.

        To an incarnation that is gone, it is dropped, but for a command, which the supervisor has the next one hear.
        """
        ...

    def load(self, stream: str, to: Address) -> None:
        """Read a stream, from its newest snapshot on where there is one; ends as `Loaded` or `LoadFailed`."""
        ...

    def recall(self, stream: str, order_id: OrderId, to: Address) -> None:
        """Read what the log has of one order in a stream, which can take long; ends as `Recalled`."""
        ...

    def save(self, taken: Taken[Any]) -> None:
        """Keep a snapshot when there is time for it; nothing comes back, and it may be lost."""
        ...

    def append(self, append: Append, ticket: int, to: Address) -> bool:
        """Write to the log, first in, first out; ends as `AppendEnded` with the same ticket.

        Returns False if nothing was taken. Either too much is waiting to be written, and no message will come; or this
        incarnation may rest on what was never written, and `AppendEnded` tells it so, for it to end. It matters that
        the caller learns of this at once: whoever it would hand on to may be younger, and allowed to write.
        """
        ...

    def call(self, account: str, effect: Effect, to: Address) -> None:
        """Carry out an effect at an exchange account; ends as `Called`, at the latest at the effect's deadline."""
        ...

    def connect(self, account: str, to: Address) -> None:
        """Connect to an exchange account and load its markets; ends as `Connected` or `Unreachable`."""
        ...

    def survey(self, account: str, to: Address) -> None:
        """Ask for all open orders of an exchange account; ends as `Surveyed` or `Unreachable`."""
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

    def stop(self, at: Address, reason: str, left: Sequence[Mail] = ()) -> None:
        """End an incarnation: its mailbox takes nothing more; the supervisor hears `Stopped` with the reason.

        Commands that it did not carry out, in `left` (the older ones) and in its mailbox, go to its next incarnation.
        """
        ...

    @property
    def noticeboard(self) -> Noticeboard:
        """What actors publish, and may look at."""
        ...

    @property
    def gate(self) -> Gate:
        """What every placement passes right before it is sent."""
        ...


class Profile(Struct, frozen=True, kw_only=True):
    """A strategy account as declared: `account` is the exchange account's name.

    `shares_account`: other strategies trade there in markets of the same type. `halted` says why no order may leave;
    `is_sealed`: not even a liquidation's.
    """

    identity: Identity
    strategy: str
    account: str
    terms: Terms
    shares_account: bool
    halted: str = ""
    is_sealed: bool = False

    @property
    def place(self) -> tuple[str, MarketType]:
        """Where its positions are: the exchange account, and the type of its markets."""
        return self.account, self.terms.market_type


class Directory(Protocol):
    """What actors look up: immutable facts, published by others, never a call that blocks."""

    def profile(self, name: str) -> Profile | None:
        """Return the strategy account of that name as the catalogue declares it now."""
        ...

    def market(self, profile: Profile) -> Market:
        """Return the markets and last prices that the strategy account sees."""
        ...

    def rules(self) -> Rules:
        """Return the durations that decisions obey."""
        ...

    def sharing(self, profile: Profile) -> int:
        """Return how many strategy accounts, this one included, trade on its account in markets of its type."""
        ...

    def numbered(self, account: str) -> Mapping[int, str]:
        """Return the names of the strategy accounts on an exchange account, by their number."""
        ...

    def installation_salt(self) -> str:
        """Return the salt that marks this installation's client order ids."""
        ...


class Room(Protocol):
    """Anything with a mailbox: one message at a time, and nothing blocks."""

    def handle(self, mail: Mail) -> None:
        """Take one message."""
        ...
