"""From one instruction to an order request or a refusal: every check that an entry or a close must pass."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from orderwright.engine.ids import SignalId, client_order_id
from orderwright.engine.instruments import Instrument, MarketType, Quote, SymbolAmbiguous, SymbolUnknown
from orderwright.engine.money import ZERO, ceil_to_step, floor_to_step, plain, round_to_tick
from orderwright.engine.orders import Purpose
from orderwright.engine.signals import STOPS, Instruction, OrderType, Side
from orderwright.engine.strategy_account.events import OrderRequested, RefreshStarted
from orderwright.engine.strategy_account.exposure import (
    capital_needed,
    closes_reduce_only,
    exposure_added,
    free_capital,
    leverage_of,
    siblings_in,
    taken_symbols,
)
from orderwright.engine.strategy_account.refreshing import AwaitsLooks, refresh, refreshed_since
from orderwright.engine.strategy_account.sizing import Refusal, Size, below_minimum, close_size, entry_size
from orderwright.engine.strategy_account.state import UNSETTLED, Context, Run, State
from orderwright.moments import SECOND, Micros, span_text

HALTED = "halted"
NOT_MADE_UP_FOR = "It is not made up for when the halt ends: what is held stays held until you close it, or liquidate."


class NeedsMarket(Struct, frozen=True, kw_only=True):
    """Nothing can be decided before the exchange's markets, or this symbol's price, are known."""

    symbol: str


class NeedsLeverage(Struct, frozen=True, kw_only=True):
    """Nothing is placed before the exchange trades the symbol with this leverage."""

    symbol: str
    leverage: Decimal


class AwaitsClose(Struct, frozen=True, kw_only=True):
    """Nothing is opened before a close of the same market, which waits to go out again, is out of the way."""


class Reference(Struct, frozen=True, kw_only=True):
    """The price an order is judged by; not `is_current` where only the position's own average was at hand."""

    price: Decimal
    is_current: bool


def place(
    state: State, run: Run, instruction: Instruction, context: Context
) -> OrderRequested | RefreshStarted | Refusal | NeedsMarket | NeedsLeverage | AwaitsLooks | AwaitsClose:
    """Decide one placing leg of a signal: the order to request, why not, or what must be known first."""
    refusal = _refusal_at_once(state, run, instruction, context)
    if refusal is not None:
        return refusal
    instrument = instrument_of(instruction.symbol or "", context)
    if not isinstance(instrument, Instrument):
        return instrument
    if not instruction.is_close and _has_unsettled_cancel(state, run, instrument.symbol):
        error = f"A cancel of {instrument.symbol} earlier in this batch is still in doubt."
        return Refusal(code="cancel_unsettled", error=error)
    if not instruction.is_close and state.has_waiting_close(instrument.symbol):
        return AwaitsClose()
    looks = _looks(state, run, instruction, instrument, context) if instruction.is_close else None
    if looks is not None:
        return looks
    sized = _sized(state, instruction, instrument, context)
    if isinstance(sized, Refusal) and _may_hold_more(sized, instruction):
        return _looks(state, run, instruction, instrument, context) or sized
    if not isinstance(sized, tuple):
        return sized
    size, reference = sized
    refused = refusal_of_size(state, size, instrument, reference, context)
    if refused is not None:
        return refused
    leverage = leverage_of(state, instrument)
    if _is_leverage_unset(state, instrument, leverage, context) and size.purpose is Purpose.ENTRY:
        return NeedsLeverage(symbol=instrument.symbol, leverage=leverage)
    return request(
        run.signal_id,
        leg=instruction.leg,
        size=size,
        instrument=instrument,
        order_type=instruction.order_type,
        limit=_limit_on_tick(instruction.price, size.side, instrument),
        stop=_on_tick(instruction.stop_price, instrument),
        reference_price=reference.price,
        ref=instruction.ref,
        expires_at=instruction.expires_at,
        context=context,
    )


def _is_leverage_unset(state: State, instrument: Instrument, leverage: Decimal, context: Context) -> bool:
    is_set_there = instrument.market_type is MarketType.FUTURES and context.market.traits.sets_leverage
    return is_set_there and state.leverages.get(instrument.symbol) != leverage


def _looks(
    state: State, run: Run, instruction: Instruction, instrument: Instrument, context: Context
) -> RefreshStarted | AwaitsLooks | None:
    symbol, leg = instrument.symbol, instruction.leg
    since = refreshed_since(run, leg, symbol, context)
    return refresh(state, run.signal_id, leg=leg, symbol=symbol, since=since, context=context)


def _may_hold_more(refusal: Refusal, instruction: Instruction) -> bool:
    # A buy that has just filled is what a sell of coins may be about.
    return refusal.code == "insufficient_position" and not instruction.is_close


def _sized(
    state: State, instruction: Instruction, instrument: Instrument, context: Context
) -> tuple[Size, Reference] | Refusal | NeedsMarket:
    close = close_size(state, instruction, instrument) if instruction.is_close else None
    if isinstance(close, Refusal):
        return close
    side = instruction.side if close is None else close.side
    reference = _reference(instruction, side, instrument, context)
    if isinstance(reference, Refusal):
        return reference
    if close is not None:
        # Sized by the position alone: a dead price feed must not keep a trader in.
        average = state.position(instrument.symbol).average_price
        return close, reference or Reference(price=average, is_current=False)
    if reference is None:
        return NeedsMarket(symbol=instrument.symbol)
    entry = entry_size(state, instruction, instrument, reference.price)
    return entry if isinstance(entry, Refusal) else (entry, reference)


def request(
    signal_id: SignalId,
    *,
    leg: int,
    size: Size,
    instrument: Instrument,
    order_type: OrderType,
    limit: Decimal | None,
    reference_price: Decimal,
    context: Context,
    stop: Decimal | None = None,
    ref: str | None = None,
    expires_at: Micros | None = None,
    attempt: int = 1,
) -> OrderRequested:
    """Return the request for an order of that size, valid from now for as long as the rules say."""
    identity = context.identity
    is_margin_close = size.purpose is Purpose.CLOSE and instrument.market_type.is_margined
    return OrderRequested(
        at=context.now,
        signal_id=signal_id,
        leg=leg,
        attempt=attempt,
        order_id=client_order_id(
            salt=identity.salt, account_number=identity.number, signal_id=signal_id, leg=leg, attempt=attempt
        ),
        symbol=instrument.symbol,
        base=instrument.base,
        quote=instrument.quote,
        side=size.side,
        order_type=order_type,
        amount=size.amount,
        price=limit,
        reference_price=reference_price,
        purpose=size.purpose,
        reduce_only=is_margin_close and closes_reduce_only(instrument, context),
        valid_until=Micros(context.now + context.rules.valid_for),
        ref=ref,
        inputs=size.inputs,
        expires_at=expires_at,
        stop_price=stop,
        siblings=siblings_in(instrument, context) if is_margin_close else None,
    )


def fresh_quote(quotes: Mapping[str, Quote], symbol: str, context: Context) -> Quote | None:
    """Return the last price of `symbol` if it is young enough to size an order with."""
    quote = quotes.get(symbol)
    if quote is None or quote.price <= ZERO or context.now - quote.at > context.rules.price_max_age:
        return None
    return quote


def _refusal_at_once(state: State, run: Run, instruction: Instruction, context: Context) -> Refusal | None:
    if state.terms is None:
        return Refusal(code="insufficient_capital", error="This strategy account has no terms yet.")
    if instruction.order_type in STOPS and not context.market.traits.native_stops:
        error = f"{instruction.order_type} orders are not supported at this exchange."
        return Refusal(code="unsupported_by_exchange", error=error)
    refusal = expiry(state, run, instruction, context)
    if refusal is not None or not context.halted:
        return refusal
    error = f"{context.halted.rstrip('.')}. {NOT_MADE_UP_FOR}" if instruction.is_close else context.halted
    return Refusal(code=HALTED, error=error)


def expiry(state: State, run: Run, instruction: Instruction, context: Context) -> Refusal | None:
    """Return why a leg is too old to be carried out; exits may be older than entries."""
    terms = state.terms
    if terms is None:
        return None
    most = terms.max_exit_lag if instruction.is_exit else terms.max_lag
    age = context.now - run.born_at
    if age > most:
        error = f"The signal is {span_text(age)} old; at most {most / SECOND:g} s are allowed for this."
        return Refusal(code="signal_expired", error=error)
    if instruction.expires_at is not None and instruction.expires_at <= context.now:
        return Refusal(code="signal_expired", error="The order's expires_at has passed.")
    return None


def instrument_of(symbol: str, context: Context) -> Instrument | Refusal | NeedsMarket:
    """Return the one market that a sender's spelling means, why there is none, or that the markets are not loaded."""
    if context.market.instruments is None:
        return NeedsMarket(symbol=symbol)
    match context.market.instruments.find(symbol):
        case SymbolUnknown():
            return Refusal(code="unknown_symbol", error=f"The account's exchange has no market {symbol}.")
        case SymbolAmbiguous(candidates=candidates):
            error = f"{symbol} can mean {', '.join(candidates)}: write it as BASE/QUOTE."
            return Refusal(code="ambiguous_symbol", error=error)
        case instrument:
            return instrument


def _has_unsettled_cancel(state: State, run: Run, symbol: str) -> bool:
    return any(
        outcome in UNSETTLED and order_id in state.orders and state.orders[order_id].symbol == symbol
        for leg in run.legs
        for order_id, outcome in leg.cancels.items()
    )


def _reference(
    instruction: Instruction, side: Side | None, instrument: Instrument, context: Context
) -> Reference | Refusal | None:
    own = [price for price in (instruction.price, instruction.stop_price) if price is not None]
    for price in own:
        if price < instrument.tick:
            error = f"The price {plain(price)} is below the market's tick of {plain(instrument.tick)}."
            return Refusal(code="invalid_field", error=error)
    limit = _limit_on_tick(instruction.price, side, instrument)
    if limit is not None:
        return Reference(price=limit, is_current=True)
    if own:
        return Reference(price=round_to_tick(own[0], instrument.tick), is_current=True)
    quote = fresh_quote(context.market.quotes, instrument.symbol, context)
    return None if quote is None else Reference(price=quote.price, is_current=True)


def _limit_on_tick(price: Decimal | None, side: Side | None, instrument: Instrument) -> Decimal | None:
    # Never worse than what the sender named.
    if price is None:
        return None
    return floor_to_step(price, instrument.tick) if side is Side.BUY else ceil_to_step(price, instrument.tick)


def _on_tick(price: Decimal | None, instrument: Instrument) -> Decimal | None:
    return None if price is None else round_to_tick(price, instrument.tick)


def refusal_of_size(
    state: State, size: Size, instrument: Instrument, reference: Reference, context: Context
) -> Refusal | None:
    """Return why the market, or the strategy account, does not take an order of that size; None if they do."""
    is_close = size.purpose is Purpose.CLOSE
    # What only reduces is let out below the minimum value as well.
    is_exempt = not reference.is_current or (is_close and closes_reduce_only(instrument, context))
    too_small = below_minimum(size.amount, None if is_exempt else reference.price, instrument)
    if too_small is not None:
        return too_small
    if is_close or not exposure_added(state, instrument.symbol, size.side, size.amount):
        return None
    if state.pause is not None:
        return Refusal(code="paused", error=f"Trading is paused by {state.pause.by}: {state.pause.why}")
    if state.liquidation is not None:
        return Refusal(code="paused", error="A liquidation is under way: nothing may be opened.")
    return _refusal_of_capital(state, size, instrument, reference.price, context)


def _refusal_of_capital(
    state: State, size: Size, instrument: Instrument, price: Decimal, context: Context
) -> Refusal | None:
    free = free_capital(state, instrument, context.market)
    needed = capital_needed(state, instrument, side=size.side, amount=size.amount, price=price)
    if needed > free:
        error = f"{plain(needed)} {instrument.quote} are needed; {plain(max(free, ZERO))} of the capital are free."
        return Refusal(code="insufficient_capital", error=error)
    most = state.terms.max_positions if state.terms is not None else None
    taken = taken_symbols(state, context.market)
    if most is not None and instrument.symbol not in taken and len(taken) >= most:
        error = f"At most {most} positions are allowed, and as many are open or being opened."
        return Refusal(code="max_positions_reached", error=error)
    return None
