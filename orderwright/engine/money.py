"""Exact decimal arithmetic for prices and amounts: nothing is rounded unless a function here says so."""

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, Inexact

ZERO = Decimal(0)
HUNDRED = Decimal(100)

EXACT = Context(prec=50, traps=[Inexact])
_ROUNDED_DOWN = Context(prec=50, rounding=ROUND_DOWN)
_ROUNDED_EVEN = Context(prec=50, rounding=ROUND_HALF_EVEN)
_PLACES = Decimal(1).scaleb(-18)

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def plain(value: Decimal) -> str:
    """Return the decimal as text without an exponent."""
    return format(value, "f")


def parse_number(text: str) -> Decimal | None:
    """Return the number in `text`, or None unless it is `-?digits[.digits]` with at most 18 digits on either side."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum."""
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact difference."""
    return EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Return the product, cut to 18 decimals toward zero if it is longer than 50 digits."""
    return tidy(_ROUNDED_DOWN.multiply(left, right))


def divide_down(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient cut to 18 decimals toward zero."""
    return tidy(_ROUNDED_DOWN.quantize(_ROUNDED_DOWN.divide(dividend, divisor), _PLACES))


def divide_even(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Return the quotient rounded half-even to 18 decimals; for averages, which are not sent anywhere."""
    return tidy(_ROUNDED_EVEN.quantize(_ROUNDED_EVEN.divide(dividend, divisor), _PLACES))


def floor_to_step(amount: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` (> 0) that is not above `amount` (>= 0)."""
    steps = _ROUNDED_DOWN.divide(amount, step).to_integral_value(rounding=ROUND_DOWN)
    floored = EXACT.multiply(steps, step)
    # A quotient cut at 50 digits can land one step high when it was rounded onto an integer.
    return tidy(floored if floored <= amount else EXACT.subtract(floored, step))


def round_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the multiple of `tick` (> 0) nearest to `price`, halves up."""
    ticks = _ROUNDED_EVEN.divide(price, tick).to_integral_value(rounding=ROUND_HALF_UP)
    return tidy(EXACT.multiply(ticks, tick))


def tidy(value: Decimal) -> Decimal:
    """Return the same number without trailing zeros and without a positive exponent."""
    if not value:
        return ZERO
    normal = value.normalize(_ROUNDED_EVEN)
    exponent = normal.as_tuple().exponent
    return normal.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else normal
