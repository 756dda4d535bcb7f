"""What can have happened to the catalogue; the tags are history and never change."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from orderwright.engine.instruments import MarketType
from orderwright.moments import SECOND, Micros


class Role(StrEnum):
    """What a user may do."""

    ADMIN = "admin"
    USER = "user"


class User(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who owns accounts and strategies, or operates the engine."""

    name: str
    role: Role = Role.USER
    email: str | None = None
    suspended: bool = False

    @property
    def is_active_administrator(self) -> bool:
        """Whether this user may operate the engine."""
        return self.role is Role.ADMIN and not self.suspended


class Account(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A user's account at an exchange.

    `balances` are what a paper account starts with, the first time only; `profile` is the exchange it is to be like.
    """

    name: str
    owner: str
    exchange: str
    url: str | None = None
    balances: dict[str, Decimal] = {}
    profile: str | None = None


class CloseSide(StrEnum):
    """Whether a close must name the side that fits the position, or lets the position decide."""

    STRICT = "strict"
    AUTO = "auto"


class SubscriberScope(StrEnum):
    """Whether a subscriber's token acts on the subscriber's own accounts or on all linked ones."""

    OWN = "own"
    ALL = "all"


class Strategy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What signals are for; durations in microseconds."""

    group_name: str
    owner: str
    market_type: MarketType
    public: bool = False
    active: bool = True
    dedupe_window: int = 30 * SECOND
    max_lag: int = 60 * SECOND
    max_exit_lag: int = 3_600 * SECOND
    close_side: CloseSide = CloseSide.STRICT
    subscriber_scope: SubscriberScope = SubscriberScope.OWN


class Link(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One strategy on one account: a strategy account. `number` is unique for ever and part of its order ids."""

    strategy: str
    account: str
    number: int
    capital: dict[str, Decimal] = {}
    leverage: Decimal = Decimal(1)
    weight: Decimal = Decimal(1)
    max_positions: int | None = None


class HaltScope(StrEnum):
    """What a halt is of."""

    EVERYTHING = "everything"
    ACCOUNT = "account"
    STRATEGY = "strategy"


class Drift(StrEnum):
    """What was known of drift when a halt was lifted: not looked for, none, or some that was accepted by name."""

    UNEXAMINED = "unexamined"
    NONE = "none"
    ACCEPTED = "accepted"


class InstallationFounded(Struct, frozen=True, kw_only=True, tag="installation_founded"):
    """The installation began; `salt` marks its client order ids (five of a-z0-9)."""

    at: Micros
    salt: str


class UserSaved(Struct, frozen=True, kw_only=True, tag="user_saved"):
    """A user was added or changed, and is now like this."""

    at: Micros
    by: str
    user: User


class AccountSaved(Struct, frozen=True, kw_only=True, tag="account_saved"):
    """An account was added or changed, and is now like this."""

    at: Micros
    by: str
    account: Account


class StrategySaved(Struct, frozen=True, kw_only=True, tag="strategy_saved"):
    """A strategy was added or changed, and is now like this."""

    at: Micros
    by: str
    strategy: Strategy


class LinkSaved(Struct, frozen=True, kw_only=True, tag="link_saved"):
    """A strategy was linked to an account, or the link's terms changed, and it is now like this."""

    at: Micros
    by: str
    link: Link


class WebhookTokenIssued(Struct, frozen=True, kw_only=True, tag="webhook_token_issued"):
    """A holder can send signals to a strategy; only the token's hash is known."""

    at: Micros
    by: str
    token_hash: str
    strategy: str
    holder: str


class ApiTokenIssued(Struct, frozen=True, kw_only=True, tag="api_token_issued"):
    """A holder can use the admin interface; only the token's hash is known."""

    at: Micros
    by: str
    token_hash: str
    holder: str


class TokenRevoked(Struct, frozen=True, kw_only=True, tag="token_revoked"):
    """A token of either kind is worth nothing from here on."""

    at: Micros
    by: str
    token_hash: str


class TradingHalted(Struct, frozen=True, kw_only=True, tag="trading_halted", omit_defaults=True):
    """From here on no order leaves for anything within the scope; `name` is the account's or the strategy's.

    `until_examined`: the log may be behind the exchanges, and is to be compared with them before the halt is lifted.
    """

    at: Micros
    by: str
    why: str
    scope: HaltScope
    name: str = ""
    until_examined: bool = False


class HaltLifted(Struct, frozen=True, kw_only=True, tag="halt_lifted", omit_defaults=True):
    """The halt of that scope and name is over; `drift` is what was known of it, where that had to be examined."""

    at: Micros
    by: str
    why: str
    scope: HaltScope
    name: str = ""
    drift: Drift | None = None


Event = (
    InstallationFounded
    | UserSaved
    | AccountSaved
    | StrategySaved
    | LinkSaved
    | WebhookTokenIssued
    | ApiTokenIssued
    | TokenRevoked
    | TradingHalted
    | HaltLifted
)
