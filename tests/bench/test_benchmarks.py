"""Every benchmark runs, tiny, on the real parts: a figure that cannot be measured any more is noticed here."""

import pytest

from bench.command import BENCHMARKS
from bench.scale import TINY


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_tiny_run_has_figures_above_zero(name: str) -> None:
    finding = BENCHMARKS[name](TINY)
    assert finding.figures
    assert finding.note
    for figure in finding.figures:
        assert figure.reference is None or figure.reference > 0
        # Counts may be none, memory may be given back, and a recovery or a share of a thread may be too short to see.
        if figure.unit not in {"", "KB", "s"} and not figure.name.startswith("CPU"):
            assert figure.reached > 0
