"""Virtual positions: the sum of a strategy account's own fills in one symbol."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.money import ZERO, add, divide_even, multiply, subtract
from orderwright.engine.orders import Fill
from orderwright.engine.signals import Side


class Position(Struct, frozen=True, kw_only=True):
    """`quantity` in base units (negative = short), `average_price` and `realised` in quote units.

    `realised` leaves fees out; `fees` has them per currency. A fee taken in the base coin also lowers the quantity.
    """

    symbol: str
    base: str = ""
    quote: str = ""
    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    realised: Decimal = ZERO
    fees: dict[str, Decimal] = {}

    @property
    def is_flat(self) -> bool:
        """Whether nothing is held."""
        return self.quantity == ZERO

    @property
    def cost(self) -> Decimal:
        """What the position ties up, in quote units, at its average price."""
        return multiply(abs(self.quantity), self.average_price)


def after_fill(position: Position, side: Side, fill: Fill) -> Position:
    """Return the position once `fill` has been booked to it."""
    change = fill.amount if side is Side.BUY else -fill.amount
    traded = _after_trade(position, change, fill.price)
    fees = {**position.fees, fill.fee_currency: add(position.fees.get(fill.fee_currency, ZERO), fill.fee)}
    in_base = fill.fee and fill.fee_currency == position.base
    quantity = subtract(traded.quantity, fill.fee) if in_base else traded.quantity
    return replace(traded, quantity=quantity, fees=fees if fill.fee else position.fees)


def _after_trade(position: Position, change: Decimal, price: Decimal) -> Position:
    held = position.quantity
    total = add(held, change)
    if held == ZERO or (held > ZERO) == (change > ZERO):
        cost = add(multiply(abs(held), position.average_price), multiply(abs(change), price))
        return replace(position, quantity=total, average_price=divide_even(cost, abs(total)))
    closed = min(abs(change), abs(held))
    gain = subtract(price, position.average_price) if held > ZERO else subtract(position.average_price, price)
    flipped = total != ZERO and (total > ZERO) != (held > ZERO)
    return replace(
        position,
        quantity=total,
        average_price=price if flipped else (position.average_price if total else ZERO),
        realised=add(position.realised, multiply(closed, gain)),
    )
