"""What the catalogue decides when it is told something: events, or refusals that name the field and the cure."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.engine.money import ZERO, plain
from orderwright.moments import Micros

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SALT = re.compile(r"[a-z0-9]{5}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z0-9]{2,12}", re.ASCII)
MOST_LEVERAGE = 125


class Refusal(Struct, frozen=True, kw_only=True):
    """Why a command came to nothing: a stable code, the field it is about, the sentence a person reads."""

    code: str
    field: str
    error: str


def decide(catalogue: Catalogue, command: c.Command, now: Micros) -> list[e.Event] | list[Refusal]:
    """Return what happens when the catalogue is told `command`: nothing if it is so already; or all that is wrong."""
    check, build = _DECISIONS[type(command)]
    refusals: list[Refusal] = list(check(catalogue, command))
    if refusals:
        return refusals
    events: list[e.Event] = list(build(catalogue, command, now))
    return events


def _check_founding(catalogue: Catalogue, command: c.FoundInstallation) -> Iterator[Refusal]:
    if catalogue.salt:
        yield Refusal(code="already_set_up", field="data", error="This installation has been set up before.")
    if not _SALT.fullmatch(command.salt):
        yield Refusal(code="invalid_field", field="salt", error="The salt must be five of a-z and 0-9.")
    yield from _check_name("admin", command.admin)


def _found(_catalogue: Catalogue, command: c.FoundInstallation, now: Micros) -> Iterator[e.Event]:
    yield e.InstallationFounded(at=now, salt=command.salt)
    yield e.UserSaved(at=now, by=command.admin, user=e.User(name=command.admin, role=e.Role.ADMIN))
    yield e.ApiTokenIssued(at=now, by=command.admin, token_hash=command.token_hash, holder=command.admin)


def _check_user(_catalogue: Catalogue, command: c.SaveUser) -> Iterator[Refusal]:
    yield from _check_name("name", command.user.name)


def _save_user(catalogue: Catalogue, command: c.SaveUser, now: Micros) -> Iterator[e.Event]:
    if catalogue.users.get(command.user.name) != command.user:
        yield e.UserSaved(at=now, by=command.by, user=command.user)


def _check_account(catalogue: Catalogue, command: c.SaveAccount) -> Iterator[Refusal]:
    account = command.account
    yield from _check_name("name", account.name)
    yield from _check_user_exists(catalogue, "owner", account.owner)
    known = catalogue.accounts.get(account.name)
    if known is not None and (known.owner, known.exchange) != (account.owner, account.exchange):
        error = f"Account {account.name} is {known.owner}'s at {known.exchange}; make a new account instead."
        yield Refusal(code="account_differs", field="name", error=error)
    yield from _check_amounts("balances", account.balances)


def _save_account(catalogue: Catalogue, command: c.SaveAccount, now: Micros) -> Iterator[e.Event]:
    if catalogue.accounts.get(command.account.name) != command.account:
        yield e.AccountSaved(at=now, by=command.by, account=command.account)


def _check_strategy(catalogue: Catalogue, command: c.SaveStrategy) -> Iterator[Refusal]:
    strategy = command.strategy
    yield from _check_name("group_name", strategy.group_name)
    yield from _check_user_exists(catalogue, "owner", strategy.owner)
    known = catalogue.strategies.get(strategy.group_name)
    if known is not None and (known.owner, known.market_type) != (strategy.owner, strategy.market_type):
        error = f"{strategy.group_name} is {known.owner}'s {known.market_type} strategy; choose another group_name."
        yield Refusal(code="strategy_differs", field="group_name", error=error)
    for field in ("dedupe_window", "max_lag", "max_exit_lag"):
        if getattr(strategy, field) < 0:
            yield Refusal(code="invalid_field", field=field, error=f"{field} cannot be negative.")


def _save_strategy(catalogue: Catalogue, command: c.SaveStrategy, now: Micros) -> Iterator[e.Event]:
    if catalogue.strategies.get(command.strategy.group_name) != command.strategy:
        yield e.StrategySaved(at=now, by=command.by, strategy=command.strategy)


def _check_link(catalogue: Catalogue, command: c.SaveLink) -> Iterator[Refusal]:
    strategy = catalogue.strategies.get(command.strategy)
    account = catalogue.accounts.get(command.account)
    if strategy is None:
        error = f"There is no strategy {command.strategy}."
        yield Refusal(code="strategy_not_found", field="strategy", error=error)
    if account is None:
        yield Refusal(code="account_not_found", field="account", error=f"There is no account {command.account}.")
    if command.weight <= ZERO:
        yield Refusal(code="invalid_field", field="weight", error="weight must be above 0.")
    if command.max_positions is not None and command.max_positions < 1:
        yield Refusal(code="invalid_field", field="max_positions", error="max_positions must be at least 1.")
    yield from _check_amounts("capital", command.capital)
    if strategy is not None and account is not None:
        if account.owner != strategy.owner and not strategy.public:
            error = f"{command.strategy} is not public: only accounts of {strategy.owner} can be linked to it."
            yield Refusal(code="not_public", field="account", error=error)
        yield from _check_leverage(catalogue, command, strategy)


def _check_leverage(catalogue: Catalogue, command: c.SaveLink, strategy: e.Strategy) -> Iterator[Refusal]:
    most = MOST_LEVERAGE if strategy.market_type is MarketType.FUTURES else 1
    if not 1 <= command.leverage <= most:
        error = f"leverage must be from 1 to {most} for {strategy.market_type}."
        yield Refusal(code="invalid_field", field="leverage", error=error)
    for other in catalogue.links_on(command.account):
        is_futures = catalogue.strategies[other.strategy].market_type is strategy.market_type is MarketType.FUTURES
        if is_futures and other.strategy != command.strategy and other.leverage != command.leverage:
            error = (
                f"Leverage belongs to the account: {other.strategy} trades on {command.account} "
                f"with {plain(other.leverage)}, so this must too."
            )
            yield Refusal(code="leverage_differs", field="leverage", error=error)


def _save_link(catalogue: Catalogue, command: c.SaveLink, now: Micros) -> Iterator[e.Event]:
    known = catalogue.link(command.strategy, command.account)
    link = e.Link(
        strategy=command.strategy,
        account=command.account,
        number=catalogue.last_number + 1 if known is None else known.number,
        capital=command.capital,
        leverage=command.leverage,
        weight=command.weight,
        max_positions=command.max_positions,
    )
    if known != link:
        yield e.LinkSaved(at=now, by=command.by, link=link)


def _check_webhook_token(catalogue: Catalogue, command: c.IssueWebhookToken) -> Iterator[Refusal]:
    yield from _check_user_exists(catalogue, "holder", command.holder)
    if command.strategy not in catalogue.strategies:
        error = f"There is no strategy {command.strategy}."
        yield Refusal(code="strategy_not_found", field="strategy", error=error)


def _issue_webhook_token(_catalogue: Catalogue, command: c.IssueWebhookToken, now: Micros) -> Iterator[e.Event]:
    yield e.WebhookTokenIssued(
        at=now, by=command.by, token_hash=command.token_hash, strategy=command.strategy, holder=command.holder
    )


def _check_api_token(catalogue: Catalogue, command: c.IssueApiToken) -> Iterator[Refusal]:
    yield from _check_user_exists(catalogue, "holder", command.holder)


def _issue_api_token(_catalogue: Catalogue, command: c.IssueApiToken, now: Micros) -> Iterator[e.Event]:
    yield e.ApiTokenIssued(at=now, by=command.by, token_hash=command.token_hash, holder=command.holder)


def _check_revocation(catalogue: Catalogue, command: c.RevokeToken) -> Iterator[Refusal]:
    if command.token_hash not in catalogue.webhook_tokens and command.token_hash not in catalogue.api_tokens:
        yield Refusal(code="token_not_found", field="token", error="There is no such token.")


def _revoke(_catalogue: Catalogue, command: c.RevokeToken, now: Micros) -> Iterator[e.Event]:
    yield e.TokenRevoked(at=now, by=command.by, token_hash=command.token_hash)


def _check_name(field: str, name: str) -> Iterator[Refusal]:
    if not _NAME.fullmatch(name):
        error = f"{field} must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit."
        yield Refusal(code="invalid_field", field=field, error=error)


def _check_user_exists(catalogue: Catalogue, field: str, name: str) -> Iterator[Refusal]:
    if name not in catalogue.users:
        yield Refusal(code="user_not_found", field=field, error=f"There is no user {name}.")


def _check_amounts(field: str, amounts: dict[str, Decimal]) -> Iterator[Refusal]:
    for currency, amount in amounts.items():
        if not _CURRENCY.fullmatch(currency):
            error = f"{currency!r} is not a currency: write it like USDT or KRW."
            yield Refusal(code="invalid_field", field=f"{field}.{currency}", error=error)
        if amount <= ZERO:
            error = f"{field} in {currency} must be above 0."
            yield Refusal(code="invalid_field", field=f"{field}.{currency}", error=error)


_Check = Callable[[Catalogue, Any], Iterator[Refusal]]
_Build = Callable[[Catalogue, Any, Micros], Iterator[e.Event]]

_DECISIONS: dict[type[Any], tuple[_Check, _Build]] = {
    c.FoundInstallation: (_check_founding, _found),
    c.SaveUser: (_check_user, _save_user),
    c.SaveAccount: (_check_account, _save_account),
    c.SaveStrategy: (_check_strategy, _save_strategy),
    c.SaveLink: (_check_link, _save_link),
    c.IssueWebhookToken: (_check_webhook_token, _issue_webhook_token),
    c.IssueApiToken: (_check_api_token, _issue_api_token),
    c.RevokeToken: (_check_revocation, _revoke),
}
