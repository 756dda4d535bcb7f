"""The rows of the lists as they are answered: decimals as text, moments in ISO 8601."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from orderwright.engine.money import plain
from orderwright.engine.orders import Order
from orderwright.engine.positions import Position
from orderwright.moments import Micros, to_iso
from orderwright.readmodels.balances import BalanceRow
from orderwright.readmodels.books import OrderRow, PositionRow
from orderwright.readmodels.read_models import ReadModels
from orderwright.readmodels.signals import SignalAccountRow, SignalRow
from orderwright.readmodels.trades import TradeRow


class OrderReply(Struct, frozen=True, kw_only=True):
    """An order, open or ended; `order_id` is the exchange's, amounts are in base units.

    `child_order_id` is the exchange's id of what trades for a triggered stop.
    """

    engine_order_id: str
    order_id: str | None
    child_order_id: str | None
    signal_id: str
    leg: int
    strategy: str
    account_name: str
    symbol: str
    side: str
    order_type: str
    purpose: str
    status: str
    in_doubt: bool
    amount: str
    filled: str
    price: str | None
    stop_price: str | None
    reduce_only: bool
    expires_at: str | None
    ref: str | None
    code: str | None
    error: str | None
    requested_at: str
    updated_at: str
    ended_at: str | None


class PositionReply(Struct, frozen=True, kw_only=True):
    """What a strategy account holds: `quantity` in base units (negative: short), `realised` without the fees."""

    strategy: str
    account_name: str
    symbol: str
    quantity: str
    average_price: str
    realised: str
    fees: dict[str, str]
    updated_at: str


class TradeReply(Struct, frozen=True, kw_only=True):
    """A fill. `trade_id` is the exchange's; `signal_id` the signal or the operator's command that it goes back to."""

    trade_id: str
    engine_order_id: str
    signal_id: str
    strategy: str
    account_name: str
    symbol: str
    side: str
    amount: str
    price: str
    fee: str
    fee_currency: str
    traded_at: str
    booked_at: str


class SignalAccountReply(Struct, frozen=True, kw_only=True):
    """A signal at one account: `first_request_at` is when the first order or cancel was written down, to be sent."""

    account_name: str
    refused: int
    routed_at: str | None
    first_request_at: str | None
    first_answer_at: str | None
    ended_at: str | None


class SignalReply(Struct, frozen=True, kw_only=True):
    """A signal: stored, working, done or expired; the moments without an account are the first of all accounts."""

    signal_id: str
    strategy: str
    holder: str
    status: str
    symbols: tuple[str, ...]
    legs: int
    sent_at: str | None
    received_at: str
    stored_at: str
    first_request_at: str | None
    first_answer_at: str | None
    finished_at: str | None
    accounts: list[SignalAccountReply]


class BalanceReply(Struct, frozen=True, kw_only=True):
    """The total of a currency in an account, as the exchange told it at `seen_at`."""

    account_name: str
    currency: str
    total: str
    seen_at: str


def orders(_read_models: ReadModels, rows: Sequence[OrderRow]) -> list[OrderReply]:
    """Return orders as they are answered."""
    return [_order(row, msgspec.json.decode(row.state, type=Order)) for row in rows]


def _order(row: OrderRow, order: Order) -> OrderReply:
    return OrderReply(
        engine_order_id=row.order_id,
        order_id=row.exchange_order_id,
        child_order_id=order.child_exchange_order_id,
        signal_id=str(row.signal_id),
        leg=row.leg,
        strategy=row.strategy,
        account_name=row.account,
        symbol=row.symbol,
        side=row.side,
        order_type=row.order_type,
        purpose=row.purpose,
        status=row.status,
        in_doubt=row.in_doubt,
        amount=plain(row.amount),
        filled=plain(row.filled),
        price=_decimal(row.price),
        stop_price=_decimal(order.stop_price),
        reduce_only=order.reduce_only,
        expires_at=_moment(order.expires_at),
        ref=row.ref,
        code=row.code,
        error=row.error,
        requested_at=to_iso(row.requested_at),
        updated_at=to_iso(row.updated_at),
        ended_at=_moment(row.ended_at),
    )


def positions(_read_models: ReadModels, rows: Sequence[PositionRow]) -> list[PositionReply]:
    """Return positions as they are answered."""
    return [
        PositionReply(
            strategy=row.strategy,
            account_name=row.account,
            symbol=row.symbol,
            quantity=plain(row.quantity),
            average_price=plain(row.average_price),
            realised=plain(row.realised),
            fees={currency: plain(fee) for currency, fee in msgspec.json.decode(row.state, type=Position).fees.items()},
            updated_at=to_iso(row.updated_at),
        )
        for row in rows
    ]


def trades(_read_models: ReadModels, rows: Sequence[TradeRow]) -> list[TradeReply]:
    """Return trades as they are answered."""
    return [
        TradeReply(
            trade_id=row.trade_id,
            engine_order_id=row.order_id,
            signal_id=str(row.signal_id),
            strategy=row.strategy,
            account_name=row.account,
            symbol=row.symbol,
            side=row.side,
            amount=plain(row.amount),
            price=plain(row.price),
            fee=plain(row.fee),
            fee_currency=row.fee_currency,
            traded_at=to_iso(row.traded_at),
            booked_at=to_iso(row.booked_at),
        )
        for row in rows
    ]


def signals(read_models: ReadModels, rows: Sequence[SignalRow]) -> list[SignalReply]:
    """Return signals as they are answered, each with its accounts."""
    by_signal = read_models.signal_accounts([row.signal_id for row in rows])
    return [_signal(row, by_signal.get(row.signal_id, ())) for row in rows]


def balances(_read_models: ReadModels, rows: Sequence[BalanceRow]) -> list[BalanceReply]:
    """Return balances as they are answered."""
    return [
        BalanceReply(
            account_name=row.account, currency=row.currency, total=plain(row.total), seen_at=to_iso(row.seen_at)
        )
        for row in rows
    ]


def _signal(row: SignalRow, accounts: Sequence[SignalAccountRow]) -> SignalReply:
    requests = [account.first_request_at for account in accounts if account.first_request_at is not None]
    answers = [account.first_answer_at for account in accounts if account.first_answer_at is not None]
    return SignalReply(
        signal_id=str(row.signal_id),
        strategy=row.strategy,
        holder=row.holder,
        status=row.status,
        symbols=row.symbols,
        legs=row.legs,
        sent_at=_moment(row.sent_at),
        received_at=to_iso(row.received_at),
        stored_at=to_iso(row.stored_at),
        first_request_at=_moment(min(requests, default=None)),
        first_answer_at=_moment(min(answers, default=None)),
        finished_at=_moment(row.finished_at),
        accounts=[
            SignalAccountReply(
                account_name=account.account,
                refused=account.refused,
                routed_at=_moment(account.routed_at),
                first_request_at=_moment(account.first_request_at),
                first_answer_at=_moment(account.first_answer_at),
                ended_at=_moment(account.ended_at),
            )
            for account in accounts
        ],
    )


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _moment(moment: Micros | None) -> str | None:
    return None if moment is None else to_iso(moment)
