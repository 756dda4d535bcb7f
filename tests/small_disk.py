"""A disk so small that a test can fill it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_MEGABYTE = 1_000_000


class SmallDisk:
    """A file system of its own; `fill` leaves so many megabytes free, `make_room` gives back what was filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, *, leaving: int = 0) -> None:
        with self._ballast.open("ab") as ballast, suppress(OSError):
            while True:
                os.write(ballast.fileno(), bytes(_MEGABYTE))
        size = self._ballast.stat().st_size
        os.truncate(self._ballast, max(0, size - leaving * _MEGABYTE))

    def make_room(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(parent: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a small disk below `parent`, or skip the test where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = Path(tempfile.mkdtemp(prefix="small-", dir=parent))
    options = f"size={megabytes}m,mode=0711"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("mounting is not allowed here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
