"""What the entry points (HTTP, jobs) may do with the running engine; everything here is thread-safe."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from orderwright.actors.adoptions import Adoption
from orderwright.actors.alarms import Alarms
from orderwright.actors.asks import Ask
from orderwright.actors.declarations import Applied
from orderwright.actors.gate import Scope
from orderwright.actors.kill_switch import HaltReport
from orderwright.actors.messages import AccountView, AskId, Operated, SubmitSignal, Unavailable
from orderwright.actors.messages import OperatorCommand as OperatorCommand
from orderwright.actors.noticeboard import ExchangeCondition
from orderwright.engine.catalogue.events import Drift
from orderwright.engine.catalogue.state import Catalogue
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros


class Health(Struct, frozen=True, kw_only=True):
    """Whether the engine is well: `parts` names each part with "ok" or what is wrong with it."""

    live: bool
    ready: bool
    parts: dict[str, str]


class Switchboard(Protocol):
    """The running engine as seen from an entry point."""

    def now(self) -> Micros:
        """Return the engine's time."""
        ...

    def new_id(self) -> UUID:
        """Return a fresh time-ordered id for a signal or a command."""
        ...

    def catalogue(self) -> Catalogue:
        """Return the catalogue as of now: immutable, published by reference."""
        ...

    def apply_declaration(self, text: str, *, by: str) -> Applied:
        """Lead the catalogue to what a declaration (TOML) says; applied twice, nothing changes.

        Raises:
            DeclarationRefused: with everything that is wrong.
            EventStoreError: the log could not be written.
        """
        ...

    def submit(self, build: Callable[[AskId], SubmitSignal]) -> AbstractContextManager[Ask]:
        """Hand a signal to its strategy's inbox; the context is the ask, closed at its end.

        `build` gets the ask's id and returns the message. The ask expects one report per recipient. An engine that
        cannot take the signal answers with a verdict (`Overloaded`, `NotStored`), it does not raise.
        """
        ...

    def operate(self, account: str, command: OperatorCommand, *, timeout: float) -> Operated | Unavailable | None:
        """Give an operator's command to the strategy account of that name (see `strategy_account_name`).

        Returns None if there was no answer within `timeout` seconds: it may still be carried out. `Unavailable`: it
        will not.
        """
        ...

    def adopt(self, strategy: str, account: str, wanted: Adoption, *, timeout: float) -> Operated | Unavailable | None:
        """Have a strategy account adopt what its exchange account holds and nobody here owns; see `operate`.

        Raises:
            AdoptionRefused: how much that is cannot be known now, or the symbol means nothing there.
        """
        ...

    def operate_within(
        self, scope: Scope, build: Callable[[str], OperatorCommand], *, wake: bool, timeout: float
    ) -> Mapping[str, Operated | Unavailable | None]:
        """Give the strategy accounts within a scope the command that `build` makes for each name; see `operate`.

        Those that rest, having nothing open and nothing to do, are left out unless `wake`.
        """
        ...

    def describe(self, accounts: Sequence[str], *, timeout: float) -> Mapping[str, AccountView | Unavailable | None]:
        """Return a view of each named strategy account, or why there is none.

        None where none came within `timeout` seconds, or where it would have been one too many to wake.
        """
        ...

    def revive(self, actor: str, *, timeout: float) -> bool:
        """Let an actor out of quarantine; return whether it was ready within `timeout` seconds."""
        ...

    def halt(self, scope: Scope, *, by: str, why: str, timeout: float) -> HaltReport:
        """Let nothing more leave within the scope; return what had left when that was so, after `timeout` seconds.

        Raises:
            CatalogueRefused: there is no such account or strategy.
            HaltNotStored: nothing leaves any more, but that is not written down.
        """
        ...

    def lift_halt(self, scope: Scope, *, by: str, why: str, drift: Drift = Drift.UNEXAMINED) -> None:
        """Let orders leave again; `drift` is what is known of it, which matters to a halt until that is examined.

        Raises:
            CatalogueRefused: there is no such account or strategy, or drift is to be examined first.
            EventStoreError: it could not be written down, so the halt goes on.
        """
        ...

    @property
    def alarms(self) -> Alarms:
        """The alarms: whoever finds something that a person should look at rings one."""
        ...

    def exchange_accounts(self) -> tuple[ExchangeCondition, ...]:
        """Return how each exchange account is, by name."""
        ...

    def exposures(self, account: str) -> dict[str, tuple[str, ...]]:
        """Return the symbols in which each strategy account on an exchange account is exposed, as far as known."""
        ...

    def signal_events(self, signal_id: UUID) -> list[StoredEvent]:
        """Return a signal's whole life from the log.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        ...

    def health(self) -> Health:
        """Return how the engine is; never blocks for long."""
        ...
