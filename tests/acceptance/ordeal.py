"""One installation, one exchange and the wire between them, through any number of kills."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count, repeat
from pathlib import Path
from random import Random
from threading import Event
from typing import LiteralString, Self

from msgspec import Struct
from msgspec.structs import replace

from orderwright.eventstore.connect import open_log
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros
from tests.acceptance import audit
from tests.acceptance.database import OrdealDatabase, distant_database
from tests.acceptance.ledger import Ledger
from tests.acceptance.senders import Burst, Webhook, bodies
from tests.acceptance.stages import Kill, Tally, caught
from tests.acceptance.wire import Wire, let_pass
from tests.exchanges.paper_process import PaperProcess
from tests.processes import SERVE, EngineProcess, database_kept_running, installation, wait_until

CONFIG = """
[orders]
valid_for = "2s"
call_timeout = "1s"
poll_interval = "500ms"

[logging]
level = "WARNING"
"""

LINKS = {
    "alpha": ("FUTURES", ("A1", "A2")),
    "beta": ("FUTURES", ("A1",)),
    "gamma": ("SPOT", ("A3",)),
    "delta": ("FUTURES", ("A2", "A4")),
}

_LANES = 6
_WEBHOOKS_A_LANE = 5
_ANSWERED_WITHIN = 40.0
_SETTLES_WITHIN = 60.0
_AGREES_WITHIN = 20.0
_EPOCH = "SELECT coalesce(max(epoch), 0) FROM log.writer_lease"
_WRITERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'orderwright writer'"
_COMMITS = (
    "SELECT event_count, (extract(epoch FROM committed_at) * 1000000)::bigint FROM log.log_batch ORDER BY batch_no"
)


class Setup(Struct, frozen=True, kw_only=True):
    """What an ordeal differs in: further settings, a database at a distance, a disk (folder) of its own for the engine.

    `command` starts its engines.
    """

    config: str = ""
    is_distant: bool = False
    disk: Path | None = None
    command: tuple[str, ...] = SERVE


def declaration(exchange_url: str) -> str:
    """Return what is traded: strategies that share accounts, and one of spot beside those of futures."""
    exchange = f'url = "{exchange_url}"\nbalances = {{ USDT = "100000000" }}'
    tables = ['[[users]]\nname = "alice"']
    tables += [
        f'[[accounts]]\nname = "{account}"\nowner = "alice"\nexchange = "paper"\n{exchange}'
        for account in ("A1", "A2", "A3", "A4")
    ]
    for name, (market_type, accounts) in LINKS.items():
        tables.append(f'[[strategies]]\ngroup_name = "{name}"\nowner = "alice"\nmarket_type = "{market_type}"')
        leverage = "\nleverage = 2" if market_type == "FUTURES" else ""
        tables += [
            f'[[links]]\nstrategy = "{name}"\naccount = "{account}"\ncapital = {{ USDT = "10000000" }}{leverage}'
            for account in accounts
        ]
    return "\n".join(tables)


class Ordeal:
    """Starts an engine, lets it be killed, starts the next one, and audits what is left each time.

    `release` is set when whatever is held on the wire shall go on; a new one begins with each round.
    """

    def __init__(self, held: ExitStack, folder: Path, seed: int, setup: Setup) -> None:
        self._setup = setup
        self.random = Random(seed)  # noqa: S311 - a run must be repeatable
        self.tally = Tally()
        self.survived: Counter[str] = Counter()
        self.release = Event()
        self.exchange = PaperProcess(folder / f"exchange-{seed}")
        held.callback(self.exchange.kill)
        self.wire = Wire(self.exchange.url)
        held.callback(self.wire.close)
        distant = held.enter_context(distant_database(folder / f"database-{seed}")) if setup.is_distant else None
        config = CONFIG + setup.config + ("" if distant is None else distant.setting)
        self.place = held.enter_context(installation(setup.disk or folder, config))
        self.database = distant or OrdealDatabase(
            server=held.enter_context(database_kept_running(self.place.data)), data=self.place.data
        )
        self._log = held.enter_context(open_log(self.database.place)).reader
        applied = self.place.apply(declaration(self.wire.url))
        self._tokens = {row["strategy"]: row["token"] for row in applied["tokens"]}
        self._numbers = count(1)
        self._webhooks: list[Webhook] = []
        self._engines: list[EngineProcess] = []
        self._port = _free_port(self.random)
        held.callback(self._kill_all)
        self.start().ready()

    @classmethod
    @contextmanager
    def begun(cls, folder: Path, *, seed: int, setup: Setup | None = None) -> Iterator[Self]:
        """Set everything up; at the end every process has ended, whatever happened."""
        with ExitStack() as held:
            yield cls(held, folder, seed, setup or Setup())

    def start(self) -> EngineProcess:
        """Start an engine, which is not ready yet."""
        self._head = self._log.head_position()
        self._epoch = self.ask(_EPOCH)
        self._since = time.monotonic()
        self.engine = self._launch(port=self._port)
        return self.engine

    def stand_by(self) -> EngineProcess:
        """Start an engine that waits to take over, and return it once it waits."""
        waiting = self._launch("--standby")
        wait_until(lambda: "standing by" in waiting.said, what="the standby")
        return waiting

    def take_over(self, engine: EngineProcess) -> str:
        """Wait until another engine is ready, deal with that one from here on, and return where it is."""
        self.engine = engine.ready()
        self._port = int(engine.url.rpartition(":")[2])
        return engine.url

    def _launch(self, *options: str, port: int = 0) -> EngineProcess:
        engine = EngineProcess(self.place, *options, port=port, command=self._setup.command)
        self._engines.append(engine)
        return engine

    def _kill_all(self) -> None:
        for engine in self._engines:
            engine.kill()

    def kill(self, *, in_recovery: bool = False) -> Kill:
        """SIGKILL it."""
        at = time.monotonic()
        self.engine.kill()
        return Kill(at=at, since_position=self._head, since=self._since, in_recovery=in_recovery)

    def round(self, aim: Callable[["Ordeal", Burst], Kill]) -> None:
        """Send a burst, let `aim` kill the engine in the middle of it, restart and audit."""
        burst = self._burst()
        self.release = Event()
        try:
            kill = aim(self, burst)
            self.count(kill, burst)
            if self.random.random() < 0.5:
                self._trade_meanwhile()
            self.exchange.request("DELETE", "/v1/faults")
            self.wire.forget_watch(since=kill.at)
            self.start().ready()
            self.release.set()
            assert burst.finish(within=_ANSWERED_WITHIN), "a webhook was never answered"
        finally:
            self.release.set()
            burst.stop()
            self.wire.watch = let_pass
        self.must_hold()

    def trade(self) -> None:
        """Send a burst that nothing disturbs."""
        self.endure(lambda _ordeal, _burst: None)

    def endure(self, trouble: Callable[["Ordeal", Burst], None]) -> None:
        """Send a burst, let `trouble` come and go in the middle of it, wait for the last answer and audit."""
        burst = self._burst()
        try:
            burst.start()
            trouble(self, burst)
            assert burst.finish(within=_ANSWERED_WITHIN), "a webhook was never answered"
        finally:
            burst.stop()
            self.wire.watch = let_pass
        self.must_hold()

    def count(self, kill: Kill, burst: Burst) -> None:
        """Note at which stages the kill caught what was under way."""
        # A commit that was under way goes on without its engine, and counts as done.
        wait_until(lambda: self.ask(_WRITERS) == 0, what="the dead engine's database session to end")
        self.tally.add(caught(kill, Ledger(self._log.read_all()), self.wire.passages(), burst.webhooks))

    def must_hold(self, *, settled: bool = False) -> None:
        """Wait until log and books agree, and assert that they do, with the chain and the live state."""
        ends = time.monotonic() + (_SETTLES_WITHIN if settled else _AGREES_WITHIN)
        while (found := audit.violations(self.evidence(settled=settled))) and time.monotonic() < ends:
            time.sleep(0.1)
        assert not found, "\n".join(found)
        assert audit.chain_violations(self._log) == []
        assert "Traceback" not in self.engine.errors, self.engine.errors

    def end(self) -> None:
        """See every doubt settled, end the engine as an operator would, and find it done in good order."""
        self.must_hold(settled=True)
        assert self.engine.terminate() == 0

    def has_lease(self) -> bool:
        """Whether the engine that was started last has become the log's writer."""
        return self.ask(_EPOCH) > self._epoch

    def has_unsent(self) -> bool:
        """Whether an intent of this engine's is in the log and nothing of it has come to the wire."""
        sent = {each.client_order_id for each in self.wire.passages()}
        orders = Ledger(self._log.read_all()).orders.items()
        return any(entry.position > self._head and order_id not in sent and not entry.end for order_id, entry in orders)

    def ask(self, query: LiteralString) -> int:
        """Return the one number that a query yields."""
        ((number,),) = self.database.ask(query)
        return number

    def stranger(self) -> Webhook:
        """Return one more webhook, which somebody else sends."""
        (body,) = bodies(self.random, "alpha", self._tokens["alpha"], 1)
        webhook = Webhook(f"w{next(self._numbers)}", body, gives_up=False)
        self._webhooks.append(webhook)
        return webhook

    def _burst(self) -> Burst:
        lanes = []
        for _ in range(_LANES):
            strategy = self.random.choice(list(LINKS))
            made = bodies(self.random, strategy, self._tokens[strategy], _WEBHOOKS_A_LANE)
            lanes.append(
                [Webhook(f"w{next(self._numbers)}", body, gives_up=self.random.random() < 0.15) for body in made]
            )
        burst = Burst(f"http://127.0.0.1:{self._port}", lanes)
        self._webhooks += burst.webhooks
        return burst

    def _events(self) -> Iterator[StoredEvent]:
        # As the database's clock says, since an engine's own may be wrong.
        moments = (at for count, at in self.database.ask(_COMMITS) for at in repeat(at, count))
        for event, at in zip(self._log.read_all(), moments, strict=False):
            yield replace(event, recorded_at=Micros(at))

    def _trade_meanwhile(self) -> None:
        for price in (self.random.choice(("94000", "106000")), "100000"):
            self.exchange.set_price("BTC/USDT", price)

    def evidence(self, *, settled: bool) -> audit.Evidence:
        """Return both sides as they are now."""
        with self.engine.client() as client:
            live = client.strategy_accounts()
        return audit.Evidence(
            events=tuple(self._events()),
            books=self.exchange.served_books().books,
            webhooks=tuple(self._webhooks),
            live=tuple(live),
            must_be_settled=settled,
        )


def _free_port(random: Random) -> int:
    # Below the range that outgoing connections take theirs from, since nothing listens there while the engine is dead.
    while True:
        port = random.randint(20_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
