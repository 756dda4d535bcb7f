"""A log that is made for a benchmark is one that the product could have written."""

from itertools import count
from pathlib import Path

import pytest

from bench.declared import declared_links
from bench.installation import install
from bench.long_log import LongLog
from orderwright.eventstore.verify import verify
from orderwright.moments import SECOND, Micros
from orderwright.readmodels.replay import replay


@pytest.mark.slow
def test_a_made_log_passes_verification_and_leaves_nothing_open(open_folder: Path) -> None:
    install(open_folder / "data", declared_links(4, 2))
    moments = (Micros(1_700_000_000 * SECOND + number * SECOND) for number in count())
    with LongLog(open_folder / "data") as log:
        before = log.position
        for _ in range(2):
            log.extend(["s0000", "s0001", "s0000"], moments)
        assert verify(log.reader).events == log.position == before + 4 + 6 * (2 + 2 * 6)
        heads = [head for head in log.reader.streams() if head.stream.startswith("strategy-account/")]
        assert sorted(head.version for head in heads) == [13, 13, 25, 25]
        for head in log.reader.streams():
            assert not head.attention
        for head in heads:
            state = replay(head.stream, log.reader.read_stream(head.stream)).state
            assert state.orders == {}
            assert not state.has_unfinished_business
            assert state.last_sequence == (head.version - 1) // 6
