"""How each event changes the catalogue: total, never fails, never decides."""

from collections.abc import Iterable

from msgspec.structs import replace

from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue.state import Catalogue, WebhookToken


def evolve(catalogue: Catalogue, event: e.Event) -> Catalogue:
    """Return the catalogue once `event` has happened."""
    match event:
        case e.InstallationFounded():
            return replace(catalogue, salt=event.salt)
        case e.UserSaved(user=user):
            return replace(catalogue, users={**catalogue.users, user.name: user})
        case e.AccountSaved(account=account):
            return replace(catalogue, accounts={**catalogue.accounts, account.name: account})
        case e.StrategySaved(strategy=strategy):
            return replace(catalogue, strategies={**catalogue.strategies, strategy.group_name: strategy})
        case e.LinkSaved(link=link):
            links = {**catalogue.links, (link.strategy, link.account): link}
            return replace(catalogue, links=links, last_number=max(catalogue.last_number, link.number))
        case e.WebhookTokenIssued():
            token = WebhookToken(strategy=event.strategy, holder=event.holder)
            return replace(catalogue, webhook_tokens={**catalogue.webhook_tokens, event.token_hash: token})
        case e.ApiTokenIssued():
            return replace(catalogue, api_tokens={**catalogue.api_tokens, event.token_hash: event.holder})
        case e.TokenRevoked():
            return _without_token(catalogue, event.token_hash)


def evolve_all(catalogue: Catalogue, events: Iterable[e.Event]) -> Catalogue:
    """Return the catalogue once all `events` have happened, in order."""
    for event in events:
        catalogue = evolve(catalogue, event)
    return catalogue


def _without_token(catalogue: Catalogue, token_hash: str) -> Catalogue:
    return replace(
        catalogue,
        webhook_tokens={known: token for known, token in catalogue.webhook_tokens.items() if known != token_hash},
        api_tokens={known: holder for known, holder in catalogue.api_tokens.items() if known != token_hash},
    )
