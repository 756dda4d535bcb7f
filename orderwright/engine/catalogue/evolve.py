"""How each event changes the catalogue: total, never fails, never decides."""

from collections.abc import Iterable

from msgspec.structs import replace

from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue.state import Catalogue, Halt, WebhookToken


def evolve(catalogue: Catalogue, event: e.Event) -> Catalogue:
    """Return the catalogue once `event` has happened."""
    match event:
        case e.InstallationFounded():
            return replace(catalogue, salt=event.salt)
        case e.UserSaved(user=user):
            return replace(catalogue, users=catalogue.users.insert(user.name, user))
        case e.AccountSaved(account=account):
            return replace(catalogue, accounts=catalogue.accounts.insert(account.name, account))
        case e.StrategySaved(strategy=strategy):
            return replace(catalogue, strategies=catalogue.strategies.insert(strategy.group_name, strategy))
        case e.LinkSaved(link=link):
            return _with_link(catalogue, link)
        case e.WebhookTokenIssued():
            token = WebhookToken(strategy=event.strategy, holder=event.holder)
            return replace(catalogue, webhook_tokens=catalogue.webhook_tokens.insert(event.token_hash, token))
        case e.ApiTokenIssued():
            return replace(catalogue, api_tokens=catalogue.api_tokens.insert(event.token_hash, event.holder))
        case e.TokenRevoked():
            return replace(
                catalogue,
                webhook_tokens=catalogue.webhook_tokens.discard(event.token_hash),
                api_tokens=catalogue.api_tokens.discard(event.token_hash),
            )
        case e.TradingHalted():
            halt = Halt(
                at=event.at,
                by=event.by,
                why=event.why,
                scope=event.scope,
                name=event.name,
                until_examined=event.until_examined,
            )
            return replace(catalogue, halts=catalogue.halts.insert((event.scope, event.name), halt))
        case e.HaltLifted():
            return replace(catalogue, halts=catalogue.halts.discard((event.scope, event.name)))


def evolve_all(catalogue: Catalogue, events: Iterable[e.Event]) -> Catalogue:
    """Return the catalogue once all `events` have happened, in order."""
    for event in events:
        catalogue = evolve(catalogue, event)
    return catalogue


def _with_link(catalogue: Catalogue, link: e.Link) -> Catalogue:
    known = catalogue.link(link.strategy, link.account)
    by_strategy = _put(catalogue.links_of(link.strategy), known, link)
    by_account = _put(catalogue.links_on(link.account), known, link)
    return replace(
        catalogue,
        links_by_pair=catalogue.links_by_pair.insert((link.strategy, link.account), link),
        links_by_strategy=catalogue.links_by_strategy.insert(link.strategy, by_strategy),
        links_by_account=catalogue.links_by_account.insert(link.account, by_account),
        last_number=max(catalogue.last_number, link.number),
    )


def _put(links: tuple[e.Link, ...], known: e.Link | None, link: e.Link) -> tuple[e.Link, ...]:
    if known is None and (not links or links[-1].number < link.number):
        return (*links, link)
    others = [other for other in links if other is not known]
    return tuple(sorted([*others, link], key=lambda one: one.number))
