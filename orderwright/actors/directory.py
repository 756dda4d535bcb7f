"""The directory actors look things up in: the catalogue as last published, and the board of prices and markets."""

from collections.abc import Callable

from orderwright.actors.env import Profile
from orderwright.engine.catalogue.events import Link
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.strategy_account.events import Terms
from orderwright.engine.strategy_account.state import Identity, Market, Rules
from orderwright.exchanges.gateway import Gateway
from orderwright.marketdata.board import Board


class CatalogueDirectory:
    """Implements `Directory` on whatever catalogue `catalogue` returns at the moment."""

    def __init__(
        self,
        *,
        catalogue: Callable[[], Catalogue],
        gateway: Callable[[str], Gateway],
        board: Board,
        rules: Rules,
    ) -> None:
        self._catalogue = catalogue
        self._gateway = gateway
        self._board = board
        self._rules = rules

    def profile(self, name: str) -> Profile | None:
        """Return the strategy account of that name as declared now."""
        catalogue = self._catalogue()
        strategy_name, _, account_name = name.partition("/")[2].partition("@")
        link = catalogue.link(strategy_name, account_name)
        if link is None:
            return None
        return Profile(
            identity=Identity(name=name, number=link.number, salt=catalogue.salt),
            strategy=strategy_name,
            account=account_name,
            terms=_terms(catalogue, link),
            shares_account=len(catalogue.links_on(account_name)) > 1,
        )

    def market(self, profile: Profile) -> Market:
        """Return the markets and last prices of the profile's account."""
        gateway = self._gateway(profile.account)
        return self._board.market(profile.account, profile.terms.market_type, gateway.traits, gateway.instruments)

    def rules(self) -> Rules:
        """Return the configured durations."""
        return self._rules

    def installation_salt(self) -> str:
        """Return the salt of this installation."""
        return self._catalogue().salt


def _terms(catalogue: Catalogue, link: Link) -> Terms:
    strategy = catalogue.strategies[link.strategy]
    return Terms(
        market_type=strategy.market_type,
        leverage=link.leverage,
        weight=link.weight,
        capital=dict(link.capital),
        max_positions=link.max_positions,
        close_side=strategy.close_side,
        max_lag=strategy.max_lag,
        max_exit_lag=strategy.max_exit_lag,
    )
