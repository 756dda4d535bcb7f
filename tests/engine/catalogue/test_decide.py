from decimal import Decimal

import pytest

from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.evolve import evolve_all
from orderwright.engine.catalogue.rules import EXCHANGES, PROFILES
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.exchanges.factory import SUPPORTED
from orderwright.exchanges.paper.profiles import PROFILES as KNOWN_PROFILES
from tests.engine.catalogue.scenes import (
    FOUNDING,
    NOW,
    PEOPLE,
    account,
    events_of,
    given,
    hash_of,
    link,
    refusals_of,
    strategy,
    user,
)


def test_founding_makes_an_administrator_with_a_token() -> None:
    catalogue = given()
    assert catalogue.salt == "k3x9q"
    administrator = catalogue.administrator(hash_of(0))
    assert administrator is not None
    assert administrator.name == "admin"


def test_an_installation_is_founded_once() -> None:
    assert refusals_of(given(), FOUNDING) == [("already_set_up", "data")]


@pytest.mark.parametrize("salt", ["", "abcd", "abcdef", "ABCDE", "ab-de", "abcd\n", "abcdé"])
def test_a_salt_is_five_small_letters_and_digits(salt: str) -> None:
    command = c.FoundInstallation(salt=salt, admin="admin", token_hash=hash_of(0))
    assert refusals_of(Catalogue(), command) == [("invalid_field", "salt")]


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a@b", "a#b", "x" * 65, "é", "a\x00", "a\n"])
def test_names_that_would_not_fit_into_an_address_are_refused(name: str) -> None:
    assert refusals_of(given(), user(name)) == [("invalid_field", "name")]


@pytest.mark.parametrize("name", ["a", "0", "A1", "my.strategy_2-b", "x" * 64])
def test_names_of_letters_digits_points_and_dashes_are_taken(name: str) -> None:
    assert name in given(user(name)).users


def test_saving_the_same_again_is_no_event() -> None:
    catalogue = given(*PEOPLE, strategy("test1", "alice"), link("test1", "A1"))
    assert events_of(catalogue, *PEOPLE, strategy("test1", "alice"), link("test1", "A1")) == []


def test_all_that_is_wrong_with_a_link_is_told_at_once() -> None:
    command = c.SaveLink(
        by="admin",
        strategy="nope",
        account="none",
        capital={"usdt": Decimal(0)},
        leverage=Decimal(1),
        weight=Decimal(0),
        max_positions=0,
    )
    assert refusals_of(given(), command) == [
        ("strategy_not_found", "strategy"),
        ("account_not_found", "account"),
        ("invalid_field", "weight"),
        ("invalid_field", "max_positions"),
        ("invalid_field", "capital.usdt"),
        ("invalid_field", "capital.usdt"),
    ]


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "sNaN", "Infinity", "-Infinity", "1E+18", "1E-19"])
def test_capital_that_is_no_plain_positive_number_is_refused(amount: str) -> None:
    catalogue = given(*PEOPLE, strategy("test1", "alice"))
    assert refusals_of(catalogue, link("test1", "A1", capital=amount)) == [("invalid_field", "capital.USDT")]


def test_links_are_numbered_from_one_and_keep_their_number_when_they_change() -> None:
    catalogue = given(*PEOPLE, strategy("test1", "alice"), link("test1", "A1"), link("test1", "A2"))
    changed = evolve_all(catalogue, events_of(catalogue, link("test1", "A1", capital="5")))
    assert [(one.account, one.number) for one in changed.links_of("test1")] == [("A1", 1), ("A2", 2)]
    assert changed.links_of("test1")[0].capital == {"USDT": Decimal(5)}


def test_somebody_elses_account_can_only_be_linked_to_a_public_strategy() -> None:
    catalogue = given(*PEOPLE, strategy("own", "alice"), strategy("open", "alice", public=True))
    assert refusals_of(catalogue, link("own", "B1")) == [("not_public", "account")]
    assert len(events_of(catalogue, link("open", "B1"))) == 1


def test_spot_has_no_leverage() -> None:
    catalogue = given(*PEOPLE, strategy("spot", "alice", MarketType.SPOT))
    assert refusals_of(catalogue, link("spot", "A1", leverage="2")) == [("invalid_field", "leverage")]


@pytest.mark.parametrize("leverage", ["0", "0.5", "126", "NaN"])
def test_leverage_is_from_1_to_125(leverage: str) -> None:
    catalogue = given(*PEOPLE, strategy("test1", "alice"))
    assert refusals_of(catalogue, link("test1", "A1", leverage=leverage)) == [("invalid_field", "leverage")]


def test_a_second_futures_strategy_on_an_account_must_have_its_leverage() -> None:
    catalogue = given(
        *PEOPLE, strategy("one", "alice"), strategy("two", "alice"), strategy("spot", "alice", MarketType.SPOT),
        link("one", "A1", leverage="3"),
    )  # fmt: skip
    assert refusals_of(catalogue, link("two", "A1", leverage="2")) == [("leverage_differs", "leverage")]
    assert len(events_of(catalogue, link("two", "A1", leverage="3"))) == 1
    assert len(events_of(catalogue, link("two", "A2", leverage="2"))) == 1
    assert len(events_of(catalogue, link("spot", "A1"))) == 1


def test_the_leverage_of_an_account_changes_for_all_its_futures_strategies_at_once() -> None:
    catalogue = given(
        *PEOPLE, strategy("one", "alice"), strategy("two", "alice"), strategy("spot", "alice", MarketType.SPOT),
        link("one", "A1", leverage="3"), link("two", "A1", leverage="3"), link("spot", "A1"),
    )  # fmt: skip
    events = events_of(catalogue, c.SetLeverage(by="admin", account="A1", leverage=Decimal(5)))
    assert [(event.link.strategy, event.link.leverage) for event in events if isinstance(event, e.LinkSaved)] == [
        ("one", Decimal(5)),
        ("two", Decimal(5)),
    ]


def test_an_account_keeps_its_owner_and_its_exchange() -> None:
    assert refusals_of(given(*PEOPLE), account("A1", "bob")) == [("account_differs", "name")]


def test_a_strategy_keeps_its_owner_and_its_market() -> None:
    catalogue = given(*PEOPLE, strategy("test1", "alice"))
    assert refusals_of(catalogue, strategy("test1", "bob")) == [("strategy_differs", "group_name")]
    assert refusals_of(catalogue, strategy("test1", "alice", MarketType.SPOT)) == [("strategy_differs", "group_name")]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "http://",
        "http://user:pw@host",
        "http://host/path",
        "http://host?x=1",
        "127.0.0.1:9001",
        "http://a b",
    ],
)
def test_an_address_is_a_scheme_and_a_host(url: str) -> None:
    command = c.SaveAccount(by="admin", account=e.Account(name="P", owner="alice", exchange="paper", url=url))
    assert refusals_of(given(*PEOPLE), command) == [("invalid_field", "url")]


def test_an_unknown_exchange_is_refused_with_those_there_are() -> None:
    command = c.SaveAccount(by="admin", account=e.Account(name="P", owner="alice", exchange="papre"))
    assert refusals_of(given(*PEOPLE), command) == [("unknown_exchange", "exchange")]


def test_the_exchanges_an_account_can_be_at_are_those_with_a_gateway() -> None:
    assert EXCHANGES == SUPPORTED


def test_the_profiles_a_paper_account_can_have_are_those_the_paper_exchange_knows() -> None:
    assert set(PROFILES) == set(KNOWN_PROFILES)


@pytest.mark.parametrize("changed", [e.User(name="admin"), e.User(name="admin", role=e.Role.ADMIN, suspended=True)])
def test_the_last_administrator_stays_one(changed: e.User) -> None:
    command = c.SaveUser(by="admin", user=changed)
    assert [code for code, _ in refusals_of(given(), command)] == ["last_administrator"]
    second = c.SaveUser(by="admin", user=e.User(name="second", role=e.Role.ADMIN))
    assert len(events_of(given(second), command)) == 1


def test_a_suspended_administrator_opens_nothing() -> None:
    second = c.SaveUser(by="admin", user=e.User(name="second", role=e.Role.ADMIN))
    suspended = c.SaveUser(by="admin", user=e.User(name="second", role=e.Role.ADMIN, suspended=True))
    token = c.IssueApiToken(by="admin", token_hash=hash_of(7), holder="second")
    assert given(second, token).administrator(hash_of(7)) is not None
    assert given(second, token, suspended).administrator(hash_of(7)) is None


def test_a_revoked_token_opens_nothing_and_others_go_on() -> None:
    first = c.IssueWebhookToken(by="admin", token_hash=hash_of(1), strategy="test1", holder="alice")
    other = c.IssueWebhookToken(by="admin", token_hash=hash_of(2), strategy="test1", holder="alice")
    catalogue = given(*PEOPLE, strategy("test1", "alice"), first, other, c.RevokeToken(by="x", token_hash=hash_of(1)))
    assert list(catalogue.webhook_tokens) == [hash_of(2)]
    assert refusals_of(catalogue, c.RevokeToken(by="x", token_hash=hash_of(1))) == [("token_not_found", "token")]


def test_a_token_is_given_out_once() -> None:
    token = c.IssueApiToken(by="admin", token_hash=hash_of(0), holder="admin")
    assert refusals_of(given(), token) == [("token_taken", "token")]


def test_a_token_in_clear_is_never_taken_for_its_hash() -> None:
    token = c.IssueApiToken(by="admin", token_hash="owa_secret", holder="admin")
    assert refusals_of(given(), token) == [("invalid_field", "token_hash")]


def test_an_owner_reaches_all_accounts_and_a_subscriber_only_its_own() -> None:
    catalogue = given(
        *PEOPLE, strategy("open", "alice", public=True), link("open", "A1"), link("open", "B1"),
        c.IssueWebhookToken(by="admin", token_hash=hash_of(1), strategy="open", holder="alice"),
        c.IssueWebhookToken(by="admin", token_hash=hash_of(2), strategy="open", holder="bob"),
    )  # fmt: skip
    owner, subscriber = (catalogue.webhook_tokens[hash_of(number)] for number in (1, 2))
    assert [one.account for one in catalogue.recipients(owner)] == ["A1", "B1"]
    assert [one.account for one in catalogue.recipients(subscriber)] == ["B1"]
    private = evolve_all(catalogue, events_of(catalogue, strategy("open", "alice")))
    assert private.recipients(subscriber) == ()
    wide = e.Strategy(
        group_name="open", owner="alice", market_type=MarketType.FUTURES, public=True,
        subscriber_scope=e.SubscriberScope.ALL,
    )  # fmt: skip
    widened = evolve_all(catalogue, [e.StrategySaved(at=NOW, by="admin", strategy=wide)])
    assert [one.account for one in widened.recipients(subscriber)] == ["A1", "B1"]


def test_a_misspelled_name_is_answered_with_the_one_that_may_be_meant() -> None:
    catalogue = given(*PEOPLE, strategy("test1", "alice"))
    refused = decide(catalogue, link("tset1", "A1"), NOW)
    assert [item.error for item in refused if isinstance(item, Refusal)] == [
        "There is no strategy 'tset1'. Did you mean test1?"
    ]
