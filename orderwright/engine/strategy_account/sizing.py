"""How much a leg may trade: amounts from capital, price and position, on the market's step, never rounded up."""

from decimal import Decimal

from msgspec import Struct

from orderwright.engine.instruments import Instrument, MarketType
from orderwright.engine.money import HUNDRED, ZERO, divide_down, floor_to_step, multiply, plain, subtract
from orderwright.engine.orders import Purpose
from orderwright.engine.positions import Position
from orderwright.engine.signals import Instruction, Side
from orderwright.engine.strategy_account.exposure import is_dust, leverage_of
from orderwright.engine.strategy_account.state import State

_LARGEST = Decimal(10) ** 18


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


def close_size(state: State, instruction: Instruction, instrument: Instrument) -> Size | Refusal:
    """Return the share of the own position that `instruction` (negative `qty_per`) closes.

    At most what is left of the position after the own unfinished orders on the closing side.
    """
    position = state.position(instrument.symbol)
    side = _closing_side(state, instruction, position, instrument)
    if isinstance(side, Refusal):
        return side
    held = position.size
    share = divide_down(multiply(held, (instruction.qty_per or ZERO).copy_abs()), HUNDRED)
    left = subtract(held, state.resting(instrument.symbol, side))
    if left <= ZERO:
        error = f"All of the {instrument.symbol} position ({plain(held)}) is already in open closing orders."
        return Refusal(code="insufficient_position", error=error)
    amount = floor_to_step(min(share, left), instrument.step)
    return Size(side=side, amount=amount, purpose=Purpose.CLOSE, inputs={"position": position.quantity})


def _closing_side(state: State, instruction: Instruction, position: Position, instrument: Instrument) -> Side | Refusal:
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


def entry_size(state: State, instruction: Instruction, instrument: Instrument, price: Decimal) -> Size | Refusal:
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
    if amount >= _LARGEST:
        return Refusal(code="invalid_field", error=f"{plain(amount)} {instrument.base} is more than can be traded.")
    amount = floor_to_step(amount, instrument.step)
    if side is Side.SELL and not instrument.market_type.is_margined:
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
    leverage = leverage_of(state, instrument)
    stake = multiply(multiply(capital, percent), leverage)
    inputs = {"capital": capital, "qty_per": percent, "leverage": leverage}
    return divide_down(stake, multiply(HUNDRED, price)), inputs


def below_minimum(amount: Decimal, price: Decimal | None, instrument: Instrument) -> Refusal | None:
    """Return why the market would not take so little, or None if it would; without a price only the amount counts."""
    if amount <= ZERO or amount < instrument.min_amount:
        least = max(instrument.min_amount, instrument.step)
        error = f"{plain(amount)} {instrument.base} is below the market's minimum of {plain(least)}."
        return Refusal(code="below_minimum", error=error)
    if price is not None and multiply(amount, price) < instrument.min_notional:
        value = plain(multiply(amount, price))
        error = f"{value} {instrument.quote} is below the market's minimum value of {plain(instrument.min_notional)}."
        return Refusal(code="below_minimum", error=error)
    return None
