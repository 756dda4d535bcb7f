"""The reference for append and replay: the `eventsourcing` library with its own psycopg recorder, defaults throughout.

The aggregate keeps what a strategy account's state keeps of market orders (open orders, position with average price,
realised gain and fees, running signals), from events with the same data.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from decimal import Decimal
from typing import TypedDict
from uuid import UUID

import msgspec
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from orderwright.engine.strategy_account import events as product

_DATABASE = "reference"
_UNTOUCHED = (Decimal, UUID)


class Execution(TypedDict):
    """One trade."""

    trade_id: str
    amount: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: int


class OpenOrder:
    """An order that has not ended."""

    def __init__(self, *, amount: Decimal) -> None:
        self.amount = amount
        self.filled = Decimal(0)
        self.status = "PENDING"
        self.exchange_order_id: str | None = None


class ReferenceAccount(Aggregate):
    """A strategy account as an aggregate of that library; its events have the names and the data of the product's."""

    class Happened(Aggregate.Event):
        """Something happened at `at`, microseconds since the epoch."""

        at: int

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Change the aggregate."""

    class TermsAdopted(Happened):
        """The declared terms came into force."""

        terms: dict[str, object]

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Keep them."""
            aggregate.terms = self.terms

    class SignalAccepted(Happened):
        """A signal waits its turn."""

        signal_id: UUID
        sequence: int
        born_at: int
        instructions: list[dict[str, object]]

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Remember it."""
            aggregate.signals[self.signal_id] = self.instructions
            aggregate.last_sequence = self.sequence

    class OrderRequested(Happened):
        """An order is to be sent."""

        signal_id: UUID
        leg: int
        attempt: int
        order_id: str
        symbol: str
        base: str
        quote: str
        side: str
        order_type: str
        amount: Decimal
        reference_price: Decimal
        purpose: str
        valid_until: int
        price: Decimal | None
        reduce_only: bool
        ref: str | None
        inputs: dict[str, Decimal]

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Remember it."""
            aggregate.orders[self.order_id] = OpenOrder(amount=self.amount)

    class OrderAccepted(Happened):
        """The exchange has the order."""

        order_id: str
        exchange_order_id: str

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Note the exchange's id."""
            order = aggregate.orders[self.order_id]
            order.status, order.exchange_order_id = "NEW", self.exchange_order_id

    class FillRecorded(Happened):
        """A part of the order traded."""

        order_id: str
        symbol: str
        side: str
        fill: Execution

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Book it."""
            fill, order = self.fill, aggregate.orders.get(self.order_id)
            if order is not None:
                order.status, order.filled = "PARTIALLY_FILLED", order.filled + fill["amount"]
            aggregate.book(self.symbol, fill["amount"] if self.side == "buy" else -fill["amount"], fill["price"])
            paid = aggregate.fees.get(fill["fee_currency"], Decimal(0))
            aggregate.fees[fill["fee_currency"]] = paid + fill["fee"]

    class OrderClosed(Happened):
        """The order has ended."""

        order_id: str
        status: str
        filled: Decimal

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Forget it."""
            del aggregate.orders[self.order_id]

    class SignalEnded(Happened):
        """Every leg of the signal has an outcome."""

        signal_id: UUID

        def apply(self, aggregate: "ReferenceAccount") -> None:
            """Forget it."""
            del aggregate.signals[self.signal_id]

    def __init__(self) -> None:
        """Begin with nothing."""
        self.terms: dict[str, object] = {}
        self.orders: dict[str, OpenOrder] = {}
        self.signals: dict[UUID, list[dict[str, object]]] = {}
        self.positions: dict[str, tuple[Decimal, Decimal]] = {}
        self.fees: dict[str, Decimal] = {}
        self.realised = Decimal(0)
        self.last_sequence = 0

    def book(self, symbol: str, change: Decimal, price: Decimal) -> None:
        """Move the position by a trade."""
        held, average = self.positions.get(symbol, (Decimal(0), Decimal(0)))
        total = held + change
        if not held or (held > 0) == (change > 0):
            average = (abs(held) * average + abs(change) * price) / abs(total)
        else:
            self.realised += min(abs(change), abs(held)) * (price - average) * (1 if held > 0 else -1)
            average = average if total and (total > 0) == (held > 0) else price
        self.positions[symbol] = (total, average)

    def record(self, event: product.Event) -> None:
        """Trigger the event that has the name and the data of one of the product's."""
        kind = getattr(type(self), type(event).__name__)
        known = {field.name for field in fields(kind)}
        self.trigger_event(kind, **{name: _plain(getattr(event, name)) for name in known & {*event.__struct_fields__}})


@contextmanager
def reference_application(server: str) -> Iterator[Application[UUID]]:
    """Yield an application of that library on a fresh database of a running server; `server` is a connection string.

    Raises:
        psycopg.Error: the database cannot be made.
    """
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
    place = conninfo_to_dict(server)
    application: Application[UUID] = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": _DATABASE,
            "POSTGRES_HOST": str(place["host"]),
            "POSTGRES_PORT": str(place["port"]),
            "POSTGRES_USER": str(place["user"]),
            "POSTGRES_PASSWORD": "",
        }
    )
    try:
        yield application
    finally:
        application.close()


def _plain(value: object) -> object:
    return msgspec.to_builtins(value, builtin_types=_UNTOUCHED)
