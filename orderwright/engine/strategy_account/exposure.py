"""What positions and unfinished orders come to at worst: exposure, capital tied up, markets taken."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import ZERO, add, add_even, divide_up, floor_to_step, multiply, subtract
from orderwright.engine.orders import Purpose, Siblings
from orderwright.engine.positions import Position
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account.state import Context, Market, State


class _Resting(Struct, frozen=True, kw_only=True):
    """What unfinished orders of one symbol and side may still trade, in base and in quote units."""

    amount: Decimal = ZERO
    notional: Decimal = ZERO

    def plus(self, amount: Decimal, notional: Decimal) -> "_Resting":
        return _Resting(amount=add(self.amount, amount), notional=add_even(self.notional, notional))


def is_dust(position: Position, instrument: Instrument) -> bool:
    """Whether so little is held that the market's smallest order is larger."""
    tradable = floor_to_step(position.size, instrument.step)
    return not tradable or tradable < instrument.min_amount


def counts_as_flat(position: Position, market: Market) -> bool:
    """Whether the position is below the market's minimum amount, or value where that binds a close as well."""
    if position.is_flat:
        return True
    instrument = None if market.instruments is None else market.instruments.get(position.symbol)
    if instrument is None:
        return False
    if is_dust(position, instrument):
        return True
    quote = market.quotes.get(position.symbol)
    price = position.average_price if quote is None else quote.price
    return not instrument.market_type.is_margined and multiply(position.size, price) < instrument.min_notional


def leverage_of(state: State, instrument: Instrument) -> Decimal:
    """Return the leverage in force: 1 but for FUTURES."""
    if instrument.market_type is not MarketType.FUTURES or state.terms is None:
        return Decimal(1)
    return state.terms.leverage


def closes_reduce_only(instrument: Instrument, context: Context) -> bool:
    """Whether the exchange is to be told of a close that it only reduces."""
    # On a netting account a sibling's opposite exposure would make the exchange cut or refuse a reduce-only order.
    is_alone = siblings_in(instrument, context) is Siblings.FLAT
    return instrument.market_type.is_margined and context.market.traits.reduce_only and is_alone


def siblings_in(instrument: Instrument, context: Context) -> Siblings:
    """Return what is known of the other strategies on the account, as to this market."""
    if instrument.symbol in context.exposed_elsewhere:
        return Siblings.EXPOSED
    return Siblings.UNKNOWN if context.shares_account else Siblings.FLAT


def exposure_added(state: State, symbol: str, side: Side, amount: Decimal) -> Decimal:
    """Return by how much the worst-case fill would raise the absolute position, in base units; 0 if it would not.

    Worst case: this order and all own unfinished orders of its side fill, and none of the other side.
    """
    held = state.position(symbol).quantity
    resting = state.resting(symbol, side)
    return subtract(_growth(held, side, add(resting, amount)), _growth(held, side, resting))


def capital_needed(state: State, instrument: Instrument, *, side: Side, amount: Decimal, price: Decimal) -> Decimal:
    """Return how much more capital an order of `amount` base units at `price` would tie up, in quote units."""
    held = state.position(instrument.symbol).quantity
    resting = _resting(state).get((instrument.symbol, side), _Resting())
    after = _tied_by_growth(held, side, resting.plus(amount, multiply(amount, price)))
    more = add_even(after, _tied_by_growth(held, side, resting).copy_negate())
    return divide_up(more, leverage_of(state, instrument))


def free_capital(state: State, instrument: Instrument, market: Market) -> Decimal:
    """Return the capital in the instrument's quote currency that neither positions nor entry orders tie up."""
    tied = ZERO
    for position in state.positions.values():
        if position.quote == instrument.quote and not counts_as_flat(position, market):
            tied = add_even(tied, position.cost)
    quotes = {order.symbol: order.quote for order in state.orders.values()}
    for (symbol, side), resting in _resting(state).items():
        if quotes[symbol] == instrument.quote:
            tied = add_even(tied, _tied_by_growth(state.position(symbol).quantity, side, resting))
    taken = divide_up(tied, leverage_of(state, instrument))
    return add_even(state.capital.get(instrument.quote, ZERO), taken.copy_negate())


def taken_symbols(state: State, market: Market) -> set[str]:
    """Return the symbols in which something is held or being opened."""
    held = {symbol for symbol, position in state.positions.items() if not counts_as_flat(position, market)}
    return held | {order.symbol for order in state.orders.values() if order.purpose is Purpose.ENTRY}


def _resting(state: State) -> dict[tuple[str, Side], _Resting]:
    known: dict[tuple[str, Side], _Resting] = {}
    for order in state.orders.values():
        key = (order.symbol, order.side)
        known[key] = known.get(key, _Resting()).plus(order.remaining, order.notional_remaining)
    return known


def _growth(held: Decimal, side: Side, resting: Decimal) -> Decimal:
    worst = add(held, side.signed(resting)).copy_abs()
    return max(ZERO, subtract(worst, held.copy_abs()))


def _tied_by_growth(held: Decimal, side: Side, resting: _Resting) -> Decimal:
    grows = _growth(held, side, resting.amount)
    if not grows:
        return ZERO
    if grows == resting.amount:
        return resting.notional
    return divide_up(multiply(resting.notional, grows), resting.amount)
