"""A declaration: what an operator wants there to be, as a TOML file, and the commands that lead there."""

import tomllib
from collections.abc import Callable, Iterator
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
    SetLeverage,
)
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.events import Account, CloseSide, Link, Role, Strategy, SubscriberScope, User
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
    profile: str | UnsetType = UNSET


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
_NAMED_BY = {
    "users": ("name",),
    "accounts": ("name",),
    "strategies": ("group_name",),
    "links": ("strategy", "account"),
}
_MOST_FAULTS = 100


def read_declaration(text: str) -> Declaration | list[Fault]:
    """Return the declaration in a TOML text, or all that is wrong with its form."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as exc:
        # Besides its own error, tomllib lets those of absurd numbers and of absurd nesting through.
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
    return faults or list(_repeated(read)) or Declaration(**read)


def _repeated(read: dict[str, tuple[Any, ...]]) -> Iterator[Fault]:
    for name, items in read.items():
        first: dict[tuple[str, ...], int] = {}
        for index, item in enumerate(items):
            earlier = first.setdefault(tuple(getattr(item, field) for field in _NAMED_BY[name]), index)
            if earlier != index:
                error = f"is about the same as {name}[{earlier}]: say it once"
                yield Fault(key=f"{name}[{index}].{_NAMED_BY[name][-1]}", error=error)


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
    for common in _common_leverages(planning.catalogue, declaration, by):
        planning.take("links", f"leverage on {common.account}", common)
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
        if len(self.faults) >= _MOST_FAULTS:
            return
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


def _common_leverages(catalogue: Catalogue, declaration: Declaration, by: str) -> Iterator[SetLeverage]:
    # Alone, each link would be refused for its leverage not being the others'.
    declared: dict[str, dict[str, Decimal | UnsetType]] = {}
    for link in declaration.links:
        declared.setdefault(link.account, {})[link.strategy] = link.leverage
    for account, wanted in declared.items():
        linked = [link for link in catalogue.links_on(account) if _is_margined(catalogue, link)]
        leverages = {wanted.get(link.strategy, UNSET) for link in linked}
        leverage = leverages.pop() if len(leverages) == 1 else UNSET
        if isinstance(leverage, Decimal) and len(linked) > 1 and any(link.leverage != leverage for link in linked):
            yield SetLeverage(by=by, account=account, leverage=leverage)


def _is_margined(catalogue: Catalogue, link: Link) -> bool:
    return catalogue.strategies[link.strategy].market_type is MarketType.FUTURES


def _without_token(catalogue: Catalogue) -> list[WebhookToken]:
    owners = sorted((name, strategy.owner) for name, strategy in catalogue.strategies.items())
    subscribers = [(strategy, catalogue.accounts[account].owner) for strategy, account in catalogue.links]
    issued = {(token.strategy, token.holder) for token in catalogue.webhook_tokens.values()}
    holders = [pair for pair in dict.fromkeys([*owners, *subscribers]) if pair not in issued]
    return [WebhookToken(strategy=strategy, holder=holder) for strategy, holder in holders]
