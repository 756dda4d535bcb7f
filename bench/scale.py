"""How much a run measures: the usual size, and a tiny one that only shows that everything works."""

from msgspec import Struct


class Scale(Struct, frozen=True, kw_only=True):
    """Bounds of a run; times in seconds.

    `rounds` are how often both sides of a comparison are measured in turn; `latency_seconds` is the length of the open
    loop at 50 webhooks a second; `idle_accounts` are strategy accounts, in multiples of `accounts_per_strategy`;
    `declared_accounts`, `active_accounts` and `crash_accounts` are, too, in multiples of the square of
    `accounts_per_group`. The `opened_accounts` have that many `opened_orders` each in a log of `opening_events`, and as
    many in one of `short_events`.
    """

    rounds: int = 3
    round_seconds: float = 3.0
    strategies: int = 32
    connections: int = 24
    fan_out: int = 100
    latency_seconds: float = 12.0
    actors: int = 64
    append_seconds: float = 3.0
    replayed_signals: int = 4_000
    idle_accounts: int = 1_000
    accounts_per_strategy: int = 20
    cancel_accounts: int = 10
    cancel_rounds: int = 7
    overload_seconds: float = 10.0
    aftermath_seconds: float = 20.0
    life_seconds: float = 10.0
    declared_accounts: int = 10_000
    active_accounts: int = 200
    accounts_per_group: int = 10
    crash_accounts: int = 1_000
    crash_events: int = 1_000_000
    traffic_seconds: float = 1.5
    opening_events: int = 10_000_000
    short_events: int = 100_000
    opened_accounts: int = 40
    opened_orders: int = 100


USUAL = Scale()

TINY = Scale(
    rounds=1,
    round_seconds=0.2,
    strategies=3,
    connections=2,
    fan_out=3,
    latency_seconds=0.2,
    actors=4,
    append_seconds=0.2,
    replayed_signals=10,
    idle_accounts=4,
    accounts_per_strategy=2,
    cancel_accounts=2,
    cancel_rounds=1,
    overload_seconds=1.0,
    aftermath_seconds=2.0,
    life_seconds=0.5,
    declared_accounts=20,
    active_accounts=4,
    accounts_per_group=2,
    crash_accounts=8,
    crash_events=2_000,
    traffic_seconds=0.3,
    opening_events=4_000,
    short_events=1_000,
    opened_accounts=3,
    opened_orders=10,
)
