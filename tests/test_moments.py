"""Moments and spans of time, as people read them."""

import pytest

from orderwright.moments import DAY, HOUR, SECOND, span_text


@pytest.mark.parametrize(
    ("micros", "told"),
    [
        (0, "0.0 s"),
        (SECOND * 5 // 2, "2.5 s"),
        (119 * SECOND, "119.0 s"),
        (120 * SECOND, "2 min"),
        (2 * HOUR - 1, "119 min"),
        (30 * HOUR, "30 h"),
        (2_516 * DAY, "2,516 days"),
    ],
)
def test_a_span_is_told_in_one_unit(micros: int, told: str) -> None:
    assert span_text(micros) == told
