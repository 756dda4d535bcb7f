"""What the entry points (HTTP, jobs) may do with the running engine; everything here is thread-safe."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from orderwright.actors.asks import Ask
from orderwright.actors.declarations import Applied
from orderwright.actors.messages import AccountView, AskId, Operated, SubmitSignal
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.strategy_account.commands import (
    AllocateCapital,
    CancelOrders,
    LiquidatePositions,
    PauseTrading,
    ResumeTrading,
)
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros

OperatorCommand = PauseTrading | ResumeTrading | CancelOrders | LiquidatePositions | AllocateCapital


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

    def operate(self, account: str, command: OperatorCommand, *, timeout: float) -> Operated | None:
        """Give an operator's command to the strategy account of that name (see `strategy_account_name`).

        Returns None if there was no answer within `timeout` seconds: it may still be carried out.
        """
        ...

    def describe(self, accounts: Sequence[str], *, timeout: float) -> dict[str, AccountView | None]:
        """Return a view of each named strategy account; None where none came within `timeout` seconds."""
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
