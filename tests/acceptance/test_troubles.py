"""What befalls a running engine from outside: afterwards nothing is lost and nothing is doubled."""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.jumping_engine import ShiftedClock
from tests.acceptance.ordeal import Ordeal, Setup
from tests.acceptance.troubles import (
    LEASE,
    Trouble,
    beside_cuts,
    clock_jumps,
    cut_off_from_the_database,
    cut_off_from_the_exchange,
    database_crashes,
    database_is_away,
    disk_fills_up,
    killed,
    stopped_beyond_its_lease,
    two_start_at_once,
)
from tests.proofs import tell
from tests.small_disk import small_disk

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHORT_LEASE = f'[store]\nlease_ttl = "{LEASE}s"\n[http]\nwebhook_wait = "1s"\n'


def endured(folder: Path, troubles: list[Trouble], setup: Setup | None = None) -> Counter[str]:
    """Let one trouble after the other come over an engine; return what was survived."""
    began, seed = time.monotonic(), time.time_ns() % 1_000_000
    print(f"\nseed {seed}")
    with Ordeal.begun(folder, seed=seed, setup=setup) as ordeal:
        for trouble in troubles:
            ordeal.endure(trouble)
        ordeal.end()
        counts = ", ".join(f"{count} x {what}" for what, count in ordeal.survived.items())
        tell(f"{counts}: {len(troubles)} bursts in {time.monotonic() - began:.0f} s, nothing lost, nothing doubled")
        return ordeal.survived


def test_connections_to_the_exchange_cut_at_random_lose_and_double_nothing(open_folder: Path) -> None:
    assert endured(open_folder, [cut_off_from_the_exchange] * 3).total() >= 60


def test_connections_to_the_database_cut_at_random_lose_and_double_nothing(open_folder: Path) -> None:
    survived = endured(open_folder, [cut_off_from_the_database] * 5, Setup(is_distant=True))
    assert survived.total() >= 100


def test_a_database_that_crashes_under_load_is_started_again_by_the_engine(open_folder: Path) -> None:
    endured(open_folder, [database_crashes] * 10)


@pytest.mark.ci_slice
def test_while_the_database_is_away_nothing_is_taken_nothing_leaves_and_a_person_is_told(open_folder: Path) -> None:
    endured(open_folder, [database_is_away], Setup(is_distant=True, config=SHORT_LEASE))


def test_an_engine_stopped_beyond_its_lease_and_continued_doubles_nothing(open_folder: Path) -> None:
    endured(open_folder, [stopped_beyond_its_lease] * 10, Setup(config=SHORT_LEASE))


def test_of_two_engines_started_at_once_one_serves(open_folder: Path) -> None:
    endured(open_folder, [two_start_at_once] * 10)


def test_a_full_disk_loses_and_doubles_nothing(open_folder: Path) -> None:
    with small_disk(open_folder, megabytes=160) as disk:
        endured(open_folder, [disk_fills_up(disk)] * 6, Setup(disk=disk.folder))


def test_all_of_it_together_loses_and_doubles_nothing(open_folder: Path) -> None:
    troubles = (killed, stopped_beyond_its_lease, two_start_at_once, cut_off_from_the_database, database_is_away)
    endured(open_folder, [beside_cuts(each) for each in troubles * 2], Setup(is_distant=True, config=SHORT_LEASE))


@pytest.fixture
def shifted(tmp_path: Path) -> ShiftedClock:
    return ShiftedClock(tmp_path / "offset")


# What was in doubt when it was put back by an hour waits for that hour, unless it is put right.
@pytest.mark.parametrize("seconds", [5.0, 3_600.0, -3_600.0])
def test_a_clock_that_jumps_and_jumps_back_loses_and_doubles_nothing(
    open_folder: Path, shifted: ShiftedClock, seconds: float
) -> None:
    jumps = [clock_jumps(shifted, by) for by in (seconds, -seconds)]
    endured(open_folder, jumps, Setup(command=shifted.command))
