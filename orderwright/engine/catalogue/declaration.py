"""A declaration: what an operator wants there to be, as a TOML file, and the commands that lead there."""

import tomllib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from orderwright.config.reading import Duration, Fault, did_you_mean, read_table
from orderwright.engine.catalogue.commands import (
    Command,
    IssueWebhookToken,
    SaveAccount,
    SaveLink,
    SaveStrategy,
    SaveUser,
)
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.events import Account, CloseSide, Role, Strategy, SubscriberScope, User
from orderwright.engine.catalogue.evolve import evolve
from orderwright.engine.catalogue.state import Catalogue, WebhookToken
from orderwright.engine.instruments import MarketType
from orderwright.moments import Micros


class DeclaredUser(Struct, frozen=True, kw_only=True):
    """A `[[users]]` table; what is left out stays as it is."""

    name: str
    email: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    suspended: bool | UnsetType = UNSET


class DeclaredAccount(Struct, frozen=True, kw_only=True):
    """An `[[accounts]]` table."""

    name: str
    owner: str
    exchange: str
    url: str | UnsetType = UNSET
    balances: dict[str, Decimal] | UnsetType = UNSET


class DeclaredStrategy(Struct, frozen=True, kw_only=True):
    """A `[[strategies]]` table."""

    group_name: str
    owner: str
    market_type: MarketType
    public: bool | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    dedupe_window: Duration | UnsetType = UNSET
    max_lag: Duration | UnsetType = UNSET
    max_exit_lag: Duration | UnsetType = UNSET
    close_side: CloseSide | UnsetType = UNSET
    subscriber_scope: SubscriberScope | UnsetType = UNSET


class DeclaredLink(Struct, frozen=True, kw_only=True):
    """A `[[links]]` table."""

    strategy: str
    account: str
    capital: dict[str, Decimal] | UnsetType = UNSET
    leverage: Decimal | UnsetType = UNSET
    weight: Decimal | UnsetType = UNSET
    max_positions: int | UnsetType = UNSET


class Declaration(Struct, frozen=True, kw_only=True):
    """A whole file. Nothing is deleted by being absent."""

    users: tuple[DeclaredUser, ...] = ()
    accounts: tuple[DeclaredAccount, ...] = ()
    strategies: tuple[DeclaredStrategy, ...] = ()
    links: tuple[DeclaredLink, ...] = ()


class IssuedToken(Struct, frozen=True, kw_only=True):
    """A new webhook token, in clear: shown once, never kept."""

    strategy: str
    holder: str
    token: str


class Plan(Struct, frozen=True, kw_only=True):
    """What leads from the catalogue to the declaration: commands, new tokens, and a sentence per change."""

    commands: tuple[Command, ...]
    tokens: tuple[IssuedToken, ...]
    changed: tuple[str, ...]


T = TypeVar("T", bound=Struct)

_KINDS: dict[str, type[Struct]] = {
    "users": DeclaredUser,
    "accounts": DeclaredAccount,
    "strategies": DeclaredStrategy,
    "links": DeclaredLink,
}


def read_declaration(text: str) -> Declaration | list[Fault]:
    """Return the declaration in a TOML text, or all that is wrong with its form."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as exc:
        return [Fault(key="file", error=f"is not TOML: {exc}")]
    faults: list[Fault] = []
    read: dict[str, tuple[Any, ...]] = {}
    for name, rows in table.items():
        if name not in _KINDS:
            faults.append(Fault(key=name, error=f"is not known here.{did_you_mean(name, _KINDS)}"))
        elif not isinstance(rows, list):
            faults.append(Fault(key=name, error=f"must be tables: write [[{name}]]"))
        else:
            items = [read_table(_KINDS[name], row, f"{name}[{index}]") for index, row in enumerate(rows)]
            for item in items:
                if isinstance(item, list):
                    faults.extend(item)
            read[name] = tuple(items)
    return faults or Declaration(**read)


def plan(
    catalogue: Catalogue, declaration: Declaration, *, by: str, now: Micros, new_token: Callable[[], tuple[str, str]]
) -> Plan | list[Fault]:
    """Return what leads from `catalogue` to `declaration`; applied twice, the second plan is empty.

    Every holder of a strategy (its owner, and each subscriber with a linked account) who has no token for it gets one
    from `new_token`, which returns a fresh token and its hash.
    """
    planning = _Planning(catalogue, by, now)
    for index, user in enumerate(declaration.users):
        planning.take(f"users[{index}]", f"user {user.name}", _save_user(planning.catalogue, user, by))
    for index, account in enumerate(declaration.accounts):
        planning.take(f"accounts[{index}]", f"account {account.name}", _save_account(planning.catalogue, account, by))
    for index, strategy in enumerate(declaration.strategies):
        what = f"strategy {strategy.group_name}"
        planning.take(f"strategies[{index}]", what, _save_strategy(planning.catalogue, strategy, by))
    for index, link in enumerate(declaration.links):
        what = f"link {link.strategy} on {link.account}"
        planning.take(f"links[{index}]", what, _save_link(planning.catalogue, link, by))
    if planning.faults:
        return planning.faults
    tokens = []
    for holder in _without_token(planning.catalogue):
        token, hashed = new_token()
        command = IssueWebhookToken(by=by, token_hash=hashed, strategy=holder.strategy, holder=holder.holder)
        planning.take("tokens", f"token for {holder.strategy} to {holder.holder}", command)
        tokens.append(IssuedToken(strategy=holder.strategy, holder=holder.holder, token=token))
    return Plan(commands=tuple(planning.commands), tokens=tuple(tokens), changed=tuple(planning.changed))


class _Planning:
    """The catalogue as it will be, and how it gets there."""

    def __init__(self, catalogue: Catalogue, by: str, now: Micros) -> None:
        self.catalogue = catalogue
        self.by = by
        self.now = now
        self.commands: list[Command] = []
        self.changed: list[str] = []
        self.faults: list[Fault] = []

    def take(self, key: str, what: str, command: Command) -> None:
        decided = decide(self.catalogue, command, self.now)
        for item in decided:
            if isinstance(item, Refusal):
                self.faults.append(Fault(key=f"{key}.{item.field}", error=item.error))
            else:
                self.catalogue = evolve(self.catalogue, item)
        if decided and not isinstance(decided[0], Refusal):
            self.commands.append(command)
            self.changed.append(what)


def _save_user(catalogue: Catalogue, declared: DeclaredUser, by: str) -> SaveUser:
    known = catalogue.users.get(declared.name) or User(name=declared.name)
    return SaveUser(by=by, user=_merged(known, declared))


def _save_account(catalogue: Catalogue, declared: DeclaredAccount, by: str) -> SaveAccount:
    known = catalogue.accounts.get(declared.name)
    empty = Account(name=declared.name, owner=declared.owner, exchange=declared.exchange)
    return SaveAccount(by=by, account=_merged(known or empty, declared))


def _save_strategy(catalogue: Catalogue, declared: DeclaredStrategy, by: str) -> SaveStrategy:
    known = catalogue.strategies.get(declared.group_name)
    empty = Strategy(group_name=declared.group_name, owner=declared.owner, market_type=declared.market_type)
    return SaveStrategy(by=by, strategy=_merged(known or empty, declared))


def _save_link(catalogue: Catalogue, declared: DeclaredLink, by: str) -> SaveLink:
    known = catalogue.link(declared.strategy, declared.account)
    empty = SaveLink(
        by=by,
        strategy=declared.strategy,
        account=declared.account,
        capital={} if known is None else known.capital,
        leverage=Decimal(1) if known is None else known.leverage,
        weight=Decimal(1) if known is None else known.weight,
        max_positions=None if known is None else known.max_positions,
    )
    return _merged(empty, declared)


def _merged(known: T, declared: Struct) -> T:
    said = {field: value for field in declared.__struct_fields__ if (value := getattr(declared, field)) is not UNSET}
    return replace(known, **said)


def _without_token(catalogue: Catalogue) -> list[WebhookToken]:
    holders = [WebhookToken(strategy=name, holder=strategy.owner) for name, strategy in catalogue.strategies.items()]
    for strategy, account in catalogue.links:
        holder = WebhookToken(strategy=strategy, holder=catalogue.accounts[account].owner)
        if holder not in holders:
            holders.append(holder)
    issued = set(catalogue.webhook_tokens.values())
    return [holder for holder in holders if holder not in issued]
