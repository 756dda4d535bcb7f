"""On a full disk nothing that was acknowledged is lost, and everything goes on by itself when there is room again."""

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orderwright.clock import SystemClock
from orderwright.eventstore.connect import LogPlace, WritableLog, open_log, open_log_for_writing
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.server_errors import DiskFull
from orderwright.eventstore.store import ANY_VERSION, Appended, AppendFailed, AppendOutcome
from orderwright.eventstore.verify import verify
from tests.eventstore.logs import PATIENCE, OpenedLog, appended, appending
from tests.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.processes

LARGE = '"' + "x1" * 25_000 + '"'


@pytest.fixture
def disk(open_folder: Path) -> Iterator[SmallDisk]:
    with small_disk(open_folder, megabytes=140) as disk:
        yield disk


@pytest.fixture
def log(disk: SmallDisk) -> Iterator[WritableLog]:
    place = LogPlace(directory=disk.folder / "data")
    with open_log_for_writing(place, clock=SystemClock(), on_fenced=print) as log:
        appended(OpenedLog(log.reader, log.writer).append("a", expected=0))
        yield log


def eventually(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


# With nothing left the log's table cannot grow; with a little, PostgreSQL's own journal fails first, and it stops.
@pytest.mark.parametrize("leaving", [0, 13])
def test_what_was_acknowledged_is_kept_and_the_writer_goes_on_when_there_is_room(
    disk: SmallDisk, log: WritableLog, leaving: int
) -> None:
    ends: queue.SimpleQueue[AppendOutcome] = queue.SimpleQueue()
    disk.fill(leaving=leaving)
    sent = 0
    while not log.writer.trouble:
        log.writer.append(appending("a", LARGE, expected=ANY_VERSION), ends.put)
        sent += 1
        time.sleep(0.005)
        assert sent < 5_000
    eventually(lambda: "No space left" in log.writer.trouble or "disk is full" in log.writer.trouble)

    disk.make_room()

    eventually(lambda: not log.writer.trouble)
    outcomes = [ends.get(timeout=PATIENCE) for _ in range(sent)]
    assert all(isinstance(outcome, Appended | AppendFailed) for outcome in outcomes)
    kept = sum(isinstance(outcome, Appended) for outcome in outcomes)
    assert appended(OpenedLog(log.reader, log.writer).append("a", expected=ANY_VERSION)).version == kept + 2
    assert verify(log.reader).events == kept + 2
    assert log.writer.holds_lease


def test_a_full_disk_is_named_at_start_and_nothing_is_lost_by_it(disk: SmallDisk) -> None:
    place = LogPlace(directory=disk.folder / "data")
    with open_log_for_writing(place, clock=SystemClock(), on_fenced=print) as log:
        appended(OpenedLog(log.reader, log.writer).append("a", expected=0))
    disk.fill()

    with pytest.raises(DiskFull, match="Make room on that disk"):
        EmbeddedPostgres(disk.folder / "data").start()

    disk.make_room()
    with open_log(place) as again:
        assert verify(again.reader).events == 1
