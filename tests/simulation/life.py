"""One life of the engine process: the actors of production on the simulated port, started as after a crash."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from orderwright.actors.env import Profile, Room
from orderwright.actors.exchange_account import ExchangeAccount
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.limits import Limits
from orderwright.actors.messages import (
    Address,
    AskId,
    Command,
    Deliver,
    Reply,
    Wake,
    exchange_account_name,
    name_of,
    strategy_account_name,
)
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.actors.supervisor import SUPERVISOR, Supervisor
from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.orders import Order
from orderwright.engine.strategy_account.events import Terms
from orderwright.engine.strategy_account.state import Identity, Market, Rules
from tests.simulation.faults import Faults
from tests.simulation.scenario import Scenario
from tests.simulation.sim_env import SimEnv
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.sim_log import SimLog
from tests.simulation.wire import Wire
from tests.simulation.world import World

SALT = "salt5"
CAPITAL = Decimal(100_000)
LEVERAGE = Decimal(2)
SNAPSHOT_EVERY = 8


class Desk:
    """Who wants to hear what: replies by ask, across all lives, so that no two asks are ever mixed up."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[AskId, Callable[[Reply], None]] = {}

    def open(self, heard: Callable[[Reply], None]) -> AskId:
        """Return a new ask."""
        self._last += 1
        ask = AskId(self._last)
        self._open[ask] = heard
        return ask

    def answer(self, ask: AskId, reply: Reply) -> None:
        """Hand a reply to whoever asked."""
        heard = self._open.get(ask)
        if heard is not None:
            heard(reply)


class SimDirectory:
    """Implements `Directory` for a scenario's declarations."""

    def __init__(self, profiles: dict[str, Profile], exchange: SimExchange) -> None:
        self._profiles = profiles
        self._exchange = exchange
        self._rules = Rules()
        self.env: SimEnv | None = None

    def profile(self, name: str) -> Profile | None:
        """Return the strategy account of that name."""
        return self._profiles.get(name)

    def market(self, profile: Profile) -> Market:
        """Return the account's markets, once it is connected, and last prices."""
        assert self.env is not None
        is_connected = profile.account in self.env.connected

        def load(_market_type: MarketType) -> tuple[Instrument, ...]:
            return self._exchange.listed if is_connected else ()

        return self.env.board.market(profile.account, profile.terms.market_type, self._exchange.traits, load)

    def sharing(self, profile: Profile) -> int:
        """Return how many strategy accounts trade at the profile's place."""
        return sum(other.place == profile.place for other in self._profiles.values())

    def numbered(self, account: str) -> Mapping[int, str]:
        """Return the strategy accounts on an account by their numbers."""
        return {profile.identity.number: name for name, profile in self._profiles.items() if profile.account == account}

    def rules(self) -> Rules:
        """Return the default durations."""
        return self._rules

    def installation_salt(self) -> str:
        """Return the salt of the simulated installation."""
        return SALT


class Life:
    """The supervisor and its actors, from start to crash."""

    def __init__(
        self,
        *,
        world: World,
        log: SimLog,
        exchange: SimExchange,
        wire: Wire,
        faults: Faults,
        desk: Desk,
        profiles: dict[str, Profile],
        limits: Limits,
    ) -> None:
        self._desk = desk
        self._limits = limits
        self._directory = SimDirectory(profiles, exchange)
        self.env = SimEnv(
            world=world,
            log=log,
            exchange=exchange,
            wire=wire,
            faults=faults,
            make_room=self._make_room,
            answer=desk.answer,
        )
        self._directory.env = self.env
        self.supervisor = Supervisor(env=self.env)
        self.env.open_mailbox(self.supervisor, SUPERVISOR)
        accounts = dict.fromkeys(profile.account for profile in profiles.values())
        for name in (*map(exchange_account_name, accounts), *log.unfinished()):
            self.env.tell(Wake(name=name), SUPERVISOR)

    def send(self, mail: Command, name: str) -> None:
        """Have a command reach an actor, as the switchboard does."""
        at = self.supervisor.book.get(name)
        if at is None:
            self.env.tell(Deliver(name=name, mail=mail), SUPERVISOR)
        else:
            self.env.tell(mail, at)

    def unfinished(self, name: str) -> list[Order]:
        """Return the unfinished orders of a strategy account, if it is up; as `status` shows them."""
        rooms = (room for at, room in self.env.rooms.items() if name_of(at) == name)
        return [order for room in rooms if isinstance(room, StrategyAccount) for order in room._state.orders.values()]

    def _make_room(self, name: str, at: Address) -> Room:
        if name.startswith("inbox/"):
            return SignalInbox(
                env=self.env,
                me=at,
                supervisor=SUPERVISOR,
                snapshot_every=SNAPSHOT_EVERY,
                idle_after=self._limits.idle_after,
            )
        if name.startswith("exchange-account/"):
            return ExchangeAccount(
                env=self.env, me=at, supervisor=SUPERVISOR, directory=self._directory, limits=self._limits
            )
        return StrategyAccount(
            env=self.env,
            me=at,
            supervisor=SUPERVISOR,
            directory=self._directory,
            snapshot_every=SNAPSHOT_EVERY,
            limits=self._limits,
        )


def profiles_of(scenario: Scenario) -> dict[str, Profile]:
    """Return the strategy accounts that a scenario declares, by name."""
    accounts = [account for _strategy, account in scenario.links]
    return {
        strategy_account_name(strategy, account): Profile(
            identity=Identity(name=strategy_account_name(strategy, account), number=number, salt=SALT),
            strategy=strategy,
            account=account,
            terms=Terms(
                market_type=scenario.market_type,
                leverage=LEVERAGE,
                weight=Decimal(1),
                capital={"USDT": CAPITAL},
            ),
            shares_account=accounts.count(account) > 1,
        )
        for number, (strategy, account) in enumerate(scenario.links, 1)
    }
