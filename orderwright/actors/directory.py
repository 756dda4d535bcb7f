"""The directory actors look things up in: the catalogue as last published, and the board of prices and markets."""

from collections import Counter
from collections.abc import Callable, Mapping

from msgspec import Struct

from orderwright.actors.env import Profile
from orderwright.actors.messages import strategy_account_name
from orderwright.engine.catalogue.events import Link
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.engine.strategy_account.events import Terms
from orderwright.engine.strategy_account.state import Identity, Market, Rules
from orderwright.exchanges.gateway import Gateway
from orderwright.marketdata.board import Board


class _OnAccount(Struct, frozen=True, kw_only=True):
    names: dict[int, str]
    by_type: Counter[MarketType]


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
        self._counted: tuple[Catalogue, dict[str, _OnAccount]] = (Catalogue(), {})

    def profile(self, name: str) -> Profile | None:
        """Return the strategy account of that name as declared now."""
        catalogue = self._catalogue()
        strategy_name, _, account_name = name.partition("/")[2].partition("@")
        link = catalogue.link(strategy_name, account_name)
        if link is None:
            return None
        terms = _terms(catalogue, link)
        halt = catalogue.halt_on(strategy_name, account_name)
        return Profile(
            identity=Identity(name=name, number=link.number, salt=catalogue.salt),
            strategy=strategy_name,
            account=account_name,
            terms=terms,
            shares_account=self._on(account_name).by_type[terms.market_type] > 1,
            halted="" if halt is None else halt.sentence,
            is_sealed=halt is not None and halt.until_examined,
        )

    def market(self, profile: Profile) -> Market:
        """Return the markets and last prices of the profile's account."""
        gateway = self._gateway(profile.account)
        return self._board.market(profile.account, profile.terms.market_type, gateway.traits, gateway.instruments)

    def rules(self) -> Rules:
        """Return the configured durations."""
        return self._rules

    def sharing(self, profile: Profile) -> int:
        """Return how many strategy accounts trade on the profile's account in markets of its type."""
        return self._on(profile.account).by_type[profile.terms.market_type]

    def numbered(self, account: str) -> Mapping[int, str]:
        """Return the names of the strategy accounts on an account by their numbers."""
        return self._on(account).names

    def _on(self, account: str) -> "_OnAccount":
        catalogue = self._catalogue()
        counted_in, known = self._counted
        if counted_in is not catalogue:
            known = {}
            self._counted = (catalogue, known)
        found = known.get(account)
        if found is None:
            found = known[account] = _count(catalogue, account)
        return found

    def installation_salt(self) -> str:
        """Return the salt of this installation."""
        return self._catalogue().salt


def _count(catalogue: Catalogue, account: str) -> _OnAccount:
    links = catalogue.links_on(account)
    return _OnAccount(
        names={link.number: strategy_account_name(link.strategy, account) for link in links},
        by_type=Counter(catalogue.strategies[link.strategy].market_type for link in links),
    )


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
