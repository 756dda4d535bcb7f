"""What actors publish for everybody: alarms, exposures, how each exchange account is. Read from any thread."""

import threading
from collections.abc import Mapping

from msgspec import Struct

from orderwright.actors.alarms import Alarms
from orderwright.actors.exposures import Exposures
from orderwright.clock import Clock
from orderwright.engine.outcomes import ExchangeOrder
from orderwright.moments import Micros


class ExchangeCondition(Struct, frozen=True, kw_only=True):
    """How an exchange account is: `trouble` is empty when it was reached last time, `since` when that began.

    `foreign` are the open orders there that nobody here placed, as of the last look.
    """

    account: str
    is_connected: bool
    trouble: str
    since: Micros
    foreign: tuple[ExchangeOrder, ...] = ()


class Noticeboard:
    """Everything on it is immutable and replaced as a whole."""

    def __init__(self, clock: Clock) -> None:
        self.alarms = Alarms(clock)
        self.exposures = Exposures()
        self._lock = threading.Lock()
        self._exchanges: Mapping[str, ExchangeCondition] = {}

    @property
    def exchanges(self) -> Mapping[str, ExchangeCondition]:
        """The exchange accounts by name."""
        return self._exchanges

    def put_exchange(self, condition: ExchangeCondition) -> None:
        """Put up how an exchange account is."""
        with self._lock:
            self._exchanges = {**self._exchanges, condition.account: condition}
