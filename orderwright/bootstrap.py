"""Puts an installation together from its configuration: the only module that names concrete adapters.

DATA/postgres        the embedded PostgreSQL (unless `database.url` names another)
DATA/paper.sqlite3   the books of the in-process paper exchange
DATA/anchor.key      the key that anchors are signed with, made at its first use
DATA/engine.json     address and local token of the engine that runs on this data, readable by its user only
"""

import gc
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from uuid import UUID

import msgspec
import psutil
from msgspec import Struct

from orderwright.actors.catalogue_desk import CatalogueDesk, load_catalogue
from orderwright.actors.declarations import Applied, apply_declaration
from orderwright.actors.lifecycle import Engine
from orderwright.actors.limits import Limits
from orderwright.actors.supervisor import Restarts
from orderwright.auth.tokens import TokenKind, new_salt, new_token, token_hash
from orderwright.clock import Clock, SystemClock
from orderwright.config.schema import Config, PaperConfig
from orderwright.engine.catalogue.commands import FoundInstallation
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import time_ordered_id
from orderwright.engine.strategy_account.state import Rules
from orderwright.errors import OrderwrightError
from orderwright.eventstore.connect import (
    LeaseTerms,
    LogPlace,
    OpenLog,
    WritableLog,
    open_log,
    open_log_for_writing,
)
from orderwright.eventstore.store import Fenced, LeaseHeld
from orderwright.eventstore.writer import WriterLimits
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway
from orderwright.exchanges.paper.markets import Fees, Venue
from orderwright.exchanges.paper.prices import FixedPrices, PriceFeed, RecordedPrices, SeededWalk
from orderwright.http.app import Backstage
from orderwright.http.server import HttpServer, build_server, build_standby
from orderwright.jobs.background import Background
from orderwright.moments import SECOND
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.projections import Progress, Projections

logger = logging.getLogger(__name__)

FIRST_ADMIN = "admin"

_SAME_MOMENT = 0.5

_RENEWALS_PER_TTL = 5


class NotSetUp(OrderwrightError):
    """There is no installation in this data directory yet; the message says how to make one."""


class RunningEngine(Struct, frozen=True, kw_only=True):
    """How this machine's user reaches the engine that runs on a data directory.

    `began` is when its process did, in seconds since the epoch: the system gives a dead process's number to others.
    """

    pid: int
    began: float
    url: str
    token: str


class Installation(Struct, frozen=True, kw_only=True):
    """A data directory and the configuration to use it with."""

    data: Path
    config: Config

    @property
    def place(self) -> LogPlace:
        """Where the log is."""
        return LogPlace(directory=self.data, url=self.config.database.url or None)

    @property
    def note(self) -> Path:
        """The file by which a running engine is found."""
        return self.data / "engine.json"


def set_up(installation: Installation) -> str:
    """Make the installation and its first administrator; return the administrator's API token, shown once.

    Raises:
        CatalogueRefused: it has been set up before.
        EventStoreError: the log cannot be made.
    """
    clock = SystemClock()
    installation.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _writable(installation, clock) as log:
        desk = CatalogueDesk(clock=clock, reader=log.reader, writer=log.writer)
        desk.load()
        token = new_token(TokenKind.API)
        desk.change([FoundInstallation(salt=new_salt(), admin=FIRST_ADMIN, token_hash=token_hash(token))])
        return token


def apply_to_stopped(installation: Installation, text: str) -> Applied:
    """Apply a declaration while no engine runs.

    Raises:
        NotSetUp: there is no installation.
        LeaseHeld: an engine runs after all.
        DeclarationRefused: with everything that is wrong.
    """
    clock = SystemClock()
    with _writable(installation, clock) as log:
        desk = CatalogueDesk(clock=clock, reader=log.reader, writer=log.writer)
        desk.load()
        _require_set_up(desk.catalogue, installation)
        return apply_declaration(desk, text, by="operator", clock=clock)


@contextmanager
def reading(installation: Installation) -> Iterator[OpenLog]:
    """Open the log for reading only, whether or not an engine runs.

    Raises:
        EventStoreError: there is no log, or it cannot be read.
    """
    with open_log(installation.place) as log:
        yield log


def find_running(installation: Installation) -> RunningEngine | None:
    """Return how to reach the engine that runs on this data directory, if one does."""
    try:
        running = msgspec.json.decode(installation.note.read_bytes(), type=RunningEngine)
        began = psutil.Process(running.pid).create_time()
    except (OSError, msgspec.DecodeError, psutil.Error):
        return None
    return running if abs(began - running.began) < _SAME_MOMENT else None


class _Standby:
    """Waits for another engine's lease; tells everybody who asks over HTTP what it waits for."""

    def __init__(self, config: Config, stopping: threading.Event, on_standby: Callable[[str, str], None]) -> None:
        self._why = ""
        self._stopping = stopping
        self._on_standby = on_standby
        self.server = build_standby(config, lambda: self._why or "about to take the lease")
        self._url = _url(config, self.server)
        self.server.start()

    def wait_on(self, why: str) -> bool:
        """Note what is waited for; return whether to go on waiting."""
        if not self._why:
            self._on_standby(self._url, why)
        self._why = why
        return not self._stopping.is_set()

    def takes_over(self) -> None:
        """Note that the waiting is over."""
        if self._why:
            logger.warning("the lease is ours now; before: %s", self._why)
        self._why = "the lease is ours; looking after what is unfinished"


def serve(
    installation: Installation,
    *,
    stopping: threading.Event,
    on_ready: Callable[[str], None],
    on_standby: Callable[[str, str], None] | None = None,
    clock: Clock | None = None,
) -> None:
    """Run the engine until `stopping` is set; `on_ready` is called with its URL once it takes webhooks.

    `clock` is the machine's own, unless a proof gives another.

    With `on_standby` an engine that finds another at work waits to take over from it, and calls this with its own URL
    and a sentence about the other when it begins to wait.

    Raises:
        NotSetUp: there is no installation.
        LeaseHeld: another engine runs on this log, and this is no standby.
        Fenced: the lease was lost while it ran; it has stopped trading.
        EventStoreError: the log cannot be opened.
        OSError: the address cannot be bound.
    """
    config = installation.config
    clock = clock or SystemClock()
    lost: list[str] = []

    def stop_trading(reason: str) -> None:
        lost.append(reason)
        stopping.set()

    with ExitStack() as stack:
        standby = None if on_standby is None else _Standby(config, stopping, on_standby)
        if standby is not None:
            stack.callback(_stop_server, standby.server, config)
        try:
            log = stack.enter_context(_writable(installation, clock, on_fenced=stop_trading, standby=standby))
        except LeaseHeld:
            if standby is None or not stopping.is_set():
                raise
            return
        _require_set_up(load_catalogue(log.reader)[0], installation)
        factory = GatewayFactory(
            books_dir=installation.data,
            clock=clock,
            prices=price_feed(config.paper),
            venue=venue(config.paper),
            may_send=lambda: log.writer.holds_lease,
        )
        stack.callback(factory.close)
        token = new_token(TokenKind.API)
        engine = _engine(config, clock, log, factory, token_hash(token))
        stack.callback(engine.stop)
        background = Background(config, clock=clock, engine=engine, log=log)
        stack.callback(background.close)
        backstage = Backstage(
            read_models=background.read_models,
            jobs=background.jobs,
            conditions=background.conditions,
            drifts=background.drifts,
        )
        server = build_server(engine, config, backstage) if standby is None else standby.server
        # What is here by now stays: no collection is to look through it again while webhooks wait.
        gc.collect()
        gc.freeze()
        engine.start()
        background.start()
        if standby is None:
            server.start()
        else:
            server.hand_over(engine, config, backstage)
        stack.callback(_stop_server, server, config)
        url = _url(config, server)
        _leave_note(installation, _this_process(url, token))
        stack.callback(_remove_note, installation)
        on_ready(url)
        stopping.wait()
    if lost:
        message = f"the engine has stopped trading: {lost[0]}"
        raise Fenced(message)


def rebuild_read_models(
    installation: Installation, on_progress: Callable[[Progress], None] = lambda _progress: None
) -> int:
    """Fold the read models anew from the whole log, whether or not an engine runs; return the position they are at.

    Raises:
        ProjectionBroken: one of them cannot be folded; the others are.
        EventStoreError: there is no log, or it cannot be asked.
    """
    with reading(installation) as log, closing(ReadModelDatabase(log.database)) as database:
        projections = Projections(reader=log.reader, database=database, log_id=log.reader.log_id)
        return projections.rebuild(on_progress)


def price_feed(paper: PaperConfig) -> PriceFeed:
    """Return the configured prices of the paper exchange.

    Raises:
        ExchangeError: the price file cannot be used.
    """
    match paper.feed:
        case "fixed":
            return FixedPrices()
        case "file":
            return RecordedPrices(Path(paper.file))
        case "walk":
            return SeededWalk(seed=paper.seed)


def venue(paper: PaperConfig) -> Venue:
    """Return the configured terms of trade of the paper exchange."""
    return Venue(fees=Fees(maker=paper.maker_fee, taker=paper.taker_fee))


def _engine(config: Config, clock: Clock, log: WritableLog, factory: GatewayFactory, local_token_hash: str) -> Engine:
    def make_gateway(catalogue: Catalogue, name: str) -> Gateway:
        account = catalogue.accounts[name]
        return factory.make(
            account.exchange, account=name, url=account.url, balances=account.balances, profile=account.profile
        )

    def new_id() -> UUID:
        return time_ordered_id(clock.now(), os.urandom(10))

    return Engine(
        clock=clock,
        reader=log.reader,
        writer=log.writer,
        make_gateway=make_gateway,
        new_id=new_id,
        rules=Rules(
            valid_for=config.orders.valid_for,
            call_timeout=config.orders.call_timeout,
            price_max_age=config.orders.price_max_age,
            poll_interval=config.orders.poll_interval,
        ),
        restarts=Restarts(
            first_delay=config.actors.restart_first_delay,
            longest_delay=config.actors.restart_longest_delay,
            healthy_after=config.actors.restart_healthy_after,
            most=config.actors.restart_most,
            within=config.actors.restart_within,
        ),
        limits=Limits(
            idle_after=config.actors.idle_after,
            rebuilds_at_once=config.actors.rebuilds_at_once,
            mailbox=config.actors.mailbox_limit,
            doubt_alarm_after=config.actors.doubt_alarm_after,
            dead_exchange_after=config.actors.dead_exchange_after,
        ),
        local_token_hash=local_token_hash,
        snapshots=log.snapshots,
        snapshot_every=config.store.snapshot_every,
    )


@contextmanager
def _writable(
    installation: Installation,
    clock: Clock,
    on_fenced: Callable[[str], None] = logger.critical,
    standby: _Standby | None = None,
) -> Iterator[WritableLog]:
    store = installation.config.store
    ttl = store.lease_ttl / SECOND
    limits = WriterLimits(queue=store.queue_limit, batch_events=store.batch_limit, renew_every=ttl / _RENEWALS_PER_TTL)
    lease = LeaseTerms(ttl=ttl, wait_on=None if standby is None else standby.wait_on)
    with open_log_for_writing(installation.place, clock=clock, on_fenced=on_fenced, limits=limits, lease=lease) as log:
        if standby is not None:
            standby.takes_over()
        yield log


def _require_set_up(catalogue: Catalogue, installation: Installation) -> None:
    if not catalogue.salt:
        message = f"{installation.data} is not set up: run `orderwright setup --data {installation.data}` first"
        raise NotSetUp(message)


def _this_process(url: str, token: str) -> RunningEngine:
    return RunningEngine(pid=os.getpid(), began=psutil.Process().create_time(), url=url, token=token)


def _leave_note(installation: Installation, running: RunningEngine) -> None:
    fresh = installation.note.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(msgspec.json.encode(running))
    fresh.replace(installation.note)


def _remove_note(installation: Installation) -> None:
    # An engine that was deposed must not remove the note of the one that took over.
    running = find_running(installation)
    if running is not None and running.pid == os.getpid():
        installation.note.unlink(missing_ok=True)


def _url(config: Config, server: HttpServer) -> str:
    return f"http://{config.http.host}:{server.port}"


def _stop_server(server: HttpServer, config: Config) -> None:
    if not server.stop(within=config.http.shutdown_wait / SECOND):
        logger.warning("some requests were still running when the server closed")
