"""Five times what the engine can do: refused before it is stored, with memory flat, and all as before soon after."""

import pytest
from msgspec.structs import replace

from bench.figures import Verdict
from bench.overload import measure
from bench.scale import USUAL, Scale
from tests.proofs import tell

SHORT = replace(USUAL, round_seconds=0.6, strategies=8, overload_seconds=4.0, aftermath_seconds=6.0)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_minute_at_five_times_capacity_loses_no_stored_signal_and_leaves_nothing_behind() -> None:
    assert missed(replace(USUAL, overload_seconds=60.0)) == []


@pytest.mark.slow
@pytest.mark.ci_slice
@pytest.mark.timeout(200)
def test_a_few_seconds_at_five_times_capacity_lose_no_stored_signal_and_leave_nothing_behind() -> None:
    # How soon all is as before says nothing on a machine that others use, too.
    assert [name for name in missed(SHORT) if "normal again" not in name] == []


def missed(scale: Scale) -> list[str]:
    """Measure, and return the names of the figures whose bar was missed."""
    finding = measure(scale)
    lines = [f"{each.name}: {each.reached:,.1f} {each.unit}" for each in finding.figures]
    tell("\n".join([*lines, finding.note]))
    return [each.name for each in finding.figures if each.verdict is Verdict.MISSED]
