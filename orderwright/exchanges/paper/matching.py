"""The paper exchange's rules as pure functions: what is refused, what crosses, what a fill moves."""

from decimal import Context, Decimal

from msgspec import Struct

from orderwright.engine.instruments import Instrument
from orderwright.engine.money import ZERO, add, divide_down, divide_up, multiply, plain, subtract
from orderwright.engine.signals import STOPS, OrderType, Side
from orderwright.exchanges.paper.records import NewOrder, PaperOrder, PaperPosition
from orderwright.exchanges.paper.words import Objection, Reason

_LIMITED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_LARGEST = Decimal(10) ** 12
_WIDE = Context(prec=120)


class Execution(Struct, frozen=True, kw_only=True):
    """What trades: `amount` in base units at `price`, with the fee's `rate`."""

    side: Side
    amount: Decimal
    price: Decimal
    rate: Decimal

    @property
    def cost(self) -> Decimal:
        """What was traded, in quote units, the fee aside."""
        return multiply(self.amount, self.price)


class Settlement(Struct, frozen=True, kw_only=True):
    """What one fill moves: changes of total balances per currency, the fee, and the position after it (futures)."""

    amount: Decimal
    changes: dict[str, Decimal]
    fee: Decimal
    fee_currency: str
    position: PaperPosition | None = None


def broken_rule(order: NewOrder, instrument: Instrument, price: Decimal) -> Objection | None:
    """Return what the market has against the order, or None. `price` is the current one."""
    return _misshapen(order, instrument) or _below_minimum(order, instrument, price)


def _misshapen(order: NewOrder, instrument: Instrument) -> Objection | None:
    numbers = [order.amount, *(number for number in (order.price, order.stop_price) if number is not None)]
    if not all(number.is_finite() for number in numbers):
        return Objection(reason=Reason.MALFORMED, words="amount or price is no number")
    if order.order_type in _LIMITED and (order.price is None or order.price <= ZERO):
        return Objection(reason=Reason.MALFORMED, words=f"a {order.order_type} order needs a price above zero")
    if order.order_type in STOPS and (order.stop_price is None or order.stop_price <= ZERO):
        return Objection(reason=Reason.MALFORMED, words=f"a {order.order_type} order needs a stop price above zero")
    if max(numbers) > _LARGEST:
        return Objection(reason=Reason.MALFORMED, words="amount or price is too large")
    if order.amount <= ZERO or _WIDE.remainder(order.amount, instrument.step):
        words = f"amount {plain(order.amount)} is not a positive multiple of the step {plain(instrument.step)}"
        return Objection(reason=Reason.STEP, words=words)
    for number in numbers[1:]:
        if _WIDE.remainder(number, instrument.tick):
            words = f"price {plain(number)} is not a multiple of the tick {plain(instrument.tick)}"
            return Objection(reason=Reason.TICK, words=words)
    return None


def _below_minimum(order: NewOrder, instrument: Instrument, price: Decimal) -> Objection | None:
    if order.amount < instrument.min_amount:
        words = f"amount {plain(order.amount)} is below the minimum {plain(instrument.min_amount)}"
        return Objection(reason=Reason.MIN_AMOUNT, words=words)
    notional = multiply(order.amount, order.price or order.stop_price or price)
    if notional < instrument.min_notional and not order.reduce_only:
        words = f"notional {plain(notional)} is below the minimum {plain(instrument.min_notional)}"
        return Objection(reason=Reason.MIN_NOTIONAL, words=words)
    return None


def triggers_at_once(order: NewOrder, price: Decimal) -> Objection | None:
    """Return what speaks against a stop that `price` has reached already: a buy waits for a rise, a sell for a fall."""
    stop = order.stop_price or ZERO
    if order.side is Side.BUY and stop <= price:
        words = f"the stop price {plain(stop)} would trigger immediately: a buy waits for a rise above {plain(price)}"
        return Objection(reason=Reason.STOP_TOO_LOW, words=words)
    if order.side is Side.SELL and stop >= price:
        words = f"the stop price {plain(stop)} would trigger immediately: a sell waits for a fall below {plain(price)}"
        return Objection(reason=Reason.STOP_TOO_HIGH, words=words)
    return None


def crosses(side: Side, limit: Decimal, price: Decimal) -> bool:
    """Return whether a limit order trades at `price`."""
    return limit >= price if side is Side.BUY else limit <= price


def spot_need(
    side: Side, amount: Decimal, *, instrument: Instrument, price: Decimal, highest_fee: Decimal
) -> tuple[str, Decimal]:
    """Return the currency and how much of it a spot order at `price` must have free.

    `highest_fee` is the rate that a buy must be able to pay besides; 0 where the fee comes out of what was bought.
    """
    if side is Side.SELL:
        return instrument.base, amount
    cost = multiply(amount, price)
    return instrument.quote, add(cost, multiply(cost, highest_fee))


def settle_spot(instrument: Instrument, trade: Execution, *, fee_in_base: bool) -> Settlement:
    """Return what a spot fill moves; `fee_in_base` concerns buys."""
    amount, cost, base, quote = trade.amount, trade.cost, instrument.base, instrument.quote
    if trade.side is Side.BUY and fee_in_base:
        fee = multiply(amount, trade.rate)
        changes = {base: subtract(amount, fee), quote: cost.copy_negate()}
        return Settlement(amount=amount, changes=changes, fee=fee, fee_currency=base)
    fee = multiply(cost, trade.rate)
    if trade.side is Side.BUY:
        changes = {base: amount, quote: add(cost, fee).copy_negate()}
    else:
        changes = {base: amount.copy_negate(), quote: subtract(cost, fee)}
    return Settlement(amount=amount, changes=changes, fee=fee, fee_currency=quote)


def reducible(position: PaperPosition, side: Side) -> Decimal:
    """Return how much an order of this side can take off the position before it is flat."""
    return position.amount.copy_abs() if position.amount * side.sign < ZERO else ZERO


def futures_need(
    raised: Decimal, *, amount: Decimal, price: Decimal, leverage: Decimal, highest_fee: Decimal
) -> Decimal:
    """Return the quote currency a futures order must have free: margin for what it raises, the fee for all of it."""
    margin = divide_down(multiply(raised, price), leverage)
    return add(margin, multiply(multiply(amount, price), highest_fee))


def share_of_lock(order: PaperOrder, left: Decimal) -> Decimal:
    """Return what the order must still hold back when `left` of its `remaining` is left; rounded up."""
    return divide_up(multiply(order.locked, left), order.remaining) if order.locked and left else ZERO


def settle_futures(instrument: Instrument, position: PaperPosition, trade: Execution) -> Settlement:
    """Return what a futures fill moves: the fee and what was realised in quote currency, and the netted position."""
    fee = multiply(trade.cost, trade.rate)
    closed = min(trade.amount, reducible(position, trade.side))
    realised, kept = _closed(position, trade, closed) if closed else (ZERO, position)
    opened = subtract(trade.amount, closed)
    after = PaperPosition(
        symbol=position.symbol,
        amount=add(kept.amount, _signed(trade.side, opened)),
        entry_cost=add(kept.entry_cost, _signed(trade.side, multiply(opened, trade.price))),
    )
    changes = {instrument.quote: subtract(realised, fee)}
    return Settlement(amount=trade.amount, changes=changes, fee=fee, fee_currency=instrument.quote, position=after)


def _closed(position: PaperPosition, trade: Execution, closed: Decimal) -> tuple[Decimal, PaperPosition]:
    held = position.amount.copy_abs()
    # Closing all takes all of the cost, so that no rounding is left behind.
    part = divide_down(multiply(position.entry_cost, closed), held)
    share = position.entry_cost if closed == held else part
    realised = subtract(_signed(trade.side.opposite, multiply(closed, trade.price)), share)
    kept = PaperPosition(
        symbol=position.symbol,
        amount=add(position.amount, _signed(trade.side, closed)),
        entry_cost=subtract(position.entry_cost, share),
    )
    return realised, kept


def position_margin(position: PaperPosition, leverage: Decimal) -> Decimal:
    """Return the quote currency that the position ties up."""
    return divide_down(position.entry_cost.copy_abs(), leverage)


def unrealised(position: PaperPosition, price: Decimal) -> Decimal:
    """Return the position's profit or loss (quote units) if it were closed at `price`."""
    return subtract(multiply(position.amount, price), position.entry_cost)


def _signed(side: Side, value: Decimal) -> Decimal:
    # Not `side.sign * value`: the operators would round to the thread's precision.
    return value if side is Side.BUY else value.copy_negate()
