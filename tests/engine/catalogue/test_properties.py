"""What holds for any catalogue that any commands or any events lead to."""

from decimal import Decimal

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.evolve import evolve, evolve_all
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from tests.engine.catalogue.scenes import FOUNDING, NOW, hash_of

NAMES = st.sampled_from(["a", "b", "c", "no such", ""])
ACCOUNTS = st.sampled_from(["A", "B", "C"])
HASHES = st.integers(0, 3).map(hash_of)
AMOUNTS = st.sampled_from([Decimal(text) for text in ("0", "1", "2", "2.5", "-1", "NaN", "Infinity", "1e99")])
CURRENCIES = st.dictionaries(st.sampled_from(["USDT", "KRW", "usd"]), AMOUNTS, max_size=2)

USERS = st.builds(e.User, name=NAMES, role=st.sampled_from(e.Role), suspended=st.booleans())
BOOKED = st.builds(
    e.Account, name=ACCOUNTS, owner=NAMES, exchange=st.sampled_from(["paper", "other"]), balances=CURRENCIES
)
TRADED = st.builds(
    e.Strategy,
    group_name=NAMES,
    owner=NAMES,
    market_type=st.sampled_from(MarketType),
    public=st.booleans(),
    max_lag=st.integers(-1, 10**8),
)
LINKED = st.builds(
    e.Link, strategy=NAMES, account=ACCOUNTS, number=st.integers(1, 10**6), capital=CURRENCIES, leverage=AMOUNTS
)
BY = st.just("admin")

COMMANDS: st.SearchStrategy[c.Command] = st.one_of(
    st.just(FOUNDING),
    st.builds(c.SaveUser, by=BY, user=USERS),
    st.builds(c.SaveAccount, by=BY, account=BOOKED),
    st.builds(c.SaveStrategy, by=BY, strategy=TRADED),
    st.builds(
        c.SaveLink,
        by=BY,
        strategy=NAMES,
        account=ACCOUNTS,
        capital=CURRENCIES,
        leverage=AMOUNTS,
        weight=AMOUNTS,
        max_positions=st.none() | st.integers(-1, 3),
    ),
    st.builds(c.SetLeverage, by=BY, account=ACCOUNTS, leverage=AMOUNTS),
    st.builds(c.IssueWebhookToken, by=BY, token_hash=HASHES, strategy=NAMES, holder=NAMES),
    st.builds(c.IssueApiToken, by=BY, token_hash=HASHES, holder=NAMES),
    st.builds(c.RevokeToken, by=BY, token_hash=HASHES),
)

EVENTS: st.SearchStrategy[e.Event] = st.one_of(
    st.builds(e.InstallationFounded, at=st.just(NOW), salt=st.text(max_size=5)),
    st.builds(e.UserSaved, at=st.just(NOW), by=BY, user=USERS),
    st.builds(e.AccountSaved, at=st.just(NOW), by=BY, account=BOOKED),
    st.builds(e.StrategySaved, at=st.just(NOW), by=BY, strategy=TRADED),
    st.builds(e.LinkSaved, at=st.just(NOW), by=BY, link=LINKED),
    st.builds(e.WebhookTokenIssued, at=st.just(NOW), by=BY, token_hash=HASHES, strategy=NAMES, holder=NAMES),
    st.builds(e.ApiTokenIssued, at=st.just(NOW), by=BY, token_hash=HASHES, holder=NAMES),
    st.builds(e.TokenRevoked, at=st.just(NOW), by=BY, token_hash=HASHES),
)


@settings(deadline=None)
@for_all(st.lists(EVENTS, max_size=30))
def test_any_events_fold_and_every_index_tells_the_same(events: list[e.Event]) -> None:
    catalogue = evolve_all(Catalogue(), events)
    links = catalogue.links
    assert links == dict(catalogue.links_by_pair)
    for pair, link in links.items():
        assert pair == (link.strategy, link.account)
        assert link in catalogue.links_of(link.strategy)
        assert link in catalogue.links_on(link.account)
    for found in (catalogue.links_by_strategy, catalogue.links_by_account):
        assert sum(map(len, found.values())) == len(links)
        for group in found.values():
            assert list(group) == sorted(group, key=lambda one: one.number)


@settings(deadline=None)
@for_all(st.lists(COMMANDS, max_size=30))
def test_whatever_is_told_the_catalogue_stays_sound(commands: list[c.Command]) -> None:
    catalogue = Catalogue()
    numbers: dict[tuple[str, str], int] = {}
    for command in commands:
        before = catalogue
        decided = decide(catalogue, command, NOW)
        if any(isinstance(item, Refusal) for item in decided):
            assert all(isinstance(item, Refusal) for item in decided)
            continue
        for item in decided:
            assert not isinstance(item, Refusal)
            catalogue = evolve(catalogue, item)
        if not isinstance(command, c.FoundInstallation | c.IssueWebhookToken | c.IssueApiToken | c.RevokeToken):
            assert decide(catalogue, command, NOW) == []
        assert bool(before.salt) <= bool(catalogue.salt)
        for pair, link in catalogue.links.items():
            assert numbers.setdefault(pair, link.number) == link.number
        assert len(set(numbers.values())) == len(numbers)
        _assert_sound(catalogue)


def _assert_sound(catalogue: Catalogue) -> None:
    for strategy in catalogue.strategies.values():
        assert strategy.owner in catalogue.users
    for account in catalogue.accounts.values():
        assert account.owner in catalogue.users
        leverages = {
            link.leverage
            for link in catalogue.links_on(account.name)
            if catalogue.strategies[link.strategy].market_type is MarketType.FUTURES
        }
        assert len(leverages) <= 1
    for link in catalogue.links.values():
        assert link.leverage >= 1
        assert all(amount > 0 for amount in link.capital.values())
        assert link.account in catalogue.accounts
    if catalogue.salt:
        assert any(user.is_active_administrator for user in catalogue.users.values())
    for token in catalogue.webhook_tokens.values():
        assert catalogue.recipients(token) is not None
