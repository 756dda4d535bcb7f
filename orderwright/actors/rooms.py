"""Which room belongs to which kind of actor name."""

from collections.abc import Callable

from msgspec import Struct

from orderwright.actors.directory import CatalogueDirectory
from orderwright.actors.env import Env, Room
from orderwright.actors.exchange_account import ExchangeAccount
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.limits import Limits
from orderwright.actors.messages import Address
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.actors.supervisor import SUPERVISOR


class RoomTerms(Struct, frozen=True, kw_only=True):
    """What all rooms are made with; `snapshot_every` in events of a stream."""

    snapshot_every: int
    limits: Limits


def _strategy_account(at: Address, env: Env, directory: CatalogueDirectory, terms: RoomTerms) -> Room:
    return StrategyAccount(
        env=env,
        me=at,
        supervisor=SUPERVISOR,
        directory=directory,
        snapshot_every=terms.snapshot_every,
        limits=terms.limits,
    )


def _inbox(at: Address, env: Env, _directory: CatalogueDirectory, terms: RoomTerms) -> Room:
    return SignalInbox(
        env=env,
        me=at,
        supervisor=SUPERVISOR,
        snapshot_every=terms.snapshot_every,
        idle_after=terms.limits.idle_after,
    )


def _exchange_account(at: Address, env: Env, directory: CatalogueDirectory, terms: RoomTerms) -> Room:
    return ExchangeAccount(env=env, me=at, supervisor=SUPERVISOR, directory=directory, limits=terms.limits)


ROOMS: dict[str, Callable[[Address, Env, CatalogueDirectory, RoomTerms], Room]] = {
    "strategy-account": _strategy_account,
    "inbox": _inbox,
    "exchange-account": _exchange_account,
}
"""The first part of an actor's name -> how its room is made."""
