"""Arithmetic that decisions rest on: exact, or rounded the way its name says, whatever the size of the numbers."""

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.engine.money import (
    add,
    add_even,
    divide_down,
    divide_even,
    divide_up,
    floor_to_step,
    multiply,
    parse_number,
    plain,
    round_to_tick,
    tidy,
)
from tests.engine.given import modestly

digits = st.integers(min_value=0, max_value=10**36 - 1)
numbers = digits.map(lambda value: Decimal(value).scaleb(-18))
above_zero = numbers.filter(bool)
steps = st.sampled_from([Decimal(text) for text in ("1", "0.1", "0.25", "0.003", "0.00000001", "5", "1000", "1E-18")])


@given(numbers, steps)
@modestly(20)
def test_what_is_floored_is_a_multiple_of_the_step_less_than_one_step_below(amount: Decimal, step: Decimal) -> None:
    floored = floor_to_step(amount, step)
    assert (Fraction(floored) / Fraction(step)).denominator == 1
    assert 0 <= Fraction(amount) - Fraction(floored) < Fraction(step)


@given(numbers, steps)
@modestly(20)
def test_a_price_goes_to_the_nearest_tick(price: Decimal, tick: Decimal) -> None:
    rounded = round_to_tick(price, tick)
    assert (Fraction(rounded) / Fraction(tick)).denominator == 1
    assert abs(Fraction(price) - Fraction(rounded)) <= Fraction(tick) / 2


def test_half_a_tick_goes_up() -> None:
    assert round_to_tick(Decimal("100.25"), Decimal("0.5")) == Decimal("100.5")


@given(above_zero, above_zero)
@modestly(20)
def test_quotients_are_within_one_unit_of_the_eighteenth_decimal(dividend: Decimal, divisor: Decimal) -> None:
    exact = Fraction(dividend) / Fraction(divisor)
    unit = Fraction(1, 10**18)
    assert 0 <= exact - Fraction(divide_down(dividend, divisor)) < unit
    assert 0 <= Fraction(divide_up(dividend, divisor)) - exact < unit
    assert abs(Fraction(divide_even(dividend, divisor)) - exact) <= unit / 2


@given(numbers, numbers)
@modestly(20)
def test_products_are_cut_toward_zero_at_fifty_digits(left: Decimal, right: Decimal) -> None:
    product = multiply(left, right)
    exact = Fraction(left) * Fraction(right)
    assert 0 <= exact - Fraction(product) <= exact / 10**49
    assert len(product.as_tuple().digits) <= 50


def test_a_sum_that_cannot_be_exact_is_an_error_and_not_a_rounding() -> None:
    with pytest.raises(Inexact):
        add(Decimal(10) ** 40, Decimal("1E-18"))
    assert add_even(Decimal(10) ** 40, Decimal("1E-18")) == Decimal(10) ** 40


@given(numbers)
@modestly(20)
def test_tidy_changes_the_spelling_and_not_the_number(value: Decimal) -> None:
    tidied = tidy(value * 10**20)
    assert tidied == value * 10**20
    assert "E" not in str(tidied) or tidied.adjusted() < -6
    assert plain(tidied).rstrip("0") == plain(tidied) or "." not in plain(tidied)


def test_only_plain_decimal_numbers_are_numbers() -> None:
    assert parse_number("-12.50") == Decimal("-12.50")
    for text in (
        "",
        "1e5",
        "NaN",
        "1_000",
        "+1",
        "1.",
        ".5",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "1" * 19,
        "0." + "1" * 19,
        "1\n",
    ):
        assert parse_number(text) is None
