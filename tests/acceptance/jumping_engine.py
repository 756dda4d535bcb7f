"""An engine whose clock a test puts forward and back while it runs, by an offset in a file that both of them map."""

import mmap
import os
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from orderwright import bootstrap
from orderwright.cli.options import existing_installation
from orderwright.clock import SystemClock
from orderwright.moments import Micros

_SIZE = 8


class ShiftedClock:
    """The machine's clock, wrong by an offset (microseconds) that is kept in a file."""

    def __init__(self, file: Path) -> None:
        with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as opened:
            opened.truncate(_SIZE)
            self._shared = mmap.mmap(opened.fileno(), _SIZE)
        self._clock = SystemClock()
        self.command = (sys.executable, "-m", __name__, str(file))

    def put_forward(self, by: int) -> None:
        """Be wrong by so many microseconds more; fewer than none put it back."""
        self._shared[:] = (self._offset() + by).to_bytes(_SIZE, "little", signed=True)

    def now(self) -> Micros:
        return Micros(self._clock.now() + self._offset())

    def _offset(self) -> int:
        return int.from_bytes(self._shared[:], "little", signed=True)


def serve(words: Sequence[str]) -> None:
    """Do as `orderwright serve` does, by another clock."""
    parser = ArgumentParser()
    parser.add_argument("clock", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--port", type=int)
    given = parser.parse_args(words)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    bootstrap.serve(
        existing_installation(given.data, given.config, port=given.port),
        stopping=stopping,
        on_ready=lambda url: print(f"ready at {url}", flush=True),
        clock=ShiftedClock(given.clock),
    )


if __name__ == "__main__":
    serve(sys.argv[1:])
