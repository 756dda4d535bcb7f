"""What actors tell each other and what they answer to those who ask."""

from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from msgspec import Struct

from orderwright.engine.ids import OrderId, SignalId
from orderwright.engine.outcomes import ExchangeOrder, Outcome
from orderwright.engine.signals import Signal
from orderwright.engine.strategy_account.commands import (
    AdoptPosition,
    AllocateCapital,
    CancelOrders,
    ExecuteSignal,
    LiquidatePositions,
    PauseTrading,
    ResolveDoubt,
    ResumeTrading,
)
from orderwright.engine.strategy_account.results import LegResult
from orderwright.eventstore.snapshots import Restored
from orderwright.eventstore.store import Appended, AppendFailed, Conflict, StoredEvent
from orderwright.moments import Micros
from orderwright.readmodels.account_view import AccountView as AccountView
from orderwright.readmodels.account_view import OrderView as OrderView
from orderwright.readmodels.account_view import PositionView as PositionView

Address = NewType("Address", str)
"""One incarnation of an actor: its name, `#` and a number that grows with every rebuild. The dead never answer."""

AskId = NewType("AskId", int)
"""Somebody outside the actors who waits for replies; 0 = nobody."""

NOBODY = AskId(0)


def address(name: str, incarnation: int) -> Address:
    """Return the address of that incarnation of the actor `name`."""
    return Address(f"{name}#{incarnation}")


def name_of(addressee: Address) -> str:
    """Return the actor's name, which is also the name of its event stream."""
    return addressee.rpartition("#")[0]


def strategy_account_name(strategy: str, account: str) -> str:
    """Return the name (and stream) of the actor for one strategy on one account."""
    return f"strategy-account/{strategy}@{account}"


def exchange_account_name(account: str) -> str:
    """Return the name of the actor for one account at one exchange."""
    return f"exchange-account/{account}"


def inbox_name(strategy: str) -> str:
    """Return the name (and stream) of a strategy's inbox."""
    return f"inbox/{strategy}"


class Start(Struct, frozen=True, kw_only=True):
    """Rebuild yourself from the log; the first message of every incarnation."""


class Loaded(Struct, frozen=True, kw_only=True):
    """The answer to `Env.load`: the stream's events in order, all of them or those after the snapshot."""

    events: tuple[StoredEvent, ...]
    snapshot: Restored[Any] | None = None


class LoadFailed(Struct, frozen=True, kw_only=True):
    """The stream could not be read."""

    reason: str


class AppendEnded(Struct, frozen=True, kw_only=True):
    """What came of an append; `ticket` is the number the appender gave it."""

    ticket: int
    outcome: Appended | Conflict | AppendFailed


class Called(Struct, frozen=True, kw_only=True):
    """What came of a call to the exchange."""

    outcome: Outcome


class Recalled(Struct, frozen=True, kw_only=True):
    """The answer to `Env.recall`: the stream's events that name the order; None if the log could not be read."""

    order_id: OrderId
    events: tuple[StoredEvent, ...] | None


class Connected(Struct, frozen=True, kw_only=True):
    """The exchange account can be used: its markets are loaded."""


class Surveyed(Struct, frozen=True, kw_only=True):
    """All open orders of an exchange account, whoever placed them; `asked_at` is when the question was sent."""

    orders: tuple[ExchangeOrder, ...]
    asked_at: Micros = Micros(0)


class Unreachable(Struct, frozen=True, kw_only=True):
    """The exchange account could not be asked."""

    reason: str


class Tick(Struct, frozen=True, kw_only=True):
    """A timer that the actor set for itself has run out."""

    reason: str


class Rest(Struct, frozen=True, kw_only=True):
    """You are about to be stopped in good order: have a snapshot taken of what is durable."""


class SubmitSignal(Struct, frozen=True, kw_only=True):
    """Store this signal and hand it on. `recipients` are names of strategy accounts, resolved from the catalogue.

    `key` is the sender's `id`, `body_hash` of the trimmed body; `dedupe_window` in microseconds.
    """

    signal: Signal
    recipients: tuple[str, ...]
    key: str | None
    body_hash: str
    dedupe_window: int
    ask: AskId


class Execute(Struct, frozen=True, kw_only=True):
    """From an inbox to a strategy account: carry out a signal; the outcome goes to `inbox` and to `ask`."""

    command: ExecuteSignal
    inbox: Address
    ask: AskId


class SignalSettled(Struct, frozen=True, kw_only=True):
    """From a strategy account to an inbox: that signal has ended here."""

    account: str
    sequence: int


class AccountReady(Struct, frozen=True, kw_only=True):
    """From the supervisor to an inbox: this incarnation of a strategy account takes commands."""

    account: str
    at: Address


class AccountWanted(Struct, frozen=True, kw_only=True):
    """From an inbox to the supervisor: bring this strategy account to life and tell me."""

    account: str
    inbox: Address


class Ready(Struct, frozen=True, kw_only=True):
    """From an actor to the supervisor: rebuilt, taking commands."""

    at: Address


class AccountResting(Struct, frozen=True, kw_only=True):
    """From the supervisor to an inbox: this incarnation rests; what was told to it last may not have been heard."""

    account: str
    at: Address


class AccountHeldUp(Struct, frozen=True, kw_only=True):
    """From the supervisor to an inbox: this strategy account is in quarantine, and nobody knows for how long."""

    account: str


class Stopped(Struct, frozen=True, kw_only=True):
    """To the supervisor: this incarnation is gone; `reason` is empty if it rests until it is wanted."""

    at: Address
    reason: str


class LogTrouble(Struct, frozen=True, kw_only=True):
    """To the supervisor: this incarnation is about to end because the log failed it, by no fault of its own."""

    at: Address


class Wake(Struct, frozen=True, kw_only=True):
    """To the supervisor: bring this actor to life if it is not; `ask` hears `Ready`, or `Unavailable`."""

    name: str
    ask: AskId = NOBODY


class Revive(Struct, frozen=True, kw_only=True):
    """To the supervisor: let this actor out of quarantine; `ask` hears `Ready`."""

    name: str
    ask: AskId


class Ping(Struct, frozen=True, kw_only=True):
    """To the supervisor: answer `ask` when everything told before has been dealt with."""

    ask: AskId


class CatalogueChanged(Struct, frozen=True, kw_only=True):
    """To the supervisor: terms may have changed; tell the strategy accounts that are alive."""


class Answering(Struct, frozen=True, kw_only=True):
    """To the supervisor, which tells the exchange account and whoever trades there: the exchange answers again."""

    account: str


OperatorCommand = (
    PauseTrading | ResumeTrading | CancelOrders | LiquidatePositions | AllocateCapital | AdoptPosition | ResolveDoubt
)


class Operate(Struct, frozen=True, kw_only=True):
    """An operator's command to a strategy account; `ask` hears `Operated`."""

    command_id: UUID
    command: OperatorCommand
    ask: AskId


class Describe(Struct, frozen=True, kw_only=True):
    """Tell `ask` how you are."""

    ask: AskId


class OrdersShown(Struct, frozen=True, kw_only=True):
    """From an exchange account to a strategy account: these open orders at the exchange bear your number."""

    orders: tuple[ExchangeOrder, ...]
    asked_at: Micros
    ask: AskId = NOBODY


Command = SubmitSignal | Operate | Describe | OrdersShown
"""What is not an answer: it is bounded, and what an incarnation did not live to read goes to the next one."""


class Deliver(Struct, frozen=True, kw_only=True):
    """To the supervisor: see that this reaches the actor of that name, alive or not."""

    name: str
    mail: Command


class Pong(Struct, frozen=True, kw_only=True):
    """The answer to `Ping`."""


class SignalStored(Struct, frozen=True, kw_only=True):
    """The signal is durable; every recipient will report."""

    signal_id: SignalId


class SignalDuplicate(Struct, frozen=True, kw_only=True):
    """The same thing was stored before, as this signal; nothing was placed."""

    signal_id: SignalId


class SignalIdReused(Struct, frozen=True, kw_only=True):
    """The sender's `id` was used for another body; nothing was stored."""

    signal_id: SignalId


class Overloaded(Struct, frozen=True, kw_only=True):
    """Too much is waiting; nothing was stored and nothing was done."""


class NotStored(Struct, frozen=True, kw_only=True):
    """The signal is not stored, or nobody knows; a re-send is safe."""

    reason: str


class Away(StrEnum):
    """Why an actor takes nothing now."""

    QUARANTINED = "quarantined"
    OVERLOADED = "overloaded"
    UNWRITTEN = "unwritten"
    """What it decided could not be written down now."""


class Unavailable(Struct, frozen=True, kw_only=True):
    """The actor takes nothing now, and nothing was done. Only an operator lets it out of quarantine."""

    name: str
    away: Away
    reason: str


def turned_away(command: Command, name: str, *, away: Away, reason: str) -> "Overloaded | NotStored | Unavailable":
    """Return the answer to a command that the actor `name` cannot take."""
    if not isinstance(command, SubmitSignal):
        return Unavailable(name=name, away=away, reason=reason)
    return Overloaded() if away is Away.OVERLOADED else NotStored(reason=reason)


class AccountReport(Struct, frozen=True, kw_only=True):
    """What came of a signal at one strategy account; no results if it had ended before it came again."""

    account: str
    results: tuple[LegResult, ...]


class Operated(Struct, frozen=True, kw_only=True):
    """What came of an operator's command. Counts are orders; `done` is false while work goes on."""

    account: str
    done: bool
    changed: bool
    cancelled: int = 0
    failed: int = 0
    in_doubt: int = 0
    note: str = ""


Reply = (
    SignalStored
    | SignalDuplicate
    | SignalIdReused
    | Overloaded
    | NotStored
    | AccountReport
    | Operated
    | AccountView
    | Ready
    | Pong
    | Unavailable
)

Mail = (
    Start
    | Loaded
    | LoadFailed
    | AppendEnded
    | Called
    | Recalled
    | Connected
    | Surveyed
    | Unreachable
    | Tick
    | Rest
    | SubmitSignal
    | Execute
    | SignalSettled
    | AccountReady
    | AccountWanted
    | AccountResting
    | AccountHeldUp
    | Ready
    | Stopped
    | LogTrouble
    | Wake
    | Revive
    | Ping
    | CatalogueChanged
    | Answering
    | Operate
    | Describe
    | OrdersShown
    | Deliver
)
