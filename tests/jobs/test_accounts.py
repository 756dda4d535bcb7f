"""The jobs that ask exchanges go on with the other accounts when one cannot be asked, and say which."""

import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from orderwright.clock import SystemClock
from orderwright.exchanges.gateway import ExchangeUnavailable
from orderwright.jobs.accounts import fetch_balances, reload_markets
from orderwright.jobs.orders import find_unwatched
from orderwright.jobs.schedule import JobFailed
from orderwright.moments import Micros


class FakeAccounts:
    """Accounts of which some cannot be asked."""

    def __init__(self, *names: str, dead: Sequence[str] = ()) -> None:
        self._names = names
        self._dead = dead
        self.reloaded: set[str] = set()

    def account_names(self) -> Sequence[str]:
        return self._names

    def balances(self, account: str) -> Mapping[str, Decimal]:
        self._ask(account)
        return {"USDT": Decimal(len(account))}

    def reload_markets(self, account: str) -> None:
        self._ask(account)
        self.reloaded.add(account)

    def _ask(self, account: str) -> None:
        if account in self._dead:
            message = "no route"
            raise ExchangeUnavailable(message)


class Book:
    """Remembers balances."""

    def __init__(self) -> None:
        self.held: dict[str, Mapping[str, Decimal]] = {}

    def note_balances(self, account: str, totals: Mapping[str, Decimal], *, seen_at: Micros) -> None:
        assert seen_at > 0
        self.held[account] = totals


class Watch:
    def __init__(self, *asleep: str) -> None:
        self._asleep = asleep

    def wake_unfinished(self) -> Sequence[str]:
        return self._asleep


def test_every_accounts_balances_are_put_down() -> None:
    book = Book()
    said = fetch_balances(FakeAccounts("a", "bb"), book, clock=SystemClock(), stopping=threading.Event())
    assert book.held == {"a": {"USDT": Decimal(1)}, "bb": {"USDT": Decimal(2)}}
    assert said == "asked 2 accounts"


def test_accounts_that_cannot_be_asked_are_named_and_the_others_put_down() -> None:
    book = Book()
    names = [f"a{number}" for number in range(8)]
    accounts = FakeAccounts(*names, dead=names[:5])
    with pytest.raises(JobFailed) as failed:
        fetch_balances(accounts, book, clock=SystemClock(), stopping=threading.Event())
    assert str(failed.value) == (
        "5 of 8 accounts could not be asked: a0 (no route), a1 (no route), a2 (no route) and 2 more"
    )
    assert sorted(book.held) == names[5:]


def test_every_accounts_markets_are_learned_anew() -> None:
    accounts = FakeAccounts("a", "b", "c", dead=["b"])
    with pytest.raises(JobFailed, match=r"1 of 3 accounts could not be asked: b \(no route\)"):
        reload_markets(accounts, stopping=threading.Event())
    assert accounts.reloaded == {"a", "c"}


def test_an_engine_that_ends_is_not_kept_waiting() -> None:
    stopping = threading.Event()
    stopping.set()
    accounts = FakeAccounts("a", "b")
    assert reload_markets(accounts, stopping=stopping) == "asked 0 accounts"
    assert accounts.reloaded == set()


def test_whoever_was_asleep_over_unfinished_orders_is_named() -> None:
    assert find_unwatched(Watch("strategy-account/b@x", "inbox/a")) == "woke inbox/a, strategy-account/b@x"
    assert find_unwatched(Watch()) == "everybody with unfinished orders looks after them"
