"""Orders and positions as rows: the engine's own fold of each strategy account's events, as far as they touch these."""

from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.ids import OrderId
from orderwright.engine.money import add
from orderwright.engine.orders import Order, OrderStatus
from orderwright.engine.positions import Position
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.evolve import evolve
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.store import StoredEvent
from orderwright.moments import Micros
from orderwright.readmodels.projection import Page, owner_of, shape_of, tag, tags_with
from orderwright.readmodels.tables import Key, Table

NEVER_PLACED: Final = "not_placed"


class OrderRow(Struct, frozen=True, kw_only=True):
    """An order, open or ended; `state` is the engine's fold of it as JSON, the last one before it ended."""

    log_id: int
    order_id: str
    position: int
    as_of: int
    stream: str
    strategy: str
    account: str
    signal_id: UUID
    leg: int
    symbol: str
    side: str
    order_type: str
    purpose: str
    status: str
    in_doubt: bool
    amount: Decimal
    filled: Decimal
    price: Decimal | None
    exchange_order_id: str | None
    ref: str | None
    code: str | None
    error: str | None
    requested_at: Micros
    updated_at: Micros
    ended_at: Micros | None
    state: str


class PositionRow(Struct, frozen=True, kw_only=True):
    """What a strategy account holds in a symbol; `state` is the engine's fold of it, as JSON."""

    log_id: int
    stream: str
    symbol: str
    as_of: int
    strategy: str
    account: str
    quantity: Decimal
    average_price: Decimal
    realised: Decimal
    updated_at: Micros
    state: str


ORDERS = Table("orders", OrderRow, key=[("order_id", "text")])
POSITIONS = Table("positions", PositionRow, key=[("stream", "text"), ("symbol", "text")])

# Whatever happens to an order names it, and whatever else changes a position names its symbol.
_FOLDED = tags_with(e.Event, "order_id", "symbol") - {tag(e.CancellationOrdered)}


class Books:
    """The projection of orders and positions; they are one, since a fill changes both."""

    name = "books"
    shape = shape_of(2, OrderRow, PositionRow, Order, Position)

    def apply(self, connection: Connection, page: Page) -> None:
        """Fold the page into the rows that it touches."""
        events = list(page.of(_FOLDED))
        orders = {(event.order_id,) for _, event in events if hasattr(event, "order_id")}
        positions = {(stored.stream, event.symbol) for stored, event in events if hasattr(event, "symbol")}
        fold = _Fold(
            page.log_id,
            ORDERS.find(connection, page.log_id, orders),
            POSITIONS.find(connection, page.log_id, positions),
        )
        for stored, event in events:
            fold.take(stored, event)
        ORDERS.write(connection, fold.changed_orders())
        POSITIONS.write(connection, fold.changed_positions())

    def clear(self, connection: Connection, log_id: int) -> None:
        """Delete the rows."""
        ORDERS.clear(connection, log_id)
        POSITIONS.clear(connection, log_id)


class _Fold:
    """The rows that a page touches, with the engine's values beside them until they are written."""

    def __init__(self, log_id: int, orders: dict[Key, OrderRow], positions: dict[Key, PositionRow]) -> None:
        self._log_id = log_id
        self._order_rows = {OrderId(key[0]): row for key, row in orders.items()}
        self._position_rows = {(stream, symbol): row for (stream, symbol), row in positions.items()}
        self._open = {
            order_id: msgspec.json.decode(row.state, type=Order)
            for order_id, row in self._order_rows.items()
            if row.ended_at is None
        }
        self._held = {key: msgspec.json.decode(row.state, type=Position) for key, row in self._position_rows.items()}
        self._changed_orders: set[OrderId] = set()
        self._changed_positions: set[tuple[str, str]] = set()

    def take(self, stored: StoredEvent, event: e.Event) -> None:
        """Apply one event, unless the rows say that it was applied before."""
        order_id: OrderId | None = getattr(event, "order_id", None)
        place = (stored.stream, getattr(event, "symbol", ""))
        row = None if order_id is None else self._order_rows.get(order_id)
        seen = self._position_rows.get(place) if order_id is None else row
        if seen is not None and seen.as_of >= stored.position:
            return
        order = None if order_id is None else self._open.get(order_id)
        held = self._held.get(place)
        before = State(
            orders={} if order is None else {order.order_id: order},
            positions={} if held is None else {held.symbol: held},
        )
        after = evolve(before, event)
        if order_id is not None:
            self._note_order(stored, event, order_id, after.orders.get(order_id))
        for symbol, position in after.positions.items():
            if position is not before.positions.get(symbol):
                self._note_position(stored, event, symbol, position)

    def changed_orders(self) -> list[OrderRow]:
        """Return the rows of the orders that are not as they were found."""
        rows = (self._order_rows[order_id] for order_id in sorted(self._changed_orders))
        return [
            row if row.ended_at is not None else replace(row, state=_json(self._open[OrderId(row.order_id)]))
            for row in rows
        ]

    def changed_positions(self) -> list[PositionRow]:
        """Return the rows of the positions that are not as they were found."""
        return [
            replace(self._position_rows[place], state=_json(self._held[place]))
            for place in sorted(self._changed_positions)
        ]

    def _note_order(self, stored: StoredEvent, event: e.Event, order_id: OrderId, order: Order | None) -> None:
        row = self._order_rows.get(order_id)
        if order is not None:
            self._open[order_id] = order
            self._order_rows[order_id] = self._open_row(stored, event, order, row)
        elif row is not None:
            last = self._open.pop(order_id, None)
            self._order_rows[order_id] = _ended_row(stored, event, row, last)
        else:
            return
        self._changed_orders.add(order_id)

    def _open_row(self, stored: StoredEvent, event: e.Event, order: Order, row: OrderRow | None) -> OrderRow:
        strategy, account = owner_of(stored.stream)
        return OrderRow(
            log_id=self._log_id,
            order_id=order.order_id,
            position=stored.position if row is None else row.position,
            as_of=stored.position,
            stream=stored.stream,
            strategy=strategy,
            account=account,
            signal_id=order.signal_id,
            leg=order.leg,
            symbol=order.symbol,
            side=order.side.value,
            order_type=order.order_type.value,
            purpose=order.purpose.value,
            status=order.status.value,
            in_doubt=order.in_doubt,
            amount=order.amount,
            filled=order.filled,
            price=order.price,
            exchange_order_id=order.exchange_order_id,
            ref=order.ref,
            code=None,
            error=None,
            requested_at=order.requested_at,
            updated_at=event.at,
            ended_at=None,
            state="",
        )

    def _note_position(self, stored: StoredEvent, event: e.Event, symbol: str, position: Position) -> None:
        place = (stored.stream, symbol)
        strategy, account = owner_of(stored.stream)
        self._held[place] = position
        self._position_rows[place] = PositionRow(
            log_id=self._log_id,
            stream=stored.stream,
            symbol=symbol,
            as_of=stored.position,
            strategy=strategy,
            account=account,
            quantity=position.quantity,
            average_price=position.average_price,
            realised=position.realised,
            updated_at=event.at,
            state="",
        )
        self._changed_positions.add(place)


def _ended_row(stored: StoredEvent, event: e.Event, row: OrderRow, last: Order | None) -> OrderRow:
    if row.ended_at is not None:
        # A fill that was told of late: it counts, and the order is as ended as before.
        fill = event.fill.amount if isinstance(event, e.FillRecorded) else Decimal(0)
        return replace(row, as_of=stored.position, filled=add(row.filled, fill), updated_at=event.at)
    ended = replace(
        row,
        as_of=stored.position,
        status=OrderStatus.REJECTED.value,
        in_doubt=False,
        updated_at=event.at,
        ended_at=event.at,
        state=row.state if last is None else _json(last),
    )
    match event:
        case e.OrderClosed():
            return replace(ended, status=event.status.value, filled=event.filled)
        case e.OrderRejected():
            return replace(ended, code=event.code, error=event.error)
        case e.OrderNeverPlaced():
            return replace(ended, code=NEVER_PLACED)
    return ended


def _json(value: Order | Position) -> str:
    return msgspec.json.encode(value).decode()
