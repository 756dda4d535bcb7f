"""Looking for drift: every exchange account is asked what it holds, the log what is owned there, and alarms ring."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from orderwright.actors.alarms import AlarmKind, Alarms
from orderwright.clock import Clock
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import AccountDrift, ExchangeBooks, LogBooks, Verdict, compare
from orderwright.engine.ids import account_number_of
from orderwright.engine.instruments import MarketType
from orderwright.engine.money import plain
from orderwright.exchanges.gateway import ExchangeError, Gateway, MarginGateway

_AT_ONCE: Final = 8
_MOST_NAMED: Final = 3

AskLog = Callable[[Catalogue], Mapping[str, LogBooks]]
"""What the log has by now of every exchange account, by name. Raises `EventStoreError`."""

AskExchange = Callable[[str], ExchangeBooks]
"""What an exchange account shows; blocks on the exchange. Raises `ExchangeError`."""


class Drifts:
    """Compares all accounts whenever it is asked to; one comparison at a time, since each rings and ends alarms.

    `looks_again_after` so many seconds at what differs.
    """

    def __init__(
        self,
        *,
        catalogue: Callable[[], Catalogue],
        log: AskLog,
        exchange: AskExchange,
        alarms: Callable[[], Alarms],
        clock: Clock,
        looks_again_after: float = 2.0,
    ) -> None:
        self._catalogue = catalogue
        self._log = log
        self._exchange = exchange
        self._alarms = alarms
        self._clock = clock
        self._looks_again_after = looks_again_after
        self._one_at_a_time = threading.Lock()
        self._last: dict[str, AccountDrift] = {}

    def look(self, stopping: threading.Event | None = None) -> tuple[AccountDrift, ...]:
        """Return how each exchange account compares with the log, by name; what differs is looked at twice.

        An alarm rings for what differs and cannot be a fill or an end that is not booked yet; for other differences
        when they are still there the next time. `stopping` ends the wait between two looks.

        Raises:
            EventStoreError: the log, or what is folded from it, cannot be read.
        """
        pause = stopping or threading.Event()
        with self._one_at_a_time:
            found = self._compare(tuple(self._catalogue().accounts))
            odd = [name for name, drift in found.items() if drift.has_drifted]
            if odd and not pause.wait(self._looks_again_after):
                found |= self._compare(odd)
            for drift in found.values():
                self._alarm(drift)
            self._last = found
        return tuple(found[name] for name in sorted(found))

    def _compare(self, names: Sequence[str]) -> dict[str, AccountDrift]:
        catalogue = self._catalogue()
        # First the exchange: a fill that it shows may then be in the log by the time that is asked, not the reverse.
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="drift") as threads:
            shown = dict(zip(names, threads.map(self._ask, names), strict=True))
        in_log = self._log(catalogue)
        return {
            name: self._compared(catalogue, name, in_log.get(name, LogBooks()), books) for name, books in shown.items()
        }

    def _ask(self, account: str) -> ExchangeBooks | str:
        try:
            return self._exchange(account)
        except ExchangeError as error:
            return str(error)

    def _compared(self, catalogue: Catalogue, account: str, log: LogBooks, books: ExchangeBooks | str) -> AccountDrift:
        now = self._clock.now()
        if isinstance(books, str):
            return AccountDrift(account=account, seen_at=now, problem=books)
        numbers = {link.number for link in catalogue.links_on(account)}
        own = frozenset(
            order.client_order_id
            for order in books.orders
            if account_number_of(order.client_order_id, salt=catalogue.salt) in numbers
        )
        return compare(account, log, books, own_orders=own, now=now)

    def _alarm(self, drift: AccountDrift) -> None:
        if drift.problem:
            return
        before = self._last.get(drift.account)
        is_still_so = before is not None and (before.holdings, before.orders) == (drift.holdings, drift.orders)
        if drift.is_certain or (drift.has_drifted and is_still_so):
            self._alarms().ring(AlarmKind.DRIFT, drift.account, sentence(drift))
        elif not drift.has_drifted:
            self._alarms().clear(AlarmKind.DRIFT, drift.account)


def books_of(gateway: Gateway) -> ExchangeBooks:
    """Return what an account's gateway shows of it.

    Raises:
        ExchangeError: the exchange could not be asked.
    """
    return ExchangeBooks(
        instruments=tuple(instrument for kind in MarketType for instrument in gateway.instruments(kind)),
        balances=gateway.balances(),
        positions=gateway.positions() if isinstance(gateway, MarginGateway) else {},
        orders=gateway.open_orders(),
    )


def sentence(drift: AccountDrift) -> str:
    """Return what is not settled about an account, as a person reads it."""
    if drift.problem:
        return f"cannot be compared: {drift.problem}"
    told = [
        f"{holding.name}: {plain(holding.in_log)} in the log, {plain(holding.at_exchange)} at the exchange"
        for holding in drift.holdings
        if holding.verdict is not Verdict.AGREES
    ]
    told += [
        f"order {order.exchange_order_id} of {order.symbol} is open {'there' if order.is_there else 'in the log'} only"
        for order in drift.orders
    ]
    more = f"; and {len(told) - _MOST_NAMED} more" if len(told) > _MOST_NAMED else ""
    return "; ".join(told[:_MOST_NAMED]) + more
