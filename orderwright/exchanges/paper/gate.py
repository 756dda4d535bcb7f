"""The paper exchange's gate: turns clients away under maintenance, and those who ask too much."""

from orderwright.exchanges.gateway import ExchangeUnavailable
from orderwright.exchanges.paper.conditions import Conditions, Maintenance
from orderwright.exchanges.paper.profiles import Profile
from orderwright.exchanges.paper.words import Objection, Reason
from orderwright.moments import SECOND, Micros


class Unavailable(ExchangeUnavailable):
    """The exchange answers nobody: it is under maintenance."""


class RateLimited(ExchangeUnavailable):
    """The account has asked too much; nothing was done. `retry_after` is in microseconds."""

    def __init__(self, words: str, *, retry_after: int) -> None:
        super().__init__(f"{words} (again in {retry_after / SECOND:g} s)")
        self.retry_after = retry_after


class Gate:
    """Lets requests in, as the conditions are. Not thread-safe.

    It stands before everything else: a request that is turned away here uses up no client order id.
    """

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self._counts: dict[str, tuple[int, int]] = {}

    def admit(self) -> None:
        """Let a request in that is no account's.

        Raises:
            Unavailable: nobody is let in.
        """
        if self.conditions.maintenance is Maintenance.UNAVAILABLE:
            message = "the exchange is under maintenance"
            raise Unavailable(message)

    def admit_account(self, account: str, profile: Profile, *, now: Micros) -> None:
        """Let an account's request in, and count it.

        Raises:
            Unavailable: nobody is let in.
            RateLimited: the account has had as many in this interval as it may.
        """
        self.admit()
        limit = self.conditions.rate_limit
        if limit is None:
            return
        interval, past = divmod(now, limit.per)
        last, count = self._counts.get(account, (interval, 0))
        count = count + 1 if last == interval else 1
        self._counts[account] = interval, count
        if count > limit.requests:
            objection = Objection(reason=Reason.RATE_LIMIT, words="too many requests")
            words = profile.refusal(objection, market_type=None).error
            raise RateLimited(words, retry_after=limit.per - past)
