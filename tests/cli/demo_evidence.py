"""Honest evidence for the demo's claims, small enough to be made false in one place at a time."""

import json
from decimal import Decimal
from uuid import UUID

from orderwright.cli.demo.evidence import Books, Ledger, Reply, Result, read_ledger
from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import OrderType, Side
from orderwright.exchanges.paper.records import AccountBooks, Arrival, BooksDump, PaperOrder, PaperPosition, Trade
from orderwright.moments import SECOND, Micros, to_iso

BTC = "BTC/USDT"
STREAM = "strategy-account/trend@A1"
NOON = Micros(1_800_000_000 * SECOND)
SIGNAL = str(UUID(int=1))

RESTING = PaperOrder(
    number=1,
    account="A1",
    client_order_id="resting",
    market_type=MarketType.FUTURES,
    symbol=BTC,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    amount=Decimal("0.5"),
    price=Decimal(90_000),
    reduce_only=False,
    status=OrderStatus.NEW,
    filled=Decimal(0),
    locked=Decimal(0),
    locked_currency="USDT",
    placed_at=Micros(NOON + SECOND),
    changed_at=Micros(NOON + SECOND),
)
FILLED = PaperOrder(
    number=2,
    account="A1",
    client_order_id="filled",
    market_type=MarketType.FUTURES,
    symbol=BTC,
    side=Side.BUY,
    order_type=OrderType.MARKET,
    amount=Decimal("0.2"),
    price=None,
    reduce_only=False,
    status=OrderStatus.FILLED,
    filled=Decimal("0.2"),
    locked=Decimal(0),
    locked_currency="USDT",
    placed_at=Micros(NOON + SECOND),
    changed_at=Micros(NOON + SECOND),
)
TRADE = Trade(
    number=7,
    order_number=2,
    account="A1",
    market_type=MarketType.FUTURES,
    symbol=BTC,
    side=Side.BUY,
    amount=Decimal("0.2"),
    price=Decimal(100_000),
    fee=Decimal(20),
    fee_currency="USDT",
    maker=False,
    at=Micros(NOON + SECOND),
)
REPLY = Reply(
    signal_id=SIGNAL,
    results=(
        Result(
            account_name="A1",
            status="success",
            order_type="LIMIT",
            order_id="1",
            engine_order_id="resting",
            order_status="NEW",
            symbol=BTC,
            side="buy",
            amount=Decimal("0.50"),
        ),
    ),
)

Line = dict[str, object]


def books(
    *orders: PaperOrder, trades: tuple[Trade, ...] = (TRADE,), held: str = "0.2", at: int = NOON + SECOND
) -> Books:
    taken = orders or (RESTING, FILLED)
    account = AccountBooks(
        account="A1",
        leverage=Decimal(20),
        balances={},
        positions=(PaperPosition(symbol=BTC, amount=Decimal(held)),),
        orders=taken,
        trades=trades,
    )
    arrivals = tuple(
        Arrival(
            sequence=order.number,
            at=Micros(at),
            account="A1",
            operation="place",
            client_order_id=order.client_order_id,
            exchange_order_id=str(order.number),
            symbol=BTC,
            answer="placed",
        )
        for order in taken
    )
    return Books(BooksDump(accounts=(account,), arrivals=arrivals, set_prices=()))


def log_lines() -> list[Line]:
    """Return the log that belongs to `books()`, as plain objects that a test may change."""
    events: list[tuple[str, str, Line]] = [
        ("inbox/trend", "signal_received", {"signal": {"signal_id": SIGNAL}, "key": "k1", "recipients": [STREAM]}),
        (STREAM, "order_requested", _request("resting", 0, "0.5")),
        (STREAM, "order_requested", _request("filled", 1, "0.2")),
        (STREAM, "order_accepted", {"order_id": "resting", "exchange_order_id": "1"}),
        (STREAM, "order_accepted", {"order_id": "filled", "exchange_order_id": "2"}),
        (STREAM, "fill_recorded", {"order_id": "filled", "symbol": BTC, "side": "buy", "fill": _fill()}),
        (STREAM, "order_closed", {"order_id": "filled", "status": "FILLED", "filled": "0.2"}),
        ("inbox/trend", "signal_finished", {"signal_id": SIGNAL}),
    ]
    return [
        {
            "position": position,
            "stream": stream,
            "version": position,
            "type": kind,
            "recorded_at": to_iso(NOON),
            "payload": payload,
        }
        for position, (stream, kind, payload) in enumerate(events, start=1)
    ]


def ledger(lines: list[Line] | None = None) -> Ledger:
    return read_ledger("\n".join(json.dumps(line) for line in (log_lines() if lines is None else lines)))


def without(kind: str) -> Ledger:
    return ledger([line for line in log_lines() if line["type"] != kind])


def _request(order_id: str, leg: int, amount: str) -> Line:
    order = {"order_id": order_id, "signal_id": SIGNAL, "leg": leg, "attempt": 1, "symbol": BTC, "side": "buy"}
    return {**order, "amount": amount}


def _fill() -> Line:
    fill = {"trade_id": "7", "amount": "0.2", "price": "100000", "fee": "20", "fee_currency": "USDT"}
    return {**fill, "at": NOON + SECOND}
