"""Exact decimal arithmetic for prices and amounts: nothing is rounded unless a function here says so.

Decimal's own operators and `abs` round to the thread's 28 digits, so amounts go through the functions here.
"""

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, Inexact

ZERO = Decimal(0)
HUNDRED = Decimal(100)

EXACT = Context(prec=50, traps=[Inexact])
_DOWN = Context(prec=50, rounding=ROUND_DOWN)
_EVEN = Context(prec=50, rounding=ROUND_HALF_EVEN)

# Wide enough for the quotient of any two numbers and products of a message; nothing that long is ever stored.
_WIDE_DOWN = Context(prec=120, rounding=ROUND_DOWN)
_WIDE_UP = Context(prec=120, rounding=ROUND_UP)
_WIDE_EVEN = Context(prec=120, rounding=ROUND_HALF_EVEN)
_PLACES = Decimal(1).scaleb(-18)
_ONE = Decimal(1)

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def plain(value: Decimal) -> str:
    """Return the decimal as text without an exponent."""
    return format(value, "f")


def parse_number(text: str) -> Decimal | None:
    """Return the number in `text`, or None unless it is `-?digits[.digits]` with at most 18 digits on either side."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum.

    Raises:
        Inexact: it has more than 50 digits, which sums of amounts never have.
    """
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact difference.

    Raises:
        Inexact: it has more than 50 digits, which differences of amounts never have.
    """
    return EXACT.subtract(left, right)


def add_even(left: Decimal, right: Decimal) -> Decimal:
    """Return the sum rounded half-even to 50 digits; for totals of products, which can be longer."""
    return _EVEN.add(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Return the product, cut toward zero if it is longer than 50 digits."""
    return tidy(_DOWN.multiply(left, right))


def divide_down(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient cut to 18 decimals toward zero."""
    return tidy(_WIDE_DOWN.quantize(_WIDE_DOWN.divide(dividend, divisor), _PLACES))


def divide_up(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient rounded to 18 decimals away from zero; for what is needed or tied up."""
    return tidy(_WIDE_UP.quantize(_WIDE_UP.divide(dividend, divisor), _PLACES))


def divide_even(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient rounded half-even to 18 decimals; for averages, which are not sent anywhere."""
    return tidy(_WIDE_EVEN.quantize(_WIDE_EVEN.divide(dividend, divisor), _PLACES))


def floor_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` (> 0) that is not above `amount` (>= 0)."""
    steps = _WIDE_DOWN.divide(amount, step).to_integral_value(rounding=ROUND_DOWN)
    return tidy(_WIDE_DOWN.multiply(steps, step))


def ceil_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` (> 0) that is not below `amount` (>= 0)."""
    below = floor_to_step(amount, step)
    return below if below == amount else tidy(_WIDE_DOWN.add(below, step))


def round_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the multiple of `tick` (> 0) nearest to `price`, halves up; zero if `price` is below half a tick."""
    ticks = _WIDE_DOWN.divide(price, tick).to_integral_value(rounding=ROUND_HALF_UP)
    return tidy(_WIDE_DOWN.multiply(ticks, tick))


def tidy(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without a positive exponent."""
    if not value:
        return ZERO
    normal = value.normalize(_WIDE_EVEN)
    exponent = normal.as_tuple().exponent
    return _WIDE_EVEN.quantize(normal, _ONE) if isinstance(exponent, int) and exponent > 0 else normal
