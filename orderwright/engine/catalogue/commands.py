"""What the catalogue can be told. Randomness (salt, token hashes) comes in with the command."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.catalogue.events import Account, Drift, HaltScope, Strategy, User


class FoundInstallation(Struct, frozen=True, kw_only=True):
    """Begin: the salt of all client order ids (five of a-z0-9), and the first administrator with an API token."""

    salt: str
    admin: str
    token_hash: str


class SaveUser(Struct, frozen=True, kw_only=True):
    """Add a user or change one to this."""

    by: str
    user: User


class SaveAccount(Struct, frozen=True, kw_only=True):
    """Add an account or change one to this."""

    by: str
    account: Account


class SaveStrategy(Struct, frozen=True, kw_only=True):
    """Add a strategy or change one to this."""

    by: str
    strategy: Strategy


class SaveLink(Struct, frozen=True, kw_only=True):
    """Link a strategy to an account on these terms, or change the link's terms to these."""

    by: str
    strategy: str
    account: str
    capital: dict[str, Decimal]
    leverage: Decimal
    weight: Decimal
    max_positions: int | None


class SetLeverage(Struct, frozen=True, kw_only=True):
    """Change the leverage of all FUTURES strategies on an account at once, which alone they could not."""

    by: str
    account: str
    leverage: Decimal


class IssueWebhookToken(Struct, frozen=True, kw_only=True):
    """Let a holder send signals to a strategy."""

    by: str
    token_hash: str
    strategy: str
    holder: str


class IssueApiToken(Struct, frozen=True, kw_only=True):
    """Let a holder use the admin interface."""

    by: str
    token_hash: str
    holder: str


class RevokeToken(Struct, frozen=True, kw_only=True):
    """Make a token worthless."""

    by: str
    token_hash: str


class HaltTrading(Struct, frozen=True, kw_only=True):
    """Let no order leave: for everything, or for the account or the strategy of that name.

    `until_examined`: it is not lifted before drift has been looked for.
    """

    by: str
    why: str
    scope: HaltScope
    name: str = ""
    until_examined: bool = False


class LiftHalt(Struct, frozen=True, kw_only=True):
    """End the halt of that scope and name; `drift` is what is known of it, or accepted."""

    by: str
    why: str
    scope: HaltScope
    name: str = ""
    drift: Drift = Drift.UNEXAMINED


Command = (
    FoundInstallation
    | SaveUser
    | SaveAccount
    | SaveStrategy
    | SaveLink
    | SetLeverage
    | IssueWebhookToken
    | IssueApiToken
    | RevokeToken
    | HaltTrading
    | LiftHalt
)
