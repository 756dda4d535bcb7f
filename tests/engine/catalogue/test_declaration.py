from decimal import Decimal
from itertools import count

import pytest

from orderwright.config.reading import Fault
from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue.decide import Refusal, decide
from orderwright.engine.catalogue.declaration import Plan, plan, read_declaration
from orderwright.engine.catalogue.evolve import evolve
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.instruments import MarketType
from orderwright.moments import SECOND
from tests.engine.catalogue.scenes import NOW, given, hash_of

ISSUE = """
[[users]]
name = "alice"
[[accounts]]
name = "A1"
owner = "alice"
exchange = "paper"
balances = { USDT = "100000" }
[[strategies]]
group_name = "test1"
owner = "alice"
market_type = "FUTURES"
[[links]]
strategy = "test1"
account = "A1"
capital = { USDT = "10000" }
leverage = 2
"""

_numbers = count(1)


def _new_token() -> tuple[str, str]:
    number = next(_numbers)
    return f"owt_{number}", hash_of(number)


def planned(catalogue: Catalogue, text: str) -> Plan:
    declaration = read_declaration(text)
    assert not isinstance(declaration, list), declaration
    outcome = plan(catalogue, declaration, by="admin", now=NOW, new_token=_new_token)
    assert isinstance(outcome, Plan), outcome
    return outcome


def applied(catalogue: Catalogue, text: str) -> Catalogue:
    for command in planned(catalogue, text).commands:
        for item in decide(catalogue, command, NOW):
            assert not isinstance(item, Refusal)
            catalogue = evolve(catalogue, item)
    return catalogue


def faults_of(catalogue: Catalogue, text: str) -> dict[str, str]:
    declaration = read_declaration(text)
    if not isinstance(declaration, list):
        outcome = plan(catalogue, declaration, by="admin", now=NOW, new_token=_new_token)
        assert isinstance(outcome, list), outcome
        declaration = outcome
    assert len({fault.key for fault in declaration}) == len(declaration)
    return {fault.key: fault.error for fault in declaration}


def test_what_is_declared_comes_to_be() -> None:
    catalogue = applied(given(), ISSUE)
    link = catalogue.link("test1", "A1")
    assert link is not None
    assert (link.number, link.leverage, link.capital) == (1, Decimal(2), {"USDT": Decimal(10000)})
    assert catalogue.accounts["A1"].balances == {"USDT": Decimal(100000)}
    assert catalogue.strategies["test1"].market_type is MarketType.FUTURES


def test_a_plan_tells_what_changes_and_gives_the_owner_a_token() -> None:
    outcome = planned(given(), ISSUE)
    assert outcome.changed == (
        "user alice",
        "account A1",
        "strategy test1",
        "link test1 on A1",
        "token for test1 to alice",
    )
    assert [(token.strategy, token.holder) for token in outcome.tokens] == [("test1", "alice")]
    assert outcome.tokens[0].token.startswith("owt_")


def test_the_second_time_there_is_nothing_to_do() -> None:
    assert planned(applied(given(), ISSUE), ISSUE) == Plan(commands=(), tokens=(), changed=())


def test_a_subscriber_gets_a_token_of_its_own() -> None:
    text = (
        ISSUE.replace('"FUTURES"', '"FUTURES"\npublic = true')
        + """
[[links]]
strategy = "test1"
account = "B1"
leverage = 3
[[users]]
name = "bob"
[[accounts]]
name = "B1"
owner = "bob"
exchange = "paper"
[[accounts]]
name = "B2"
owner = "bob"
exchange = "paper"
[[links]]
strategy = "test1"
account = "B2"
"""
    )
    assert [(token.strategy, token.holder) for token in planned(given(), text).tokens] == [
        ("test1", "alice"),
        ("test1", "bob"),
    ]


def test_what_a_declaration_leaves_out_stays_as_it_is() -> None:
    text = ISSUE.replace('name = "alice"', 'name = "alice"\nemail = "a@example.com"\nsuspended = true', 1)
    text = text.replace('"FUTURES"', '"FUTURES"\nmax_lag = "5m"\nactive = false')
    catalogue = applied(given(), text)
    assert planned(catalogue, ISSUE).commands == ()
    assert catalogue.strategies["test1"].max_lag == 300 * SECOND
    assert not catalogue.strategies["test1"].active


def test_nothing_is_deleted_by_being_absent() -> None:
    catalogue = applied(given(), ISSUE)
    assert planned(catalogue, "").commands == ()


def test_what_is_declared_anew_changes() -> None:
    catalogue = applied(given(), ISSUE)
    outcome = planned(catalogue, ISSUE.replace('"10000"', "12345.5"))
    assert outcome.changed == ("link test1 on A1",)
    link = applied(catalogue, ISSUE.replace('"10000"', "12345.5")).link("test1", "A1")
    assert link is not None
    assert link.capital == {"USDT": Decimal("12345.5")}


def test_the_leverage_of_a_shared_account_changes_when_all_its_links_say_so() -> None:
    second = """
[[strategies]]
group_name = "test2"
owner = "alice"
market_type = "FUTURES"
[[links]]
strategy = "test2"
account = "A1"
leverage = 2
"""
    catalogue = applied(given(), ISSUE + second)
    faster = (ISSUE + second).replace("leverage = 2", "leverage = 5")
    changed = applied(catalogue, faster)
    assert [link.leverage for link in changed.links_on("A1")] == [Decimal(5), Decimal(5)]
    assert planned(changed, faster).commands == ()
    one_of_two = ISSUE.replace("leverage = 2", "leverage = 5") + second
    assert set(faults_of(catalogue, one_of_two)) == {"links[0].leverage"}


def test_every_fault_of_form_is_told_at_once_with_its_place() -> None:
    text = """
[[users]]
nmae = "alice"
[[strategies]]
group_name = "test1"
owner = 5
market_type = "FUTURE"
max_lag = "5x"
public = "perhaps"
[[links]]
strategy = "test1"
account = "A1"
capital = { USDT = "1e5", KRW = true }
leverage = nan
max_positions = 1.5
[[linsk]]
"""
    assert faults_of(given(), text) == {
        "users[0].nmae": "is not known here. Did you mean name?",
        "users[0].name": "is missing",
        "strategies[0].owner": "must be text in quotes",
        "strategies[0].market_type": "must be one of SPOT, FUTURES, STOCK. Did you mean FUTURES?",
        "strategies[0].max_lag": (
            'must be a duration of at most 366 days: seconds, or text like "500ms", "30s", "2m", "1h"'
        ),
        "strategies[0].public": "must be true or false",
        "links[0].capital.USDT": (
            'must be a plain number such as 12.5 or "12.5", with at most 18 digits before and after the point'
        ),
        "links[0].capital.KRW": (
            'must be a plain number such as 12.5 or "12.5", with at most 18 digits before and after the point'
        ),
        "links[0].leverage": (
            'must be a plain number such as 12.5 or "12.5", with at most 18 digits before and after the point'
        ),
        "links[0].max_positions": "must be a whole number",
        "linsk": "is not known here. Did you mean links?",
    }


def test_refusals_are_told_with_their_place_in_the_file() -> None:
    text = ISSUE.replace("leverage = 2", "leverage = 500").replace('exchange = "paper"', 'exchange = "papre"')
    faults = faults_of(given(), text)
    assert set(faults) == {"accounts[0].exchange", "links[0].account"}
    assert faults["accounts[0].exchange"] == "There is no exchange 'papre'. Did you mean paper?"


def test_a_paper_account_can_be_declared_to_be_like_a_real_exchange() -> None:
    like = ISSUE.replace('exchange = "paper"', 'exchange = "paper"\nprofile = "upbit"')
    assert applied(given(), like).accounts["A1"].profile == "upbit"
    unlike = ISSUE.replace('exchange = "paper"', 'exchange = "paper"\nprofile = "upbti"')
    assert faults_of(given(), unlike)["accounts[0].profile"] == "There is no profile 'upbti'. Did you mean upbit?"


def test_an_account_linked_twice_to_a_strategy_is_refused() -> None:
    again = '[[links]]\nstrategy = "test1"\naccount = "A1"\ncapital = { USDT = 5 }\n'
    assert faults_of(given(), ISSUE + again) == {"links[1].account": "is about the same as links[0]: say it once"}


@pytest.mark.parametrize("text", ["[[", "a = " + "1" * 5000, "a = " + "[" * 5000, "users = 1\n", "[users]\nname = 'a'"])
def test_what_is_no_declaration_is_a_fault_and_never_an_error(text: str) -> None:
    read = read_declaration(text)
    assert isinstance(read, list)
    assert all(isinstance(fault, Fault) for fault in read)


def test_a_huge_file_of_nonsense_is_answered_soon_and_briefly() -> None:
    text = "".join(f'[[links]]\nstrategy = "s{number}"\naccount = "a{number}"\n' for number in range(5_000))
    declaration = read_declaration(text)
    assert not isinstance(declaration, list)
    outcome = plan(given(), declaration, by="admin", now=NOW, new_token=_new_token)
    assert isinstance(outcome, list)
    assert len(outcome) < 110


def test_thousands_of_strategies_are_planned_without_a_scan_for_each() -> None:
    names = range(3_000)
    text = '[[users]]\nname = "alice"\n' + "".join(
        f'[[accounts]]\nname = "A{n}"\nowner = "alice"\nexchange = "paper"\n'
        f'[[strategies]]\ngroup_name = "S{n}"\nowner = "alice"\nmarket_type = "SPOT"\n'
        f'[[links]]\nstrategy = "S{n}"\naccount = "A{n}"\n'
        for n in names
    )
    catalogue = applied(given(), text)
    assert catalogue.last_number == len(names)
    assert len(catalogue.webhook_tokens) == len(names)


def test_tokens_are_issued_by_commands_that_know_only_their_hash() -> None:
    outcome = planned(given(), ISSUE)
    [command] = [command for command in outcome.commands if isinstance(command, c.IssueWebhookToken)]
    assert outcome.tokens[0].token not in repr(command)
