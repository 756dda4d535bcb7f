"""What the log has of each exchange account: positions that are not flat and orders that have not ended, as folded."""

import time
from collections.abc import Callable
from typing import Final

import msgspec

from orderwright.clock import monotonic
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.drift import LogBooks
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Order
from orderwright.engine.positions import Position
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import StoreUnavailable

_POSITIONS: Final = (
    "SELECT account, strategy, state FROM app.positions "
    "WHERE log_id = %s::integer AND quantity <> 0 ORDER BY stream, symbol"
)
_ORDERS: Final = (
    "SELECT account, strategy, state FROM app.orders WHERE log_id = %s::integer AND ended_at IS NULL ORDER BY position"
)

_LOOK_EVERY: Final = 0.05


def holdings(connection: Connection, log_id: int, catalogue: Catalogue) -> dict[str, LogBooks]:
    """Return the books of every exchange account that strategies are linked to, by its name."""
    positions: dict[str, list[tuple[MarketType, Position]]] = {}
    orders: dict[str, list[tuple[MarketType, Order]]] = {}
    for account, strategy, state in connection.execute(_POSITIONS, [log_id]).fetchall():
        held = msgspec.json.decode(str(state), type=Position)
        positions.setdefault(str(account), []).append((catalogue.strategies[str(strategy)].market_type, held))
    for account, strategy, state in connection.execute(_ORDERS, [log_id]).fetchall():
        order = msgspec.json.decode(str(state), type=Order)
        orders.setdefault(str(account), []).append((catalogue.strategies[str(strategy)].market_type, order))
    return {
        account: LogBooks(
            positions=tuple(positions.get(account, ())),
            orders=tuple(orders.get(account, ())),
            capital=frozenset(currency for link in catalogue.links_on(account) for currency in link.capital),
            market_types=frozenset(
                catalogue.strategies[link.strategy].market_type for link in catalogue.links_on(account)
            ),
        )
        for account in catalogue.accounts
    }


def wait_for(position: Callable[[], int], head: int, *, patience: float = 10.0) -> None:
    """Return when everything up to the log's position `head` has been folded, within `patience` seconds.

    Raises:
        StoreUnavailable: that takes longer than it should.
    """
    ends = monotonic() + patience
    while (folded := position()) < head:
        if monotonic() > ends:
            message = f"the read models are behind the log: at {folded} of {head}"
            raise StoreUnavailable(message)
        time.sleep(_LOOK_EVERY)
