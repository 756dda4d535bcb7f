"""Cancels: which orders a leg means, when it has ended, and what the engine cancels of its own accord."""

from collections.abc import Callable, Iterable, Iterator

from orderwright.engine.ids import SignalId, client_order_id
from orderwright.engine.instruments import Instrument, SymbolAmbiguous, is_spelling_of
from orderwright.engine.orders import CancelState, Order, Purpose
from orderwright.engine.signals import Instruction, OrderType
from orderwright.engine.strategy_account.events import CancellationEnded, CancelRequested, Event, OrderAbandoned
from orderwright.engine.strategy_account.placing import expiry, instrument_of
from orderwright.engine.strategy_account.sizing import Refusal
from orderwright.engine.strategy_account.state import UNSETTLED, CancelOutcome, Context, Leg, Run, State


def cancel(state: State, run: Run, instruction: Instruction, context: Context) -> list[Event] | Refusal:
    """Decide a cancel leg: only orders of earlier signals are meant, never the own batch's."""
    expired = expiry(state, run, instruction, context)
    if expired is not None:
        return expired
    is_target = _target(instruction, context)
    targets = meant_by(state, run, instruction, context)
    is_of_operator = any(run.signal_id == operation.signal_id for operation in state.operations)
    events: list[Event] = [
        CancelRequested(
            at=context.now,
            order_id=order.order_id,
            attempt=order.cancel_attempt + (order.cancel is not CancelState.REQUESTED),
            signal_id=run.signal_id,
            leg=instruction.leg,
        )
        for order in targets
    ]
    events += [
        OrderAbandoned(
            at=context.now,
            order_id=retry.order.order_id,
            code="not_placed",
            error="The order never reached the exchange, and it was cancelled before it was sent again.",
            by_signal=run.signal_id,
            by_leg=instruction.leg,
        )
        for retry in state.retries.values()
        if retry.order.sequence < run.sequence
        and is_target(retry.order)
        and (is_of_operator or not _is_spared(retry.order, instruction))
    ]
    return events or _nothing_to_cancel(run, instruction, context)


def meant_by(state: State, run: Run, instruction: Instruction, context: Context) -> list[Order]:
    """Return the unfinished orders that a cancel means: only those of earlier signals."""
    is_target = _target(instruction, context)
    return [order for order in state.orders.values() if order.sequence < run.sequence and is_target(order)]


def _is_spared(order: Order, instruction: Instruction) -> bool:
    # A way out at the market, had it got through, would be over: who sends "cancel all" does not mean it.
    is_at_market = order.order_type is OrderType.MARKET and order.purpose is Purpose.CLOSE
    return is_at_market and instruction.order_type is OrderType.CANCEL_ALL_ORDER


def _nothing_to_cancel(run: Run, instruction: Instruction, context: Context) -> list[Event] | Refusal:
    if instruction.order_type is OrderType.CANCEL:
        wanted = instruction.order_id or instruction.ref
        return Refusal(code="order_not_found", error=f"This strategy account has no open order {wanted}.")
    market = None if instruction.symbol is None else instrument_of(instruction.symbol, context)
    if isinstance(market, Refusal):
        return market
    return [_ended(run.signal_id, instruction.leg, (), context)]


def _target(instruction: Instruction, context: Context) -> Callable[[Order], bool]:
    is_of_symbol = _of_symbol(instruction.symbol, context)
    if instruction.order_type is OrderType.CANCEL:
        if instruction.order_id is not None:
            return lambda order: instruction.order_id in _names(order, context) and is_of_symbol(order.symbol)
        return lambda order: instruction.ref is not None and instruction.ref == order.ref and is_of_symbol(order.symbol)
    return lambda order: instruction.side in (None, order.side) and is_of_symbol(order.symbol)


def _names(order: Order, context: Context) -> Iterator[str | None]:
    yield from (order.order_id, order.exchange_order_id, order.child_exchange_order_id)
    # The sender may know it by the id of an earlier attempt.
    identity, signal_id = context.identity, order.signal_id
    salt, number = identity.salt, identity.number
    for attempt in range(1, order.attempt):
        yield client_order_id(salt=salt, account_number=number, signal_id=signal_id, leg=order.leg, attempt=attempt)


def _of_symbol(text: str | None, context: Context) -> Callable[[str], bool]:
    if text is None:
        return lambda _symbol: True
    instruments = context.market.instruments
    match None if instruments is None else instruments.find(text):
        case Instrument(symbol=wanted):
            return lambda symbol: symbol == wanted
        case SymbolAmbiguous():
            return lambda _symbol: False
    # The markets are not loaded, or this one is gone: the own orders are there all the same.
    return lambda symbol: is_spelling_of(text, symbol)


def own_cancels(orders: Iterable[Order], context: Context) -> list[Event]:
    """Return the requests to cancel those of `orders` that nobody is cancelling; after a refusal some time passes."""
    return [
        CancelRequested(at=context.now, order_id=order.order_id, attempt=order.cancel_attempt + 1)
        for order in orders
        if order.cancel is None and order.cancel_from <= context.now
    ]


def postponed_cancels(state: State, context: Context) -> list[Event]:
    """Return the requests for cancels that were turned away for now and whose time has come."""
    return [
        CancelRequested(at=context.now, order_id=order.order_id, attempt=order.cancel_attempt + 1)
        for order in state.orders.values()
        if order.cancel is CancelState.POSTPONED and order.cancel_from <= context.now
    ]


def cancellation_end(run: Run, leg: Leg, context: Context) -> CancellationEnded | None:
    """Return the end of a cancel leg, if it has come: what is unsettled is given until the calls' deadline."""
    outcomes = leg.cancels.values()
    if not leg.cancels or leg.result.is_answered or CancelOutcome.AWAITED in outcomes:
        return None
    if not UNSETTLED.isdisjoint(outcomes) and context.now < leg.cancels_at + context.rules.call_timeout:
        return None
    return _ended(run.signal_id, leg.instruction.leg, outcomes, context, said=leg.said)


def _ended(
    signal_id: SignalId, leg: int, outcomes: Iterable[CancelOutcome], context: Context, *, said: str = ""
) -> CancellationEnded:
    counted = list(outcomes)
    return CancellationEnded(
        at=context.now,
        signal_id=signal_id,
        leg=leg,
        cancelled=counted.count(CancelOutcome.CANCELLED),
        failed=counted.count(CancelOutcome.FAILED),
        in_doubt=counted.count(CancelOutcome.IN_DOUBT),
        waiting=counted.count(CancelOutcome.POSTPONED),
        said=said,
    )
