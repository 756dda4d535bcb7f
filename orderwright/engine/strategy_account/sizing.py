"""How much a leg may trade: amounts from capital, price and position, on the market's step, never rounded up."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import HUNDRED, ZERO, add, divide_down, floor_to_step, multiply, plain, subtract
from orderwright.engine.orders import Purpose
from orderwright.engine.positions import Position
from orderwright.engine.signals import Instruction, Side
from orderwright.engine.strategy_account.state import State


class Size(Struct, frozen=True, kw_only=True):
    """What may be traded: `amount` in base units; `inputs` are the figures it came from, for the log."""

    side: Side
    amount: Decimal
    purpose: Purpose
    inputs: dict[str, Decimal]


class Refusal(Struct, frozen=True, kw_only=True):
    """Why nothing may be traded: a stable code and the sentence a person reads."""

    code: str
    error: str


def is_dust(position: Position, instrument: Instrument) -> bool:
    """Whether what is held is below what the market trades, and so counts as flat."""
    tradable = floor_to_step(abs(position.quantity), instrument.step)
    return tradable == ZERO or tradable < instrument.min_amount


def close_size(state: State, instruction: Instruction, instrument: Instrument) -> Size | Refusal:
    """Return the share of the own position that `instruction` (negative `qty_per`) closes.

    At most what is left of the position after the own unfinished orders on the closing side.
    """
    position = state.position(instrument.symbol)
    side = _closing_side(state, instruction, position, instrument)
    if isinstance(side, Refusal):
        return side
    held = abs(position.quantity)
    share = divide_down(multiply(held, abs(instruction.qty_per or ZERO)), HUNDRED)
    left = subtract(held, state.resting(instrument.symbol, side))
    amount = floor_to_step(max(ZERO, min(share, left, held)), instrument.step)
    if amount == ZERO and left <= ZERO:
        error = f"All of the {instrument.symbol} position ({plain(held)}) is already in open closing orders."
        return Refusal(code="insufficient_position", error=error)
    return Size(side=side, amount=amount, purpose=Purpose.CLOSE, inputs={"position": position.quantity})


def _closing_side(
    state: State, instruction: Instruction, position: Position, instrument: Instrument
) -> Side | Refusal:
    if is_dust(position, instrument):
        wanted = "short" if instruction.side is Side.BUY else "long"
        return _no_position(wanted, instrument.symbol)
    closing = Side.SELL if position.quantity > ZERO else Side.BUY
    auto = state.terms is not None and state.terms.close_side == "auto"
    if instruction.side in (None, closing) or auto:
        return closing
    return _no_position("short" if closing is Side.SELL else "long", instrument.symbol)


def _no_position(wanted: str, symbol: str) -> Refusal:
    return Refusal(code=f"no_{wanted}_position", error=f"This strategy account holds no {wanted} position in {symbol}.")


def entry_size(
    state: State, instruction: Instruction, instrument: Instrument, price: Decimal
) -> Size | Refusal:
    """Return what an order that is not a close trades, from `qty`, or from `qty_per` percent of capital at `price`.

    SPOT: capital x percent / 100 / price; FUTURES: times leverage; STOCK: `qty_per` is a number of shares. A SPOT or
    STOCK sell is limited to the own position less the own open and possible sells.
    """
    side = instruction.side
    if side is None:
        return Refusal(code="missing_field", error="side is needed: buy or sell.")
    wanted = _wanted(state, instruction, instrument, price)
    if isinstance(wanted, Refusal):
        return wanted
    amount, inputs = wanted
    amount = floor_to_step(amount, instrument.step)
    if side is Side.SELL and instrument.market_type is not MarketType.FUTURES:
        free = subtract(state.position(instrument.symbol).quantity, state.resting(instrument.symbol, Side.SELL))
        if amount > free:
            error = (
                f"Selling {plain(amount)} {instrument.base} needs as much of an own position; "
                f"{plain(max(free, ZERO))} is held and not in open sells."
            )
            return Refusal(code="insufficient_position", error=error)
    return Size(side=side, amount=amount, purpose=Purpose.ENTRY, inputs={"price": price, **inputs})


def _wanted(
    state: State, instruction: Instruction, instrument: Instrument, price: Decimal
) -> tuple[Decimal, dict[str, Decimal]] | Refusal:
    if instruction.qty is not None:
        return instruction.qty, {"qty": instruction.qty}
    percent = instruction.qty_per or ZERO
    if instrument.market_type is MarketType.STOCK:
        return percent, {"qty_per": percent}
    if percent > HUNDRED and instrument.market_type is not MarketType.FUTURES:
        return Refusal(code="invalid_field", error="qty_per above 100 is for FUTURES only.")
    capital = state.capital.get(instrument.quote, ZERO)
    if capital <= ZERO:
        error = f"This strategy account has no capital in {instrument.quote}."
        return Refusal(code="insufficient_capital", error=error)
    stake = multiply(multiply(capital, percent), leverage_of(state, instrument))
    inputs = {"capital": capital, "qty_per": percent, "leverage": leverage_of(state, instrument)}
    return divide_down(stake, multiply(HUNDRED, price)), inputs


def leverage_of(state: State, instrument: Instrument) -> Decimal:
    """Return the leverage in force: 1 but for FUTURES."""
    if instrument.market_type is not MarketType.FUTURES or state.terms is None:
        return Decimal(1)
    return state.terms.leverage


def below_minimum(amount: Decimal, price: Decimal | None, instrument: Instrument) -> Refusal | None:
    """Return why the market would not take so little, or None if it would."""
    if amount <= ZERO or amount < instrument.min_amount:
        least = max(instrument.min_amount, instrument.step)
        error = f"{plain(amount)} {instrument.base} is below the market's minimum of {plain(least)}."
        return Refusal(code="below_minimum", error=error)
    if price is not None and multiply(amount, price) < instrument.min_notional:
        value = plain(multiply(amount, price))
        error = f"{value} {instrument.quote} is below the market's minimum value of {plain(instrument.min_notional)}."
        return Refusal(code="below_minimum", error=error)
    return None


def exposure_added(state: State, symbol: str, side: Side, amount: Decimal) -> Decimal:
    """Return by how much the worst-case fill would raise the absolute position, in base units; 0 if it would not.

    Worst case: this order and all own unfinished orders of its side fill, and none of the other side.
    """
    held = state.position(symbol).quantity
    resting = state.resting(symbol, side)
    before = abs(add(held, side.sign * resting))
    after = abs(add(held, side.sign * add(resting, amount)))
    return max(ZERO, subtract(after, max(before, abs(held))))


def free_capital(state: State, instrument: Instrument) -> Decimal:
    """Return the capital in the instrument's quote currency that neither positions nor entry orders tie up."""
    tied = ZERO
    for position in state.positions.values():
        if position.quote == instrument.quote:
            tied = add(tied, position.cost)
    for symbol, side in {(order.symbol, order.side) for order in state.orders.values()}:
        tied = add(tied, _tied_by_orders(state, symbol, side, instrument.quote))
    return subtract(state.capital.get(instrument.quote, ZERO), divide_down(tied, leverage_of(state, instrument)))


def _tied_by_orders(state: State, symbol: str, side: Side, quote: str) -> Decimal:
    orders = [order for order in state.orders.values() if (order.symbol, order.side) == (symbol, side)]
    if orders[0].quote != quote:
        return ZERO
    held = state.position(symbol).quantity
    resting = state.resting(symbol, side)
    grows = max(ZERO, subtract(abs(add(held, side.sign * resting)), abs(held)))
    if grows == ZERO or resting == ZERO:
        return ZERO
    notional = ZERO
    for order in orders:
        notional = add(notional, order.notional_remaining)
    return notional if grows >= resting else divide_down(multiply(notional, grows), resting)
