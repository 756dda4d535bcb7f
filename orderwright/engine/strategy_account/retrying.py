"""Going again: when an order that never got to the exchange goes out as another attempt, under another id.

An opening is wanted soon or not at all. A way out is wanted for as long as an exit may be late.
"""

from msgspec.structs import replace

from orderwright.engine.instruments import Instrument
from orderwright.engine.money import ZERO, floor_to_step, subtract
from orderwright.engine.orders import Order, Purpose
from orderwright.engine.outcomes import Refused
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.events import Event, OrderAbandoned, OrderRequested, RefreshStarted
from orderwright.engine.strategy_account.placing import HALTED, NOT_MADE_UP_FOR, Reference, refusal_of_size, request
from orderwright.engine.strategy_account.refreshing import AwaitsLooks, refresh
from orderwright.engine.strategy_account.sizing import Refusal, Size
from orderwright.engine.strategy_account.state import Context, Retry, State
from orderwright.moments import SECOND, Micros

_FIRST_WAIT = SECOND // 2
_LONGEST_WAIT = 4 * SECOND

NOT_PLACED = "not_placed"


def goes_again(state: State, order: Order, context: Context) -> bool:
    """Whether an order that was never placed goes out as another attempt.

    Only where the exchange keeps to a request's expiry: elsewhere the first one could still arrive.
    """
    return context.market.traits.request_expiry and _why_unwanted(state, order, context) is None


def goes_again_at(state: State, order: Order, refused: Refused, context: Context) -> Micros | None:
    """Return when an order that was turned away for now goes out as another attempt; None: it does not.

    A close always waits, and ends by being abandoned: that is never left unsaid.
    """
    if refused.again_after is None or _is_given_up(state, order) is not None:
        return None
    at = wait_until(refused.again_after, order.attempt, context)
    if order.purpose is Purpose.CLOSE:
        return at
    return at if at < order.valid_until and _why_unwanted(state, order, context) is None else None


def wait_until(again_after: int, attempt: int, context: Context) -> Micros:
    """Return when what the exchange has turned away `attempt` times may be asked for again."""
    wait = min(_FIRST_WAIT << min(max(attempt - 1, 0), 10), _LONGEST_WAIT)
    return Micros(context.now + max(again_after, wait))


def retry_step(state: State, context: Context) -> list[Event]:
    """Return the next event about an order that waits for its next attempt; none if all have to wait."""
    for retry in state.retries.values():
        unwanted = _why_unwanted(state, retry.order, context) or _superseded(retry.order)
        if unwanted is None and context.now < retry.not_before:
            continue
        match _why_not(unwanted, retry, context) if unwanted is not None else _attempt(state, retry, context):
            case Refusal(code=code, error=error):
                return [abandoned(retry, context, code=code, error=error)]
            case (OrderRequested() | RefreshStarted()) as event:
                return [event]
    return []


def _why_not(unwanted: str, retry: Retry, context: Context) -> Refusal:
    return _halted(unwanted, retry) if unwanted == context.halted else _not_placed(unwanted, retry)


def abandoned(retry: Retry, context: Context, *, code: str, error: str) -> OrderAbandoned:
    """Return the end of an order that was to go out again, and does not."""
    return OrderAbandoned(at=context.now, order_id=retry.order.order_id, code=code, error=error)


def _is_given_up(state: State, order: Order) -> str | None:
    if order.cancel is not None:
        return "it is to be cancelled"
    if state.liquidation is not None and order.signal_id == state.liquidation.command_id:
        return "a liquidation closes with orders of its own"
    return None


def _why_unwanted(state: State, order: Order, context: Context) -> str | None:
    given_up = _is_given_up(state, order)
    if given_up is not None:
        return given_up
    if state.terms is None or context.halted:
        return context.halted or "there are no terms"
    most = state.terms.max_exit_lag if order.purpose is Purpose.CLOSE else state.terms.max_lag
    if context.now - order.born_at > most:
        return "its signal is too old"
    if order.expires_at is not None and order.expires_at <= context.now:
        return "its expires_at has passed"
    return None


def _superseded(order: Order) -> str | None:
    # Whoever has got out since does not want in any more, however little that found to close.
    return f"{order.superseded_by} came after it" if order.superseded_by else None


def _attempt(state: State, retry: Retry, context: Context) -> OrderRequested | RefreshStarted | Refusal | None:
    order = retry.order
    if retry.valid_until is not None and retry.valid_until <= context.now:
        return _not_placed("its time is over", retry)
    if context.market.instruments is None:
        return None
    instrument = context.market.instruments.get(order.symbol)
    if instrument is None:
        return _not_placed(f"there is no market {order.symbol} any more", retry)
    if order.purpose is Purpose.CLOSE:
        if _is_held_up(state, retry, instrument, context):
            return None
        since = retry.refreshed_from
        looks = refresh(state, order.signal_id, leg=order.leg, symbol=order.symbol, since=since, context=context)
        if looks is not None:
            return None if isinstance(looks, AwaitsLooks) else looks
    return _sized_request(state, retry, instrument, context)


def _is_held_up(state: State, retry: Retry, instrument: Instrument, context: Context) -> bool:
    order = retry.order
    if not state.is_being_freed(order.symbol, order.side, order.amount):
        return False
    if state.is_being_freed(order.symbol, order.side, order.amount, in_time=True):
        return True
    size = _size(state, order, instrument)
    reference = Reference(price=order.reference_price, is_current=True)
    return size is None or refusal_of_size(state, size, instrument, reference, context) is not None


def _sized_request(state: State, retry: Retry, instrument: Instrument, context: Context) -> OrderRequested | Refusal:
    order = retry.order
    size = _size(state, order, instrument)
    if size is None:
        return _not_placed("there is nothing left for it to close or sell", retry)
    reference = Reference(price=order.reference_price, is_current=True)
    refusal = refusal_of_size(state, size, instrument, reference, context)
    if refusal is not None:
        return _not_placed(f"{refusal.code}: {refusal.error}", retry)
    requested = request(
        order.signal_id,
        leg=order.leg,
        attempt=order.attempt + 1,
        size=size,
        instrument=instrument,
        order_type=order.order_type,
        limit=order.price,
        stop=order.stop_price,
        reference_price=order.reference_price,
        ref=order.ref,
        expires_at=order.expires_at,
        context=context,
    )
    return replace(requested, replaces=order.order_id, valid_until=retry.valid_until or requested.valid_until)


def _size(state: State, order: Order, instrument: Instrument) -> Size | None:
    # The first attempt's size, as far as there still is something to close or to sell.
    held = state.position(order.symbol).quantity
    left = subtract(held if order.side is Side.SELL else held.copy_negate(), state.resting(order.symbol, order.side))
    if order.purpose is Purpose.ENTRY:
        is_short_sale = order.side is Side.SELL and not instrument.market_type.is_margined and order.amount > left
        return None if is_short_sale else Size(side=order.side, amount=order.amount, purpose=order.purpose, inputs={})
    if left <= ZERO:
        return None
    amount = floor_to_step(min(order.amount, left), instrument.step)
    return Size(side=order.side, amount=amount, purpose=order.purpose, inputs={"position": held})


def _not_placed(why: str, retry: Retry) -> Refusal:
    last = f' The last answer was "{retry.said}".' if retry.said else ""
    error = f"The order never reached the exchange, and it was not sent again: {why}.{last}"
    return Refusal(code=NOT_PLACED, error=error)


def _halted(halt: str, retry: Retry) -> Refusal:
    error = _not_placed(halt.rstrip("."), retry).error
    return Refusal(code=HALTED, error=f"{error} {NOT_MADE_UP_FOR}" if retry.order.purpose is Purpose.CLOSE else error)
