"""What a strategy account sees of the world around it when it decides, and what it shows of itself to the others."""

from collections.abc import Mapping

from orderwright.actors.env import Directory, Env, Profile
from orderwright.actors.messages import Address, Answering
from orderwright.engine.ids import OrderId
from orderwright.engine.outcomes import LeverageAnswered, Outcome, Refused, Unclear
from orderwright.engine.strategy_account.state import Context, Sighting, State
from orderwright.moments import Micros

_NOTHING: frozenset[str] = frozenset()


class Surroundings:
    """The strategy account `name`: its declared profile, its market, and its siblings on the same exchange account."""

    def __init__(self, env: Env, directory: Directory, name: str) -> None:
        self._env = env
        self._directory = directory
        self._name = name
        self.profile: Profile | None = None
        self._told_since: Micros | None = None

    def look(self) -> Profile | None:
        """Read the profile as it is declared now; one that is declared no more stays as it was."""
        self.profile = self._directory.profile(self._name) or self.profile
        return self.profile

    def show(self, *states: State) -> None:
        """Publish in which symbols one of these states holds, or may come to hold, something."""
        profile = self.profile
        if profile is not None:
            symbols = _NOTHING.union(*map(_exposed, states))
            self._env.noticeboard.exposures.put(profile.place, self._name, symbols)

    def show_if_shared(self, *states: State) -> None:
        """Publish it if somebody else trades on the exchange account."""
        if self.profile is not None and self.profile.shares_account:
            self.show(*states)

    def announce(self, before: State, after: State) -> None:
        """Say what may be so in a moment, before anything that follows from it can leave."""
        self.show_if_shared(before, after)
        if after.pause is not None and before.pause is None:
            self._env.gate.hold(self._name)

    def become(self, before: State, after: State) -> None:
        """Say what has become so."""
        self.show_if_shared(after)
        if before.pause != after.pause:
            self.settle_gate(after)

    def settle_gate(self, state: State) -> None:
        """Have the gate say what the state says."""
        self._env.gate.settle(self._name, is_paused=state.pause is not None)

    def heard(self, outcome: Outcome, supervisor: Address) -> None:
        """Tell others on the account once that the exchange answers again, if it counts as unreachable."""
        exchange = self._env.noticeboard.exchanges.get(self.profile.account) if self.profile is not None else None
        if exchange is None or not exchange.trouble or self._told_since == exchange.since or _is_unclear(outcome):
            return
        self._told_since = exchange.since
        self._env.tell(Answering(account=exchange.account), supervisor)

    def context(self, profile: Profile, *, is_reconciled: bool, sightings: Mapping[OrderId, Sighting]) -> Context:
        """Return what a decision may rest on besides the state."""
        shares, elsewhere = profile.shares_account, _NOTHING
        if shares:
            exposures = self._env.noticeboard.exposures
            elsewhere = exposures.elsewhere(profile.place, self._name)
            shares = len(exposures.on(profile.place)) < self._directory.sharing(profile)
        return Context(
            now=self._env.now(),
            identity=profile.identity,
            rules=self._directory.rules(),
            market=self._directory.market(profile),
            shares_account=shares,
            exposed_elsewhere=elsewhere,
            halted=profile.halted,
            is_sealed=profile.is_sealed,
            is_reconciled=is_reconciled,
            sightings=sightings,
        )


def _is_unclear(outcome: Outcome) -> bool:
    said = outcome.problem if isinstance(outcome, LeverageAnswered) else outcome.result
    # A no may be the engine's own, or that of somebody in between.
    return isinstance(said, Unclear | Refused)


def _exposed(state: State) -> frozenset[str]:
    held = {position.symbol for position in state.positions.values() if not position.is_flat}
    return frozenset(held.union(order.symbol for order in state.orders.values()))
