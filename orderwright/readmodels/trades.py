"""Trades as rows: every fill, with its order, its strategy account and the signal that it goes back to."""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from orderwright.engine.strategy_account.events import FillRecorded
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros
from orderwright.readmodels.projection import Page, owner_of, shape_of, tag
from orderwright.readmodels.tables import Table


class TradeRow(Struct, frozen=True, kw_only=True):
    """A fill: `signal_id` is the signal, or the operator's command, that asked for its order."""

    log_id: int
    position: int
    stream: str
    strategy: str
    account: str
    order_id: str
    signal_id: UUID
    trade_id: str
    symbol: str
    side: str
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    traded_at: Micros
    booked_at: Micros


TRADES = Table("trades", TradeRow, key=[("position", "bigint")])

_FILLS = frozenset({tag(FillRecorded)})


class Trades:
    """The projection of trades; a row is never changed once it is there."""

    name = "trades"
    shape = shape_of(1, TradeRow)

    def apply(self, connection: Connection, page: Page) -> None:
        """Add the page's fills."""
        TRADES.write(connection, [_row(page.log_id, stored, event) for stored, event in page.of(_FILLS)])

    def clear(self, connection: Connection, log_id: int) -> None:
        """Delete the rows."""
        TRADES.clear(connection, log_id)


def _row(log_id: int, stored: StoredEvent, event: FillRecorded) -> TradeRow:
    strategy, account = owner_of(stored.stream)
    return TradeRow(
        log_id=log_id,
        position=stored.position,
        stream=stored.stream,
        strategy=strategy,
        account=account,
        order_id=event.order_id,
        signal_id=stored.correlation,
        trade_id=event.fill.trade_id,
        symbol=event.symbol,
        side=event.side.value,
        amount=event.fill.amount,
        price=event.fill.price,
        fee=event.fill.fee,
        fee_currency=event.fill.fee_currency,
        traded_at=event.fill.at,
        booked_at=event.at,
    )
