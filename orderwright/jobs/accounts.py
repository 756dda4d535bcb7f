"""The jobs that ask exchanges about accounts: balances, drift, and markets as they are now."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Final, Protocol

from orderwright.actors.drift import Drifts
from orderwright.clock import Clock
from orderwright.exchanges.gateway import ExchangeError
from orderwright.jobs.schedule import JobFailed
from orderwright.moments import Micros

_AT_ONCE: Final = 8
_MOST_NAMED: Final = 3


class Accounts(Protocol):
    """The engine's exchange accounts, as far as these jobs need them; the methods may block on the exchange."""

    def account_names(self) -> Sequence[str]:
        """Return the names of all accounts."""
        ...

    def balances(self, account: str) -> Mapping[str, Decimal]:
        """Return the total of each currency in the account.

        Raises:
            ExchangeError: the exchange could not be asked.
        """
        ...

    def reload_markets(self, account: str) -> None:
        """Learn anew what can be traded on the account.

        Raises:
            ExchangeError: the exchange could not be asked.
        """
        ...


class BalanceBook(Protocol):
    """Where balances are put down."""

    def note_balances(self, account: str, totals: Mapping[str, Decimal], *, seen_at: Micros) -> None:
        """Put down what an account holds of each currency."""
        ...


def fetch_balances(accounts: Accounts, book: BalanceBook, *, clock: Clock, stopping: threading.Event) -> str:
    """Ask every exchange account for its balances, and put them down.

    Raises:
        JobFailed: some could not be asked; the others were put down.
        EventStoreError: they could not be put down.
    """

    def fetch(account: str) -> None:
        book.note_balances(account, accounts.balances(account), seen_at=clock.now())

    return _ask_each(accounts.account_names(), fetch, stopping)


def reload_markets(accounts: Accounts, *, stopping: threading.Event) -> str:
    """Learn anew what can be traded on every exchange account, and in which steps.

    Raises:
        JobFailed: some could not be asked; the others were.
    """
    return _ask_each(accounts.account_names(), accounts.reload_markets, stopping)


def find_drift(drifts: Drifts, *, stopping: threading.Event) -> str:
    """Compare every exchange account with the log.

    Raises:
        JobFailed: some could not be compared; the others were.
        EventStoreError: the log cannot be read.
    """
    found = drifts.look(stopping)
    failures = [f"{drift.account} ({drift.problem})" for drift in found if drift.problem]
    if failures:
        message = f"{len(failures)} of {len(found)} accounts could not be compared: {_some(failures)}"
        raise JobFailed(message)
    drifted = sum(drift.has_drifted for drift in found)
    return f"compared {len(found)} account{'' if len(found) == 1 else 's'}, {drifted} of them drifted"


def _ask_each(names: Sequence[str], ask: Callable[[str], None], stopping: threading.Event) -> str:
    def attempt(name: str) -> str | None:
        if stopping.is_set():
            return None
        try:
            ask(name)
        except ExchangeError as error:
            return f"{name} ({error})"
        return ""

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="accounts") as threads:
        ends = list(threads.map(attempt, names))
    failures = [end for end in ends if end]
    asked = sum(end is not None for end in ends)
    if failures:
        message = f"{len(failures)} of {asked} accounts could not be asked: {_some(failures)}"
        raise JobFailed(message)
    return f"asked {asked} account{'' if asked == 1 else 's'}"


def _some(texts: Iterable[str]) -> str:
    told = list(texts)
    more = f" and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    return ", ".join(told[:_MOST_NAMED]) + more
