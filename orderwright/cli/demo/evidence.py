"""What the demo's claims are held against: the exchange's books, the log, and what the engine says of itself."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.money import ZERO, add, subtract
from orderwright.engine.orders import Fill, OrderStatus, is_active
from orderwright.engine.signals import Side
from orderwright.exchanges.paper.records import AccountBooks, Arrival, BooksDump, PaperOrder
from orderwright.moments import Micros, from_datetime

NEVER_PLACED = "never placed"


class Result(Struct, frozen=True, kw_only=True):
    """What a webhook's reply says of one order at one account."""

    account_name: str
    status: str
    order_type: str
    order_id: str | None = None
    engine_order_id: str | None = None
    order_status: str | None = None
    symbol: str | None = None
    side: str | None = None
    amount: Decimal | None = None
    code: str | None = None
    error: str | None = None
    cancelled_orders: int | None = None
    failed_orders: int | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """The reply to a webhook, as far as the demo looks at it; `code` is set in a problem document."""

    signal_id: str | None = None
    duplicate: bool = False
    results: tuple[Result, ...] = ()
    code: str | None = None
    error: str | None = None


class Books:
    """The exchange's own books at one moment."""

    def __init__(self, dump: BooksDump) -> None:
        self.arrivals: tuple[Arrival, ...] = dump.arrivals
        self._accounts = {books.account: books for books in dump.accounts}

    def accounts(self) -> Iterable[AccountBooks]:
        """Return what the books say of each account."""
        return self._accounts.values()

    def orders(self) -> Iterator[PaperOrder]:
        """Yield every order ever taken."""
        for books in self._accounts.values():
            yield from books.orders

    def order(self, account: str, client_order_id: str | None) -> PaperOrder | None:
        """Return the account's order of that client order id."""
        books = self._accounts.get(account)
        return (
            next((order for order in books.orders if order.client_order_id == client_order_id), None) if books else None
        )

    def open_ids(self, account: str) -> set[str]:
        """Return the client order ids of the account's open orders."""
        books = self._accounts.get(account)
        return {order.client_order_id for order in books.orders if is_active(order.status)} if books else set()

    def positions(self, account: str) -> dict[str, Decimal]:
        """Return the account's positions by symbol, without those that are flat."""
        books = self._accounts.get(account)
        return {position.symbol: position.amount for position in books.positions if position.amount} if books else {}

    def fills(self) -> set[tuple[str, str, str, Decimal, Decimal]]:
        """Return every trade as (account, client order id, trade id, amount, price)."""
        found = set()
        for books in self._accounts.values():
            ids = {order.number: order.client_order_id for order in books.orders}
            for trade in books.trades:
                key = (books.account, ids[trade.order_number], str(trade.number), trade.amount, trade.price)
                found.add(key)
        return found


class _Signal(Struct, frozen=True, kw_only=True):
    signal_id: str


class _Payload(Struct, frozen=True, kw_only=True):
    """The members of any event that the demo looks at."""

    order_id: str = ""
    signal_id: str = ""
    signal: _Signal | None = None
    key: str | None = None
    recipients: tuple[str, ...] = ()
    leg: int | None = None
    attempt: int | None = None
    symbol: str = ""
    side: Side | None = None
    amount: Decimal = ZERO
    exchange_order_id: str | None = None
    fill: Fill | None = None
    status: str = ""


class LogLine(Struct, frozen=True, kw_only=True):
    """An event as `orderwright log --json` shows it."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: datetime
    payload: _Payload


class LoggedOrder(Struct, frozen=True, kw_only=True):
    """What the log says of one order; `ended` is empty while it lives."""

    order_id: str
    stream: str
    account: str
    signal_id: str
    leg: int | None
    attempt: int | None
    symbol: str
    side: Side
    amount: Decimal
    requested_at: Micros
    exchange_order_id: str | None = None
    is_answered: bool = False
    fills: tuple[Fill, ...] = ()
    ended: str = ""

    @property
    def is_placed(self) -> bool:
        """Whether the exchange has, or had, the order."""
        return self.exchange_order_id is not None or bool(self.fills)


class Ledger:
    """The log, folded by the demo's own hand and not by the engine's."""

    def __init__(self, lines: Iterable[LogLine]) -> None:
        self.lines = tuple(lines)
        self.orders: dict[str, LoggedOrder] = {}
        self.finished: set[str] = set()
        self._stored: list[tuple[str, str]] = []
        for line in self.lines:
            self._take(line)

    @property
    def stored(self) -> list[tuple[str, str]]:
        """The sender's id and the signal's id of each stored signal, in order."""
        return self._stored

    def in_flight(self) -> list[LoggedOrder]:
        """Return the orders that were to be sent and of which no answer is known."""
        return [order for order in self.orders.values() if not order.is_answered and not order.ended]

    def open_ids(self, stream: str) -> set[str]:
        """Return the ids of a strategy account's orders that live."""
        return {order.order_id for order in self.orders.values() if order.stream == stream and not order.ended}

    def fills(self) -> set[tuple[str, str, str, Decimal, Decimal]]:
        """Return every fill as (account, client order id, trade id, amount, price)."""
        return {
            (order.account, order.order_id, fill.trade_id, fill.amount, fill.price)
            for order in self.orders.values()
            for fill in order.fills
        }

    def positions(self, account: str) -> dict[str, Decimal]:
        """Return the sum of an account's fills by symbol, over all strategies, without those that are flat."""
        held: dict[str, Decimal] = {}
        for order in self.orders.values():
            if order.account == account:
                _book(held, order)
        return {symbol: amount for symbol, amount in held.items() if amount}

    def held(self, stream: str) -> dict[str, Decimal]:
        """Return the sum of a strategy account's fills by symbol, without those that are flat."""
        held: dict[str, Decimal] = {}
        for order in self.orders.values():
            if order.stream == stream:
                _book(held, order)
        return {symbol: amount for symbol, amount in held.items() if amount}

    def _take(self, line: LogLine) -> None:
        payload = line.payload
        order = self.orders.get(payload.order_id)
        match line.type:
            case "signal_received" if payload.signal is not None:
                self._stored.append((payload.key or "", payload.signal.signal_id))
            case "signal_finished":
                self.finished.add(payload.signal_id)
            case "order_requested":
                self.orders[payload.order_id] = _requested(line)
            case _ if order is not None:
                self.orders[payload.order_id] = _after(order, line)


class Held(Struct, frozen=True, kw_only=True):
    """A position as the engine or a replay shows it."""

    symbol: str
    quantity: Decimal


class _ShownOrder(Struct, frozen=True, kw_only=True):
    engine_order_id: str
    in_doubt: bool
    status: str


class Shown(Struct, frozen=True, kw_only=True):
    """A strategy account as the running engine shows it."""

    account: str
    version: int = 0
    positions: tuple[Held, ...] = ()
    orders: tuple[_ShownOrder, ...] = ()
    waiting_signals: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way or in doubt."""
        unsure = any(order.in_doubt or order.status == OrderStatus.PENDING for order in self.orders)
        return not self.waiting_signals and not unsure

    @property
    def as_known(self) -> "Known":
        """What can be compared with a replay."""
        return Known(
            version=self.version,
            positions=_not_flat(self.positions),
            open_ids={order.engine_order_id for order in self.orders},
        )


class Known(Struct, frozen=True, kw_only=True):
    """What a strategy account has at a version: positions that are not flat, and the ids of its unfinished orders."""

    version: int
    positions: dict[str, Decimal]
    open_ids: set[str]


class _State(Struct, frozen=True, kw_only=True):
    positions: dict[str, Held]
    orders: dict[str, msgspec.Raw]


class _Replayed(Struct, frozen=True, kw_only=True):
    version: int
    state: _State


def read_ledger(text: str) -> Ledger:
    """Return the ledger in what `orderwright log --json` wrote."""
    decoder = msgspec.json.Decoder(LogLine)
    return Ledger(decoder.decode(line) for line in text.splitlines())


def read_replay(text: str) -> Known:
    """Return the state in what `orderwright replay --json` wrote."""
    replayed = msgspec.json.decode(text, type=_Replayed)
    return Known(
        version=replayed.version,
        positions=_not_flat(replayed.state.positions.values()),
        open_ids=set(replayed.state.orders),
    )


def by_account(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Return the results by account, each in the reply's order."""
    ordered = sorted(results, key=lambda result: result.account_name)
    return {name: list(group) for name, group in groupby(ordered, key=lambda result: result.account_name)}


def _requested(line: LogLine) -> LoggedOrder:
    payload = line.payload
    return LoggedOrder(
        order_id=payload.order_id,
        stream=line.stream,
        account=line.stream.rpartition("@")[2],
        signal_id=payload.signal_id,
        leg=payload.leg,
        attempt=payload.attempt,
        symbol=payload.symbol,
        side=payload.side or Side.BUY,
        amount=payload.amount,
        requested_at=from_datetime(line.recorded_at),
    )


def _after(order: LoggedOrder, line: LogLine) -> LoggedOrder:
    payload = line.payload
    match line.type:
        case "order_accepted":
            return replace(order, exchange_order_id=payload.exchange_order_id, is_answered=True)
        case "fill_recorded" if payload.fill is not None:
            return replace(order, fills=(*order.fills, payload.fill), is_answered=True)
        case "order_closed":
            return replace(order, ended=payload.status, is_answered=True)
        case "order_rejected":
            return replace(order, ended=OrderStatus.REJECTED.value, is_answered=True)
        case "order_never_placed":
            return replace(order, ended=NEVER_PLACED)
    return order


def _book(held: dict[str, Decimal], order: LoggedOrder) -> None:
    for fill in order.fills:
        before = held.get(order.symbol, ZERO)
        held[order.symbol] = (add if order.side is Side.BUY else subtract)(before, fill.amount)


def _not_flat(positions: Iterable[Held]) -> dict[str, Decimal]:
    return {held.symbol: held.quantity for held in positions if held.quantity}
