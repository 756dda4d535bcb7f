"""One run of one scenario: a scheduler that lets the seed choose, crashes when told to, and stops when all is quiet."""

from msgspec import Struct
from msgspec.structs import replace

from orderwright.actors.inbox import SignalInbox
from orderwright.actors.limits import Limits
from orderwright.actors.messages import name_of
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.inbox import Inbox
from orderwright.engine.instruments import MarketType
from orderwright.engine.strategy_account.state import State
from orderwright.engine.traits import ClientIdRule, Traits
from orderwright.exchanges.paper.profiles import PROFILES
from orderwright.moments import SECOND, Micros
from tests.simulation.clients import Clients
from tests.simulation.evidence import Evidence, decoded
from tests.simulation.faults import CALM, FaultMix, Faults
from tests.simulation.forgetting import Forgetting
from tests.simulation.invariants import violations
from tests.simulation.life import Desk, Life, profiles_of
from tests.simulation.replays import differences
from tests.simulation.scenario import PRICES, Scenario, instruments
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.sim_log import SimLog
from tests.simulation.sim_reader import SimReader
from tests.simulation.wire import Fate, Wire
from tests.simulation.world import World

_STEP_TAKES = 50
_SETTLES_IN = 80 * SECOND
_LATEST = 400 * SECOND
_MOST_STEPS = 20_000
_LEASE = 4 * SECOND
_READS_EVERY = 16
_RENEWS_WITHIN = 3 * SECOND

ANY = "any"
"""The exchange of a run that is none in particular."""

PLAIN = Traits(client_id_unique=ClientIdRule.OPEN_ONLY, native_stops=True)


class Crash(Struct, frozen=True, kw_only=True, tag="crash"):
    """The process dies before step `step`: `kept` is the share of the queued appends that the database still takes."""

    step: int
    kept: float = 0.0
    wire: Fate = Fate.ARRIVE
    down_for: int = SECOND


class TakeOver(Struct, frozen=True, kw_only=True, tag="take over"):
    """The process hangs before step `step`, and a standby takes over once its lease is over.

    The database still takes the share `kept` of the queued appends. `thaws_after` the standby's start the old process
    goes on, until it finds that it is replaced.
    """

    step: int
    kept: float = 0.0
    thaws_after: int = SECOND // 10


Disturbance = Crash | TakeOver


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that a run is made of, beside its scenario, whose market type another can take the place of.

    `profile` says whose traits these are, and how that exchange treats what it is sent.
    """

    seed: int
    mix: FaultMix = CALM
    disturbances: tuple[Disturbance, ...] = ()
    profile: str = ANY
    market_type: MarketType | None = None
    traits: Traits = PLAIN
    stops_keep_their_id: bool = False


class Run:
    """A scenario under way; `run` returns when it is quiet, with what is wrong then."""

    def __init__(self, scenario: Scenario, plan: Plan, *, is_traced: bool = False) -> None:
        if plan.market_type is not None:
            scenario = replace(scenario, market_type=plan.market_type)
        self.scenario = scenario
        self.world = World(plan.seed, is_traced=is_traced)
        self.log = SimLog(self.world)
        self.faults = Faults(self.world, plan.mix, scenario.mishaps)
        if scenario.outage is not None:
            after, lasts = scenario.outage
            self.faults.outages.append((self.world.now() + after, self.world.now() + after + lasts))
        self.exchange = SimExchange(
            self.world,
            instruments=instruments(scenario.market_type),
            prices=PRICES,
            traits=plan.traits,
            client_id=PROFILES[plan.profile].client_id if plan.profile in PROFILES else None,
            partial_fills=plan.mix.partial_fills,
            lies=scenario.lies,
            held=scenario.held,
            stops_keep_their_id=plan.stops_keep_their_id,
            margin=self.faults.may_be_late,
        )
        self.reader = SimReader(self.world, self.log, self.faults)
        self.desk = Desk()
        self.forgetting = Forgetting(self.world, self.log.has_accepted)
        self.wire = Wire(self.world, self.exchange, self.faults, self.forgetting, tardiness=scenario.tardiness)
        self.profiles = profiles_of(scenario)
        self.life: Life | None = None
        self._replaced: Life | None = None
        self._rests_before = 0
        self.clients = Clients(
            world=self.world,
            exchange=self.exchange,
            desk=self.desk,
            engine=lambda: self.life,
            scenario=scenario,
            forgetting=self.forgetting,
        )
        self._to_come = list(plan.disturbances)
        self._disturbed: Micros = self.world.now()
        self._start()

    def run(self) -> list[str]:
        """Let everything happen; return what is wrong at the end."""
        while True:
            self.world.step += 1
            if self.world.step > _MOST_STEPS:
                return [f"not quiet after {_MOST_STEPS} steps"]
            if self._to_come and self.life is not None and self.world.step >= self._to_come[0].step:
                self._disturb(self._to_come.pop(0))
            elif not self._step():
                if not self._to_come:
                    return self._verdict()
                self._disturb(self._to_come.pop(0))

    @property
    def rests(self) -> int:
        """How often an actor went to rest."""
        return self._rests_before + (0 if self.life is None else self.life.env.rests)

    def evidence(self) -> Evidence:
        """Return all that can be looked at now."""
        live_accounts: dict[str, tuple[State, int]] = {}
        live_inboxes: dict[str, Inbox] = {}
        for at, room in self.life.env.rooms.items() if self.life is not None else ():
            if isinstance(room, StrategyAccount):
                live_accounts[name_of(at)] = (room._state, room._version)
            elif isinstance(room, SignalInbox):
                live_inboxes[name_of(at)] = room._inbox
        return Evidence(
            orders=tuple(self.exchange.orders.values()),
            journal=self.exchange.journal,
            positions=self.exchange.positions,
            entries=[decoded(*known) for known in zip(self.log.events(), self.log.committed_at, strict=True)],
            accounts={name: profile.account for name, profile in self.profiles.items()},
            batches=list(self.log.memory.read_batches()),
            snapshots=list(self.log.kept()),
            read=self.reader.seen,
            stored_promises=self.clients.stored,
            reports=self.clients.reports,
            pauses=self.clients.pauses,
            live_accounts=live_accounts,
            live_inboxes=live_inboxes,
            shut=frozenset(
                name for name in live_accounts if self.life is not None and self.life.env.gate.is_closed(name)
            ),
            tells_trades=self.exchange.traits.tells_trades,
            has_evidence=self.exchange.traits.lookup_by_client_id,
            requests_expire=self.exchange.traits.request_expiry,
            sets_leverage=self.exchange.traits.sets_leverage,
            blind_for=self.faults.blind_for,
            is_honest=not self.scenario.lies and not self.scenario.tardiness,
        )

    def _step(self) -> bool:
        world = self.world
        if self.life is None and self._replaced is None:
            return self._idle()
        world.pass_time(_STEP_TAKES)
        if world.step % _READS_EVERY == 0:
            self.reader.look()
        own = 0 if self.life is None else self.life.env.choices()
        replaced = self._replaced
        others = replaced.env.choices() if replaced is not None and replaced.env.frozen_until <= world.now() else 0
        choices = own + others
        if not choices:
            return self._idle()
        index = int(world.rng.random() * (choices + world.is_due))
        if index == choices or (world.next_moment and world.chance(self.faults.mix.impatience)):
            world.fire_next()
        elif index < own and self.life is not None:
            self.life.env.take(index)
        elif replaced is not None:
            replaced.env.take(index - own)
        return True

    def _idle(self) -> bool:
        if self._is_quiet():
            return False
        if self.world.next_moment is None:
            return False
        self.world.fire_next()
        return True

    def _is_quiet(self) -> bool:
        if self.life is None or self._replaced is not None or not self.clients.are_done or not self.wire.is_empty:
            return False
        if not self.log.unfinished():
            return True
        since = max(self._disturbed, self.clients.last_moment, self.faults.until, self.forgetting.until)
        calm_for = self.world.now() - since
        return calm_for >= _LATEST or (calm_for >= _SETTLES_IN and not self._verdict())

    def _verdict(self) -> list[str]:
        self.reader.catch_up()
        evidence = self.evidence()
        return [*violations(evidence), *differences(evidence), *self.scenario.check(evidence)]

    def _start(self) -> None:
        self._disturbed = self.world.now()
        if self.world.is_traced:
            self.world.note("start", "the engine starts")
        self.life = Life(
            world=self.world,
            log=self.log,
            exchange=self.exchange,
            wire=self.wire,
            faults=self.faults,
            desk=self.desk,
            profiles=self.profiles,
            limits=Limits(idle_after=self.scenario.idle_after or self.faults.mix.idle_after),
        )

    def _disturb(self, disturbance: Disturbance) -> None:
        if self.world.is_traced:
            self.world.note("crash", str(disturbance))
        assert self.life is not None
        if isinstance(disturbance, Crash):
            self._end(self.life, disturbance.kept)
            self.wire.cut(disturbance.wire)
            self.world.at(self.world.now() + disturbance.down_for, self._start)
        else:
            self._end_replaced()
            self._replaced = self.life
            starts = self.world.now() + _LEASE
            thaws = starts + disturbance.thaws_after
            self.life.env.freeze(disturbance.kept, thaws)
            self.world.at(starts, self._start)
            # Time stops there, for the old engine to do something before it finds that it is replaced.
            self.world.at(thaws, lambda: None)
            self.world.at(thaws + self.world.rng.randrange(_RENEWS_WITHIN), self._end_replaced)
        self.life = None

    def _end_replaced(self) -> None:
        if self._replaced is not None:
            self._end(self._replaced, 0)
            self._replaced = None

    def _end(self, life: Life, kept: float) -> None:
        self._rests_before += life.env.rests
        life.env.crash(kept)
        self.reader.restart()
