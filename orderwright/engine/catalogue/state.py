"""The catalogue as it stands: immutable, published by reference, cheap to look things up in."""

from collections.abc import Mapping

from msgspec import Struct

from orderwright.engine.catalogue.events import Account, Link, Role, Strategy, SubscriberScope, User


class WebhookToken(Struct, frozen=True, kw_only=True):
    """Who may send signals to which strategy."""

    strategy: str
    holder: str


class Catalogue(Struct, frozen=True, kw_only=True):
    """Everything by its name; links by (strategy, account); tokens by their hash. `salt` is empty before set-up."""

    salt: str = ""
    users: Mapping[str, User] = {}
    accounts: Mapping[str, Account] = {}
    strategies: Mapping[str, Strategy] = {}
    links: Mapping[tuple[str, str], Link] = {}
    webhook_tokens: Mapping[str, WebhookToken] = {}
    api_tokens: Mapping[str, str] = {}
    last_number: int = 0

    def link(self, strategy: str, account: str) -> Link | None:
        """Return the link of a strategy to an account."""
        return self.links.get((strategy, account))

    def links_of(self, strategy: str) -> tuple[Link, ...]:
        """Return a strategy's links in the order in which they were made."""
        return tuple(link for (named, _account), link in self.links.items() if named == strategy)

    def links_on(self, account: str) -> tuple[Link, ...]:
        """Return the links of an account."""
        return tuple(link for (_strategy, named), link in self.links.items() if named == account)

    def recipients(self, token: WebhookToken) -> tuple[Link, ...]:
        """Return the links that a token's signals go to: all for the owner, a subscriber's own otherwise."""
        strategy = self.strategies[token.strategy]
        links = self.links_of(token.strategy)
        if token.holder == strategy.owner:
            return links
        if not strategy.public:
            return ()
        if strategy.subscriber_scope is SubscriberScope.ALL:
            return links
        return tuple(link for link in links if self.accounts[link.account].owner == token.holder)

    def administrator(self, token_hash: str) -> User | None:
        """Return the active administrator whose API token has this hash."""
        user = self.users.get(self.api_tokens.get(token_hash, ""))
        return user if user is not None and user.role is Role.ADMIN and not user.suspended else None
