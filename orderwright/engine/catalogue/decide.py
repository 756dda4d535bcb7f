"""What the catalogue decides when it is told something: events, or refusals that name the field and the cure."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue import rules as r
from orderwright.engine.catalogue.halting import check_halt, halt, lift_halt
from orderwright.engine.catalogue.rules import Refusal as Refusal
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.engine.money import plain
from orderwright.moments import DAY, Micros


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
    yield from r.check_salt(command.salt)
    yield from r.check_name("admin", command.admin)
    yield from r.check_hash(command.token_hash)


def _found(_catalogue: Catalogue, command: c.FoundInstallation, now: Micros) -> Iterator[e.Event]:
    yield e.InstallationFounded(at=now, salt=command.salt)
    yield e.UserSaved(at=now, by=command.admin, user=e.User(name=command.admin, role=e.Role.ADMIN))
    yield e.ApiTokenIssued(at=now, by=command.admin, token_hash=command.token_hash, holder=command.admin)


def _check_user(catalogue: Catalogue, command: c.SaveUser) -> Iterator[Refusal]:
    user = command.user
    yield from r.check_name("name", user.name)
    yield from r.check_email(user.email)
    known = catalogue.users.get(user.name)
    if known is None or not known.is_active_administrator or user.is_active_administrator:
        return
    if not any(other.is_active_administrator for other in catalogue.users.values() if other.name != user.name):
        error = f"{user.name} is the last active administrator: make another one first."
        yield Refusal(code="last_administrator", field="suspended" if user.suspended else "role", error=error)


def _save_user(catalogue: Catalogue, command: c.SaveUser, now: Micros) -> Iterator[e.Event]:
    if catalogue.users.get(command.user.name) != command.user:
        yield e.UserSaved(at=now, by=command.by, user=command.user)


def _check_account(catalogue: Catalogue, command: c.SaveAccount) -> Iterator[Refusal]:
    account = command.account
    yield from r.check_name("name", account.name)
    yield from _check_user_exists(catalogue, "owner", account.owner)
    known = catalogue.accounts.get(account.name)
    if known is not None and (known.owner, known.exchange) != (account.owner, account.exchange):
        error = f"Account {account.name} is {known.owner}'s at {known.exchange}; make a new account instead."
        yield Refusal(code="account_differs", field="name", error=error)
    yield from r.check_exchange(account.exchange, url=account.url, has_balances=bool(account.balances))
    yield from r.check_profile(account.exchange, account.profile)
    yield from r.check_amounts("balances", account.balances)


def _save_account(catalogue: Catalogue, command: c.SaveAccount, now: Micros) -> Iterator[e.Event]:
    if catalogue.accounts.get(command.account.name) != command.account:
        yield e.AccountSaved(at=now, by=command.by, account=command.account)


def _check_strategy(catalogue: Catalogue, command: c.SaveStrategy) -> Iterator[Refusal]:
    strategy = command.strategy
    yield from r.check_name("group_name", strategy.group_name)
    yield from _check_user_exists(catalogue, "owner", strategy.owner)
    known = catalogue.strategies.get(strategy.group_name)
    if known is not None and (known.owner, known.market_type) != (strategy.owner, strategy.market_type):
        error = f"{strategy.group_name} is {known.owner}'s {known.market_type} strategy; choose another group_name."
        yield Refusal(code="strategy_differs", field="group_name", error=error)
    yield from r.check_duration("dedupe_window", strategy.dedupe_window)
    yield from r.check_duration("max_lag", strategy.max_lag, least=1)
    yield from r.check_duration("max_exit_lag", strategy.max_exit_lag, least=1)
    if strategy.dedupe_window > DAY:
        yield r.invalid("dedupe_window", "dedupe_window can be a day at most; 0 turns it off.")


def _save_strategy(catalogue: Catalogue, command: c.SaveStrategy, now: Micros) -> Iterator[e.Event]:
    if catalogue.strategies.get(command.strategy.group_name) != command.strategy:
        yield e.StrategySaved(at=now, by=command.by, strategy=command.strategy)


def _check_link(catalogue: Catalogue, command: c.SaveLink) -> Iterator[Refusal]:
    strategy = catalogue.strategies.get(command.strategy)
    account = catalogue.accounts.get(command.account)
    yield from _check_strategy_exists(catalogue, command.strategy)
    yield from _check_account_exists(catalogue, command.account)
    yield from r.check_positive("weight", command.weight)
    if command.max_positions is not None and command.max_positions < 1:
        yield r.invalid("max_positions", "max_positions must be at least 1.")
    yield from r.check_amounts("capital", command.capital)
    if strategy is not None and account is not None:
        if account.owner != strategy.owner and not strategy.public:
            error = f"{command.strategy} is not public: only accounts of {strategy.owner} can be linked to it."
            yield Refusal(code="not_public", field="account", error=error)
        yield from _check_leverage(catalogue, command, strategy)


def _check_leverage(catalogue: Catalogue, command: c.SaveLink, strategy: e.Strategy) -> Iterator[Refusal]:
    most = r.MOST_LEVERAGE if strategy.market_type is MarketType.FUTURES else 1
    wrong = list(r.check_leverage(command.leverage, most=most, market=strategy.market_type))
    yield from wrong
    if wrong or strategy.market_type is not MarketType.FUTURES:
        return
    for other in _margined_on(catalogue, command.account):
        if other.strategy != command.strategy and other.leverage != command.leverage:
            error = (
                f"Leverage belongs to the account: {other.strategy} trades on {command.account} "
                f"with {plain(other.leverage)}, so this must too."
            )
            yield Refusal(code="leverage_differs", field="leverage", error=error)
            return


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


def _check_common_leverage(catalogue: Catalogue, command: c.SetLeverage) -> Iterator[Refusal]:
    yield from _check_account_exists(catalogue, command.account)
    yield from r.check_leverage(command.leverage, most=r.MOST_LEVERAGE, market=MarketType.FUTURES)


def _set_leverage(catalogue: Catalogue, command: c.SetLeverage, now: Micros) -> Iterator[e.Event]:
    for link in _margined_on(catalogue, command.account):
        if link.leverage != command.leverage:
            yield e.LinkSaved(at=now, by=command.by, link=replace(link, leverage=command.leverage))


def _check_webhook_token(catalogue: Catalogue, command: c.IssueWebhookToken) -> Iterator[Refusal]:
    yield from _check_new_token(catalogue, command.token_hash, command.holder)
    yield from _check_strategy_exists(catalogue, command.strategy)


def _issue_webhook_token(_catalogue: Catalogue, command: c.IssueWebhookToken, now: Micros) -> Iterator[e.Event]:
    yield e.WebhookTokenIssued(
        at=now, by=command.by, token_hash=command.token_hash, strategy=command.strategy, holder=command.holder
    )


def _check_api_token(catalogue: Catalogue, command: c.IssueApiToken) -> Iterator[Refusal]:
    yield from _check_new_token(catalogue, command.token_hash, command.holder)


def _issue_api_token(_catalogue: Catalogue, command: c.IssueApiToken, now: Micros) -> Iterator[e.Event]:
    yield e.ApiTokenIssued(at=now, by=command.by, token_hash=command.token_hash, holder=command.holder)


def _check_revocation(catalogue: Catalogue, command: c.RevokeToken) -> Iterator[Refusal]:
    if not _has_token(catalogue, command.token_hash):
        yield Refusal(code="token_not_found", field="token", error="There is no such token.")


def _revoke(_catalogue: Catalogue, command: c.RevokeToken, now: Micros) -> Iterator[e.Event]:
    yield e.TokenRevoked(at=now, by=command.by, token_hash=command.token_hash)


def _check_new_token(catalogue: Catalogue, token_hash: str, holder: str) -> Iterator[Refusal]:
    yield from r.check_hash(token_hash)
    yield from _check_user_exists(catalogue, "holder", holder)
    if _has_token(catalogue, token_hash):
        yield Refusal(code="token_taken", field="token", error="This token has been given out before: make a new one.")


def _has_token(catalogue: Catalogue, token_hash: str) -> bool:
    return token_hash in catalogue.webhook_tokens or token_hash in catalogue.api_tokens


def _margined_on(catalogue: Catalogue, account: str) -> Iterator[e.Link]:
    for link in catalogue.links_on(account):
        if catalogue.strategies[link.strategy].market_type is MarketType.FUTURES:
            yield link


def _check_user_exists(catalogue: Catalogue, field: str, name: str) -> Iterator[Refusal]:
    if name not in catalogue.users:
        yield r.unknown("user_not_found", field, what="user", name=name, known=catalogue.users)


def _check_account_exists(catalogue: Catalogue, name: str) -> Iterator[Refusal]:
    if name not in catalogue.accounts:
        yield r.unknown("account_not_found", "account", what="account", name=name, known=catalogue.accounts)


def _check_strategy_exists(catalogue: Catalogue, name: str) -> Iterator[Refusal]:
    if name not in catalogue.strategies:
        yield r.unknown("strategy_not_found", "strategy", what="strategy", name=name, known=catalogue.strategies)


_Check = Callable[[Catalogue, Any], Iterator[Refusal]]
_Build = Callable[[Catalogue, Any, Micros], Iterator[e.Event]]

_DECISIONS: dict[type[Any], tuple[_Check, _Build]] = {
    c.FoundInstallation: (_check_founding, _found),
    c.SaveUser: (_check_user, _save_user),
    c.SaveAccount: (_check_account, _save_account),
    c.SaveStrategy: (_check_strategy, _save_strategy),
    c.SaveLink: (_check_link, _save_link),
    c.SetLeverage: (_check_common_leverage, _set_leverage),
    c.IssueWebhookToken: (_check_webhook_token, _issue_webhook_token),
    c.IssueApiToken: (_check_api_token, _issue_api_token),
    c.RevokeToken: (_check_revocation, _revoke),
    c.HaltTrading: (check_halt, halt),
    c.LiftHalt: (check_halt, lift_halt),
}
