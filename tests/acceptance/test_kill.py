"""SIGKILL in the middle of bursts: after every restart nothing is lost and nothing is doubled."""

import time
from pathlib import Path

import pytest

from tests.acceptance.aims import AIMS, Aim, at_any_moment
from tests.acceptance.ordeal import Ordeal
from tests.acceptance.stages import Stage, Tally
from tests.proofs import tell

EACH_AT_LEAST = 3
ROUNDS_MORE = 10
BLIND_EVERY = 5


@pytest.mark.slow
@pytest.mark.ci_slice
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_doubled_over_twenty_kills(open_folder: Path) -> None:
    survive(open_folder, 20)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_nothing_is_lost_and_nothing_doubled_over_a_hundred_kills(open_folder: Path) -> None:
    survive(open_folder, 100)


def survive(folder: Path, rounds: int) -> None:
    began = time.monotonic()
    seed = time.time_ns() % 1_000_000
    print(f"\nseed {seed}")
    with Ordeal.begun(folder, seed=seed) as ordeal:
        done = 0
        while done < rounds or (_rarest(ordeal.tally)[1] < EACH_AT_LEAST and done < rounds + ROUNDS_MORE):
            ordeal.round(_next_aim(ordeal.tally, done))
            done += 1
        ordeal.end()
        tell(f"SIGKILL, {done} rounds in {time.monotonic() - began:.0f} s:\n{ordeal.tally.table()}")
        assert _rarest(ordeal.tally)[1] >= EACH_AT_LEAST


def _next_aim(tally: Tally, done: int) -> Aim:
    return at_any_moment if done % BLIND_EVERY == BLIND_EVERY - 1 else AIMS[_rarest(tally)[0]]


def _rarest(tally: Tally) -> tuple[Stage, int]:
    stage = min(Stage, key=lambda each: tally.kills[each])
    return stage, tally.kills[stage]
