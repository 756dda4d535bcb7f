"""The catalogue as it stands: immutable, published by reference, cheap to look things up in from any thread."""

from collections.abc import Mapping

from msgspec import Struct
from rpds import HashTrieMap

from orderwright.engine.catalogue.events import Account, HaltScope, Link, Strategy, SubscriberScope, User
from orderwright.moments import Micros


class WebhookToken(Struct, frozen=True, kw_only=True):
    """Who may send signals to which strategy."""

    strategy: str
    holder: str


class Halt(Struct, frozen=True, kw_only=True):
    """Who halted what since when, and why; one `until_examined` is lifted when drift has been looked for.

    One that is not `is_written` holds, and the log does not say so yet: it would not survive a restart.
    """

    at: Micros
    by: str
    why: str
    scope: HaltScope
    name: str
    until_examined: bool = False
    is_written: bool = True

    @property
    def sentence(self) -> str:
        """The halt, as a person reads it."""
        of = "of everything" if self.scope is HaltScope.EVERYTHING else f"of {self.scope} {self.name}"
        halted = "halted" if self.is_written else "halted (not written down yet)"
        said = f"Trading {of} is {halted} by {self.by}"
        return f"{said}: {self.why}" if self.why else f"{said}."


class Catalogue(Struct, frozen=True, kw_only=True):
    """Everything by its name, tokens by their hash, in no order; `salt` is empty before set-up.

    The maps are persistent: a change shares all but a few nodes with what was before, so that ten thousand of
    something are added without copying. The tuples of links are in the order in which the links were made.
    """

    salt: str = ""
    users: "HashTrieMap[str, User]" = HashTrieMap()
    accounts: "HashTrieMap[str, Account]" = HashTrieMap()
    strategies: "HashTrieMap[str, Strategy]" = HashTrieMap()
    webhook_tokens: "HashTrieMap[str, WebhookToken]" = HashTrieMap()
    api_tokens: "HashTrieMap[str, str]" = HashTrieMap()
    links_by_pair: "HashTrieMap[tuple[str, str], Link]" = HashTrieMap()
    links_by_strategy: "HashTrieMap[str, tuple[Link, ...]]" = HashTrieMap()
    links_by_account: "HashTrieMap[str, tuple[Link, ...]]" = HashTrieMap()
    last_number: int = 0
    halts: "HashTrieMap[tuple[HaltScope, str], Halt]" = HashTrieMap()

    @property
    def links(self) -> Mapping[tuple[str, str], Link]:
        """All links by (strategy, account), in the order in which they were made; for listings, it is sorted anew."""
        return {(link.strategy, link.account): link for link in sorted(self.links_by_pair.values(), key=_number)}

    def link(self, strategy: str, account: str) -> Link | None:
        """Return the link of a strategy to an account."""
        return self.links_by_pair.get((strategy, account))

    def links_of(self, strategy: str) -> tuple[Link, ...]:
        """Return a strategy's links in the order in which they were made."""
        return self.links_by_strategy.get(strategy, ())

    def links_on(self, account: str) -> tuple[Link, ...]:
        """Return the links of an account in the order in which they were made."""
        return self.links_by_account.get(account, ())

    def halt_on(self, strategy: str, account: str) -> Halt | None:
        """Return a halt that covers a strategy on an account, the widest if there are several."""
        if not self.halts:
            return None
        return (
            self.halts.get((HaltScope.EVERYTHING, ""))
            or self.halts.get((HaltScope.ACCOUNT, account))
            or self.halts.get((HaltScope.STRATEGY, strategy))
        )

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
        return user if user is not None and user.is_active_administrator else None


def _number(link: Link) -> int:
    return link.number
