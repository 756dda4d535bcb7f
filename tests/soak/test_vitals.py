"""A growth is seen, and noise is none."""

import pytest

from tests.soak.vitals import trend


def test_a_steady_growth_is_what_was_added_from_first_to_last() -> None:
    found = trend([0, 1, 2, 3, 4], [100, 101, 102, 103, 104])
    assert found.growth == pytest.approx(4)
    assert found.share == pytest.approx(4 / 102)


def test_going_up_and_down_is_no_growth() -> None:
    found = trend([0, 1, 2, 3, 4], [100, 110, 90, 110, 100])
    assert found.growth == pytest.approx(0)
    assert (found.least, found.most) == (90, 110)
