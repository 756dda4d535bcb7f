"""Everything that can be configured; `default.toml` beside this file has each key with its default and a comment."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from orderwright.config.reading import Duration, PositiveDuration

Port = Annotated[int, Meta(ge=0, le=65_535)]
Positive = Annotated[int, Meta(ge=1)]


class DatabaseConfig(Struct, frozen=True, kw_only=True):
    """Where the log is; an empty `url` means the embedded PostgreSQL in the data directory."""

    url: str


class HttpConfig(Struct, frozen=True, kw_only=True):
    """The HTTP edge."""

    host: str
    port: Port
    threads: Positive
    connection_limit: Positive
    channel_timeout: PositiveDuration
    queue_wait: PositiveDuration
    webhook_wait: Duration
    max_body_bytes: Positive
    shutdown_wait: Duration


class OrdersConfig(Struct, frozen=True, kw_only=True):
    """The durations that decisions about orders obey."""

    valid_for: PositiveDuration
    call_timeout: PositiveDuration
    price_max_age: PositiveDuration
    poll_interval: PositiveDuration


class ActorsConfig(Struct, frozen=True, kw_only=True):
    """How failed actors are brought back, when idle ones rest, and what bounds them."""

    restart_first_delay: PositiveDuration
    restart_longest_delay: PositiveDuration
    restart_healthy_after: PositiveDuration
    restart_most: Positive
    restart_within: PositiveDuration
    idle_after: PositiveDuration
    rebuilds_at_once: Positive
    mailbox_limit: Positive
    doubt_alarm_after: PositiveDuration
    dead_exchange_after: PositiveDuration


class StoreConfig(Struct, frozen=True, kw_only=True):
    """The log's writer, and how often a stream's state is kept beside it (in events)."""

    queue_limit: Positive
    batch_limit: Positive
    lease_ttl: PositiveDuration
    snapshot_every: Positive


class JobsConfig(Struct, frozen=True, kw_only=True):
    """What is done by the clock: how often, and in which time zone the days are."""

    zone: str
    order_poll: PositiveDuration
    balances: PositiveDuration
    drift: PositiveDuration
    markets: PositiveDuration
    snapshots: PositiveDuration
    partitions: PositiveDuration


class PaperConfig(Struct, frozen=True, kw_only=True):
    """The built-in paper exchange: `feed` walks from the seed or stays fixed, or is a CSV file of prices."""

    feed: Literal["walk", "fixed", "file"]
    seed: int
    file: str
    maker_fee: Decimal
    taker_fee: Decimal


class LoggingConfig(Struct, frozen=True, kw_only=True):
    """What is logged, and how, on stderr."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    format: Literal["text", "json"]


class Config(Struct, frozen=True, kw_only=True):
    """The whole configuration."""

    locale: Literal["en", "ko"]
    database: DatabaseConfig
    http: HttpConfig
    orders: OrdersConfig
    actors: ActorsConfig
    store: StoreConfig
    jobs: JobsConfig
    paper: PaperConfig
    logging: LoggingConfig
