"""The demo as a person runs it: every claim true, and nothing left of it, also when it is interrupted."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.processes

DEMO = [sys.executable, "-m", "orderwright", "demo"]


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder for temporary files that any user may pass through, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="demo-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def start(place: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        DEMO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(place), "ORDERWRIGHT_HTTP__PORT": "nonsense"},
    )


def assert_nothing_is_left(place: Path) -> None:
    assert list(place.iterdir()) == []
    named = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert [words for words in named if any(str(place) in word for word in words)] == []


def test_every_claim_of_the_demo_is_true_and_nothing_is_left_of_it(place: Path) -> None:
    demo = start(place)
    written, _ = demo.communicate(timeout=110)
    assert demo.returncode == 0, written
    assert "NOT TRUE" not in written
    assert "claims were checked, and are true." in written
    assert "\x1b" not in written, "plain text without a terminal"
    for shown in ("LIMIT", "MARKET", "CANCEL_ALL_ORDER", "duplicate", "qty_per: -100", "kill -9", "replay", "verify"):
        assert shown in written
    assert_nothing_is_left(place)


def interrupt(place: Path, moment: str, number: int) -> None:
    demo = start(place)
    assert demo.stdout is not None
    for line in demo.stdout:
        if moment in line:
            break
    demo.send_signal(number)
    written, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, written
    assert_nothing_is_left(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_interrupted_while_it_sets_up_leaves_nothing_behind(place: Path, number: int) -> None:
    interrupt(place, "> orderwright setup", number)


@pytest.mark.slow
@pytest.mark.ci_slice
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_interrupted_after_it_killed_the_engine_leaves_nothing_behind(place: Path, number: int) -> None:
    interrupt(place, "> kill -9", number)
