"""Virtual positions: the sum of a strategy account's own fills in one symbol."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from orderwright.engine.money import ZERO, add, add_even, divide_even, multiply, subtract
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
        return not self.quantity

    @property
    def size(self) -> Decimal:
        """How much is held, long or short, in base units."""
        return self.quantity.copy_abs()

    @property
    def cost(self) -> Decimal:
        """What the position ties up, in quote units, at its average price."""
        return multiply(self.size, self.average_price)


def after_fill(position: Position, side: Side, fill: Fill) -> Position:
    """Return the position once `fill` has been booked to it."""
    traded = _after_trade(position, side.signed(fill.amount), fill.price)
    if not fill.fee:
        return traded
    fees = {**position.fees, fill.fee_currency: add_even(position.fees.get(fill.fee_currency, ZERO), fill.fee)}
    if fill.fee_currency != position.base:
        return replace(traded, fees=fees)
    quantity = subtract(traded.quantity, fill.fee)
    average = traded.average_price if _is_same_way(traded.quantity, quantity) else (fill.price if quantity else ZERO)
    return replace(traded, quantity=quantity, average_price=average, fees=fees)


def after_adoption(position: Position, amount: Decimal, price: Decimal) -> Position:
    """Return the position once `amount` (base units, negative: short) has been added to it at `price`."""
    return _after_trade(position, amount, price)


def _after_trade(position: Position, change: Decimal, price: Decimal) -> Position:
    held = position.quantity
    if not change:
        return position
    if not held:
        return replace(position, quantity=change, average_price=price)
    total = add(held, change)
    if _is_same_way(held, change):
        cost = add_even(position.cost, multiply(change.copy_abs(), price))
        return replace(position, quantity=total, average_price=divide_even(cost, total.copy_abs()))
    closed = min(change.copy_abs(), held.copy_abs())
    gain = subtract(price, position.average_price) if held > ZERO else subtract(position.average_price, price)
    average = position.average_price if _is_same_way(held, total) else (price if total else ZERO)
    return replace(
        position,
        quantity=total,
        average_price=average,
        realised=add_even(position.realised, multiply(closed, gain)),
    )


def _is_same_way(held: Decimal, other: Decimal) -> bool:
    return bool(held and other) and held.is_signed() == other.is_signed()
