"""What a strategy account still owes the outside world in a given state: sends, cancels, looks and prices."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.ids import OrderId
from orderwright.engine.instruments import MarketType
from orderwright.engine.money import add
from orderwright.engine.orders import CancelState, Order, Purpose
from orderwright.engine.outcomes import CancelOrder, Effect, FetchQuote, LookUpOrder, PlaceOrder, SetLeverage
from orderwright.engine.strategy_account.placing import AwaitsClose, NeedsLeverage, place
from orderwright.engine.strategy_account.progress import due_legs
from orderwright.engine.strategy_account.reconcile import misses_count_after
from orderwright.engine.strategy_account.refreshing import AwaitsLooks, awaited_by_liquidation, not_looked_at
from orderwright.engine.strategy_account.state import Context, State
from orderwright.moments import Micros

_AT_ANY_TIME = Micros(0)


def outstanding(state: State, context: Context) -> list[Effect]:
    """Return every effect that is owed; the shell sends each at most once at a time."""
    effects: list[Effect] = []
    needs = _needed_by_decisions(state, context)
    awaited = needs.news
    for order in state.orders.values():
        if order.is_unanswered:
            effects.append(_place(state, order))
        elif order.cancel is CancelState.REQUESTED:
            effects.append(_cancel(state, order, context))
            if order.order_id in awaited:
                effects.append(look(state, order, context, fresh_from=awaited[order.order_id]))
        elif order.order_id in awaited:
            effects.append(look(state, order, context, fresh_from=awaited[order.order_id]))
        elif _is_to_be_looked_at(order, context):
            effects.append(look(state, order, context, fresh_from=_misses_count_from(order, context)))
    deadline = Micros(context.now + context.rules.call_timeout)
    market_type = _market_type(state)
    effects.extend(
        FetchQuote(symbol=symbol, deadline=deadline, market_type=market_type) for symbol in sorted(needs.prices)
    )
    effects.extend(
        SetLeverage(symbol=symbol, leverage=leverage, deadline=deadline, market_type=market_type)
        for symbol, leverage in needs.leverages.items()
    )
    return effects


def look(state: State, order: Order, context: Context, *, fresh_from: Micros = _AT_ANY_TIME) -> LookUpOrder:
    """Return the effect of asking the exchange about an order; what was seen before `fresh_from` is too old."""
    return LookUpOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        exchange_order_id=order.exchange_order_id,
        deadline=Micros(context.now + context.rules.call_timeout),
        market_type=_market_type(state),
        fresh_from=fresh_from,
    )


def _place(state: State, order: Order) -> PlaceOrder:
    return PlaceOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        stop_price=order.stop_price,
        reduce_only=order.reduce_only,
        raises_exposure=order.purpose is Purpose.ENTRY and _can_raise(state, order),
        valid_until=order.valid_until,
        deadline=order.valid_until,
        market_type=_market_type(state),
        by_operator=state.liquidation is not None and order.signal_id == state.liquidation.command_id,
    )


def _can_raise(state: State, order: Order) -> bool:
    held = state.position(order.symbol).quantity
    worst = add(held, order.side.signed(state.resting(order.symbol, order.side)))
    return worst.copy_abs() > held.copy_abs()


def _cancel(state: State, order: Order, context: Context) -> CancelOrder:
    return CancelOrder(
        order_id=order.order_id,
        symbol=order.symbol,
        exchange_order_id=order.working_exchange_order_id,
        attempt=order.cancel_attempt,
        deadline=Micros(context.now + context.rules.call_timeout),
        market_type=_market_type(state),
    )


def _misses_count_from(order: Order, context: Context) -> Micros:
    # Whatever the pace has come to by then: from that moment on, a look that finds nothing says something.
    late = misses_count_after(order, context)
    is_missed = order.placement_in_doubt or order.misses
    return Micros(late + 1) if is_missed and context.now > late else _AT_ANY_TIME


def _is_to_be_looked_at(order: Order, context: Context) -> bool:
    if order.in_doubt or order.misses or order.is_at_market:
        return True
    return not context.market.traits.tells_at_once and order.order_id not in context.sightings


class _Needs(Struct, frozen=True, kw_only=True):
    """What is waited for: symbols' prices, news of orders from a moment on, leverages by symbol."""

    prices: set[str]
    news: dict[OrderId, Micros]
    leverages: dict[str, Decimal]


def _needed_by_decisions(state: State, context: Context) -> _Needs:
    symbols: set[str] = set()
    awaited: dict[OrderId, Micros] = {}
    leverages: dict[str, Decimal] = {}
    if not context.is_reconciled:
        # Nothing is decided before that, whatever the answers: asking would go on and on.
        return _Needs(prices=symbols, news=awaited, leverages=leverages)
    if state.liquidation is not None:
        awaited.update(awaited_by_liquidation(state, state.liquidation, context))
    for retry in state.retries.values():
        symbol, since = retry.order.symbol, retry.refreshed_from
        is_fresh_enough = context.now >= since + context.rules.call_timeout
        unseen = () if is_fresh_enough else not_looked_at(state, symbol, since, context)
        awaited.update(dict.fromkeys(unseen, since))
        is_held_up = state.is_being_freed(symbol, retry.order.side, retry.order.amount)
        if not unseen and not is_held_up and context.now >= retry.not_before:
            # It waits for the markets, or they came after it was decided to wait.
            symbols.add(symbol)
    for run, leg in due_legs(state, context) if state.queue else ():
        if leg.instruction.is_cancel:
            continue
        match place(state, run, leg.instruction, context):
            case NeedsLeverage(symbol=symbol, leverage=leverage):
                leverages[symbol] = leverage
            case AwaitsLooks(order_ids=order_ids, since=since):
                awaited.update(dict.fromkeys(order_ids, since))
            case AwaitsClose():
                pass
            case _:
                # Also when it could be decided by now, since the markets were loaded after the decision to wait: the
                # answer brings it up again.
                symbols.add(context.market.symbol_of(leg.instruction.symbol or ""))
    return _Needs(prices=symbols, news=awaited, leverages=leverages)


def _market_type(state: State) -> MarketType | None:
    return None if state.terms is None else state.terms.market_type
