"""What a sender is told of each leg of a signal, folded from events: live while it runs, and later from the log."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.ids import OrderId
from orderwright.engine.orders import OrderStatus
from orderwright.engine.signals import Instruction, OrderType, Side
from orderwright.engine.strategy_account.events import (
    CancellationEnded,
    Event,
    FillRecorded,
    LegRefused,
    OrderAbandoned,
    OrderAccepted,
    OrderClosed,
    OrderDoubted,
    OrderNeverPlaced,
    OrderReappeared,
    OrderRejected,
    OrderRequested,
    OrderSurfaced,
    OrderTriggered,
    OrderVanished,
)


class LegStatus(StrEnum):
    """How a leg stands: WORKING until there is an answer, then one of the others (IN_DOUBT may still change)."""

    WORKING = "working"
    SUCCESS = "success"
    FAILED = "failed"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


class LegResult(Struct, frozen=True, kw_only=True):
    """The outcome of one leg at one strategy account; amounts in base units, prices in quote units."""

    leg: int
    order_type: OrderType
    status: LegStatus = LegStatus.WORKING
    symbol: str | None = None
    side: Side | None = None
    ref: str | None = None
    engine_order_id: OrderId | None = None
    order_id: str | None = None
    order_status: OrderStatus | None = None
    amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    code: str | None = None
    error: str | None = None
    cancelled_orders: int | None = None
    failed_orders: int | None = None

    @property
    def is_answered(self) -> bool:
        """Whether nothing more is awaited for this leg."""
        return self.status is not LegStatus.WORKING


def unanswered(instruction: Instruction) -> LegResult:
    """Return the result of a leg of which nothing is known yet."""
    return LegResult(
        leg=instruction.leg,
        order_type=instruction.order_type,
        symbol=instruction.symbol,
        side=instruction.side,
        ref=instruction.ref,
        order_id=instruction.order_id,
    )


_OF_A_LEG: frozenset[type] = frozenset({LegRefused, OrderRequested, CancellationEnded})
_OF_AN_ORDER: frozenset[type] = frozenset(
    {
        OrderAccepted,
        OrderRejected,
        OrderDoubted,
        OrderNeverPlaced,
        OrderVanished,
        OrderReappeared,
        OrderAbandoned,
        OrderSurfaced,
        OrderTriggered,
        FillRecorded,
        OrderClosed,
    }
)
_TOLD = _OF_A_LEG | _OF_AN_ORDER
_OWN_REFUSALS = frozenset({"halted", "paused"})


def is_told(event: Event) -> bool:
    """Whether `event` is of a kind that can change a leg's result."""
    return type(event) in _TOLD


def is_about(event: Event, result: LegResult) -> bool:
    """Whether `event` (of the same signal) concerns this leg."""
    kind = type(event)
    if kind in _OF_AN_ORDER:
        return getattr(event, "order_id", None) == result.engine_order_id
    return kind in _OF_A_LEG and getattr(event, "leg", None) == result.leg


def after(result: LegResult, event: Event) -> LegResult:
    """Return the leg's result once `event`, which is about it, has happened."""
    match event:
        case LegRefused():
            return replace(result, status=LegStatus.REFUSED, code=event.code, error=event.error)
        case OrderRequested():
            return replace(
                result,
                symbol=event.symbol,
                side=event.side,
                engine_order_id=event.order_id,
                order_status=OrderStatus.PENDING,
                amount=event.amount,
                price=event.price,
                stop_price=event.stop_price,
                status=LegStatus.WORKING,
                order_id=None,
                # What the exchange said to the attempt before is why there is another.
                code=result.code if event.attempt > 1 else None,
                error=result.error if event.attempt > 1 else None,
            )
        case OrderAccepted() | OrderSurfaced():
            taken = replace(result, order_id=event.exchange_order_id, order_status=OrderStatus.NEW)
            return _succeeded(taken)
        case OrderReappeared():
            return _succeeded(result)
        case OrderRejected() | OrderAbandoned() | OrderNeverPlaced():
            return _unplaced(result, event)
        case OrderDoubted() | OrderVanished():
            return replace(result, status=LegStatus.IN_DOUBT, code="in_doubt", error=_doubt(event))
        case OrderTriggered():
            return replace(result, order_status=OrderStatus.TRIGGERED)
        case FillRecorded():
            return replace(result, order_status=OrderStatus.PARTIALLY_FILLED)
        case OrderClosed(status=OrderStatus.REJECTED):
            return _failed(result, "exchange_rejected", "The exchange took the order, and then rejected it.")
        case OrderClosed():
            return _succeeded(replace(result, order_status=event.status))
        case CancellationEnded():
            return _cancelled(result, event)
    return result


def _succeeded(result: LegResult) -> LegResult:
    return replace(result, status=LegStatus.SUCCESS, code=None, error=None)


def _doubt(event: OrderDoubted | OrderVanished) -> str:
    if isinstance(event, OrderVanished):
        return "The exchange had accepted the order, and does not know it any more; it is being looked for."
    return f"The exchange may or may not have the order ({event.reason}); it is being looked up."


def _unplaced(result: LegResult, event: OrderRejected | OrderAbandoned | OrderNeverPlaced) -> LegResult:
    match event:
        case OrderRejected(again_at=int(), code=code, error=error):
            return replace(result, status=LegStatus.WORKING, order_status=OrderStatus.PENDING, code=code, error=error)
        case OrderNeverPlaced(again=True):
            return replace(result, status=LegStatus.WORKING, order_status=OrderStatus.PENDING, code=None, error=None)
        case OrderNeverPlaced():
            return _failed(result, "not_placed", "The order never reached the exchange, and it was not sent again.")
        case _ if event.code in _OWN_REFUSALS:
            return replace(_failed(result, event.code, event.error), status=LegStatus.REFUSED)
        case _:
            return _failed(result, event.code, event.error)


def _failed(result: LegResult, code: str, error: str) -> LegResult:
    return replace(result, status=LegStatus.FAILED, order_status=OrderStatus.REJECTED, code=code, error=error)


def _cancelled(result: LegResult, event: CancellationEnded) -> LegResult:
    failed = event.failed + event.in_doubt + event.waiting
    counted = replace(result, cancelled_orders=event.cancelled, failed_orders=failed)
    last = f' The last answer was "{event.said}".' if event.said else ""
    if event.in_doubt:
        error = f"{event.in_doubt} cancel(s) may or may not have been carried out; they are being looked up."
        return replace(counted, status=LegStatus.IN_DOUBT, code="in_doubt", error=error)
    if event.waiting:
        error = f"{event.waiting} order(s) could not be cancelled yet; that is tried again.{last}"
        return replace(counted, status=LegStatus.IN_DOUBT, code="not_cancelled", error=error)
    if event.failed:
        error = f"{event.failed} order(s) had ended before the cancel or could not be cancelled.{last}"
        return replace(counted, status=LegStatus.FAILED, code="not_cancelled", error=error)
    return replace(counted, status=LegStatus.SUCCESS)
