from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from orderwright.config.reading import (
    Duration,
    Fault,
    did_you_mean,
    duration_text,
    read_duration,
    read_table,
    read_value,
)


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        (0, 0),
        (30, 30_000_000),
        (Decimal("0.5"), 500_000),
        (0.25, 250_000),
        ("30", 30_000_000),
        ("500ms", 500_000),
        ("1.5s", 1_500_000),
        ("2m", 120_000_000),
        (" 1 h ", 3_600_000_000),
        ("1d", 86_400_000_000),
        ("366d", 366 * 86_400_000_000),
    ],
)
def test_durations_are_seconds_or_carry_a_unit(written: object, micros: int) -> None:
    assert read_duration(written, "key") == micros


@pytest.mark.parametrize(
    "written",
    [-1, "-1s", "", "s", "1w", "1s2m", "1e3s", "٣s", True, None, [], Decimal("NaN"), Decimal("1e99"), "367d", 10**400],
)
def test_what_is_no_duration_is_a_fault(written: object) -> None:
    assert isinstance(read_duration(written, "key"), list)


@pytest.mark.parametrize("written", [1, 0, -3, "12.5", Decimal("0.1"), "1" * 18 + "." + "1" * 18])
def test_numbers_are_read_exactly(written: object) -> None:
    assert read_value(Decimal, written, "key") == Decimal(str(written))


@pytest.mark.parametrize(
    "written", ["1e3", "NaN", "inf", "1_000", "\uff11", "", "+1", ".5", "1" * 19, True, Decimal("NaN"), 10**400]
)
def test_what_is_no_plain_number_is_a_fault(written: object) -> None:
    assert isinstance(read_value(Decimal, written, "key"), list)


class Shelf(Struct, frozen=True, kw_only=True):
    label: str
    width: Decimal = Decimal(1)
    age: Duration = Duration(0)
    stock: dict[str, Decimal] = {}


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    JUNK
    | st.dictionaries(st.sampled_from(["label", "width", "age", "stock", "labl"]), JUNK)
    | st.fixed_dictionaries({"label": st.text()}, optional={"age": st.integers(0, 9), "width": st.integers(0, 9)})
)
def test_anything_is_read_or_is_a_list_of_faults(table: object) -> None:
    read = read_table(Shelf, table, "shelf")
    if isinstance(read, list):
        assert read
        assert all(isinstance(fault, Fault) and fault.key.startswith("shelf") for fault in read)
    else:
        assert isinstance(read.label, str)
        assert read.width.is_finite()


def test_a_guess_is_made_only_if_something_is_close() -> None:
    assert did_you_mean("prot", {"port": 0, "host": 0}) == " Did you mean port?"
    assert did_you_mean("warning", {"INFO": 0, "WARNING": 0}) == " Did you mean WARNING?"
    assert did_you_mean("xyz", {"port": 0, "host": 0}) == ""


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0s"), (500_000, "500ms"), (2_000_000, "2s"), (90_000_000, "90s"), (3_600_000_000, "1h"), (1, "0.000001s")],
)
def test_a_duration_is_shown_in_its_largest_whole_unit(micros: int, text: str) -> None:
    assert duration_text(micros) == text


@given(st.integers(0, 366 * 86_400_000_000))
def test_a_duration_that_is_shown_is_read_again_as_the_same(micros: int) -> None:
    assert read_duration(duration_text(micros), "key") == micros
