"""Orders that count as never placed, where a request can arrive late: looked at for as long as they could turn up."""

from collections.abc import Mapping

from orderwright.actors.strangers import Strangers
from orderwright.engine.ids import OrderId
from orderwright.engine.strategy_account.state import Context, Watch
from orderwright.moments import Micros

_PART_OF_AGE = 16


class Watches:
    """Looks at each at every poll, at first, and the rarer the longer it has been; what turns up is a stranger.

    A watch whose time is over ends with one more look.
    """

    def __init__(self, strangers: Strangers) -> None:
        self._strangers = strangers
        self._looked: dict[OrderId, Micros] = {}

    def look(self, watched: Mapping[OrderId, Watch], account: str, context: Context) -> None:
        """Look at those whose turn it is at the exchange account `account`."""
        self._looked = {known: at for known, at in self._looked.items() if known in watched}
        for order_id, watch in watched.items():
            age = 0 if context.now >= watch.until else context.now - watch.since
            wait = max(context.rules.poll_interval, age // _PART_OF_AGE)
            if context.now - self._looked.get(order_id, 0) >= wait:
                self._looked[order_id] = context.now
                self._strangers.look_at(order_id, watch.symbol, account, context)
