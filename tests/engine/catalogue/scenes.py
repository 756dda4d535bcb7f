"""A small installation to begin from, and words for given, when and then."""

from decimal import Decimal

from orderwright.engine.catalogue.commands import (
    Command,
    FoundInstallation,
    SaveAccount,
    SaveLink,
    SaveStrategy,
    SaveUser,
)
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.events import Account, Event, Strategy, User
from orderwright.engine.catalogue.evolve import evolve_all
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.moments import Micros

NOW = Micros(1_800_000_000_000_000)


def hash_of(number: int) -> str:
    return f"{number:064x}"


FOUNDING = FoundInstallation(salt="k3x9q", admin="admin", token_hash=hash_of(0))


def user(name: str) -> SaveUser:
    return SaveUser(by="admin", user=User(name=name))


def account(name: str, owner: str) -> SaveAccount:
    return SaveAccount(by="admin", account=Account(name=name, owner=owner, exchange="paper"))


def strategy(
    name: str, owner: str, market_type: MarketType = MarketType.FUTURES, *, public: bool = False
) -> SaveStrategy:
    return SaveStrategy(
        by="admin", strategy=Strategy(group_name=name, owner=owner, market_type=market_type, public=public)
    )


def link(strategy_name: str, account_name: str, *, leverage: str = "1", capital: str = "10000") -> SaveLink:
    return SaveLink(
        by="admin",
        strategy=strategy_name,
        account=account_name,
        capital={"USDT": Decimal(capital)},
        leverage=Decimal(leverage),
        weight=Decimal(1),
        max_positions=None,
    )


def events_of(catalogue: Catalogue, *commands: Command) -> list[Event]:
    events: list[Event] = []
    for command in commands:
        decided = decide(evolve_all(catalogue, events), command, NOW)
        for item in decided:
            assert not isinstance(item, Refusal), item.error
            events.append(item)
    return events


def given(*commands: Command) -> Catalogue:
    return evolve_all(Catalogue(), events_of(Catalogue(), FOUNDING, *commands))


def refusals_of(catalogue: Catalogue, command: Command) -> list[tuple[str, str]]:
    """Return code and field of each refusal; fails if there are events."""
    refused: list[tuple[str, str]] = []
    for item in decide(catalogue, command, NOW):
        assert isinstance(item, Refusal), item
        assert item.error.endswith((".", "?")), item.error
        refused.append((item.code, item.field))
    return refused


PEOPLE = (user("alice"), user("bob"), account("A1", "alice"), account("A2", "alice"), account("B1", "bob"))
