"""Liquidation as a durable goal: nothing waits or rests, what is confirmed is closed, on and on as doubts settle."""

from decimal import Decimal

from orderwright.engine.instruments import Instrument
from orderwright.engine.money import floor_to_step, plain
from orderwright.engine.orders import CancelState, Order
from orderwright.engine.positions import Position
from orderwright.engine.signals import Instruction, OrderType
from orderwright.engine.strategy_account.cancelling import own_cancels
from orderwright.engine.strategy_account.events import Event, LiquidationEnded, OrderAbandoned, RefreshStarted
from orderwright.engine.strategy_account.exposure import closes_reduce_only
from orderwright.engine.strategy_account.placing import request
from orderwright.engine.strategy_account.refreshing import refresh
from orderwright.engine.strategy_account.sizing import Size, below_minimum, close_size
from orderwright.engine.strategy_account.state import Context, Liquidation, Retry, State
from orderwright.moments import Micros


def liquidation_step(state: State, context: Context) -> list[Event]:
    """Return the next events toward holding nothing; none while answers are awaited, or when there is no such goal."""
    goal = state.liquidation
    if goal is None:
        return []
    waiting = [_given_up(retry, goal, context) for retry in state.retries.values()]
    if waiting:
        return waiting
    cancels = own_cancels((order for order in state.orders.values() if order.signal_id != goal.command_id), context)
    if cancels:
        return cancels
    if context.market.instruments is None or context.now < goal.not_before or context.is_sealed:
        return []
    for position in state.positions.values():
        close = _close(state, goal, position, context)
        if close:
            return close
    return _end(state, goal, context)


def _given_up(retry: Retry, goal: Liquidation, context: Context) -> Event:
    # It would go out when the liquidation has told that nothing is held any more.
    return OrderAbandoned(
        at=context.now,
        order_id=retry.order.order_id,
        code="not_placed",
        error="The order never reached the exchange, and a liquidation came before it was sent again.",
        by_signal=goal.command_id,
    )


def _close(state: State, goal: Liquidation, position: Position, context: Context) -> list[Event]:
    instrument = _instrument(position, context)
    if instrument is None or _is_left_over(position, instrument, context):
        return []
    if any(order.symbol == position.symbol and _may_soon_be_gone(order, context) for order in state.orders.values()):
        return []
    everything = Instruction(
        leg=goal.next_leg, order_type=OrderType.MARKET, priority=0, symbol=position.symbol, qty_per=Decimal(-100)
    )
    size = close_size(state, everything, instrument)
    if not isinstance(size, Size) or below_minimum(size.amount, None, instrument) is not None:
        return []
    since = goal.refreshes.get(position.symbol, Micros(0))
    looks = refresh(state, goal.command_id, leg=goal.next_leg, symbol=position.symbol, since=since, context=context)
    if looks is not None:
        return [looks] if isinstance(looks, RefreshStarted) else []
    return [
        request(
            goal.command_id,
            leg=goal.next_leg,
            size=size,
            instrument=instrument,
            order_type=OrderType.MARKET,
            limit=None,
            reference_price=_price(position, context),
            context=context,
        )
    ]


def _may_soon_be_gone(order: Order, context: Context) -> bool:
    if order.cancel is CancelState.POSTPONED:
        return context.now < order.cancel_since + context.rules.call_timeout
    return order.cancel is CancelState.REQUESTED


def _end(state: State, goal: Liquidation, context: Context) -> list[Event]:
    if state.orders:
        return []
    dust, unclosed = [], []
    for position in state.positions.values():
        if position.is_flat:
            continue
        instrument = _instrument(position, context)
        if instrument is None:
            unclosed.append(position)
        elif _is_left_over(position, instrument, context):
            dust.append(position)
        else:
            return []
    notes = (
        _told("left, being below the market's minimum", dust),
        _told("not closed, since the exchange has no such market any more", unclosed),
    )
    return [
        LiquidationEnded(
            at=context.now,
            command_id=goal.command_id,
            note="; ".join(filter(None, notes)),
            unclosed=tuple(position.symbol for position in unclosed),
        )
    ]


def _told(what: str, positions: list[Position]) -> str:
    left = ", ".join(f"{plain(position.quantity)} of {position.symbol}" for position in positions)
    return f"{what}: {left}" if left else ""


def _instrument(position: Position, context: Context) -> Instrument | None:
    return None if context.market.instruments is None else context.market.instruments.get(position.symbol)


def _price(position: Position, context: Context) -> Decimal:
    quote = context.market.quotes.get(position.symbol)
    return position.average_price if quote is None else quote.price


def _is_left_over(position: Position, instrument: Instrument, context: Context) -> bool:
    tradable = floor_to_step(position.size, instrument.step)
    # What only reduces is let out below the minimum value as well.
    price = None if closes_reduce_only(instrument, context) else _price(position, context)
    return below_minimum(tradable, price, instrument) is not None
