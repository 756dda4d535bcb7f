"""PostgreSQL's client programs, run so that nobody who lists processes sees a password, and told of while they run."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from psycopg.pq import Conninfo

from orderwright.eventstore.binaries import installed_binaries
from orderwright.eventstore.store import EventStoreError

_TOLD = 2_000


class ProgramFailed(EventStoreError):
    """One of PostgreSQL's programs ended badly; the message ends with what it said itself."""


def environment(conninfo: str) -> dict[str, str]:
    """Return the environment in which PostgreSQL's programs connect as the connection string says."""
    said = {
        option.envvar.decode(): option.val.decode()
        for option in Conninfo.parse(conninfo.encode())
        if option.envvar is not None and option.val is not None
    }
    return {**os.environ, **said, "LC_ALL": "C"}


@contextmanager
def running(
    program: str,
    options: Sequence[str | Path],
    *,
    conninfo: str | None = None,
    takes: bool = False,
    gives: bool = False,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program for as long as the context lasts; what it `takes` is written to stdin, what it `gives` read.

    Leaving the context waits for its end; leaving it with an error kills it.

    Raises:
        BinariesMissing: the programs are not installed.
        ProgramFailed: it ended badly.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603
            [str(installed_binaries() / program), *map(str, options)],
            stdin=subprocess.PIPE if takes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if gives else subprocess.DEVNULL,
            stderr=errors,
            env=None if conninfo is None else environment(conninfo),
        )
        try:
            yield process
        except BrokenPipeError:
            # Its own words, which follow, say why it listens no more.
            _close(process.stdin)
        except BaseException:
            process.kill()
            raise
        finally:
            _close(process.stdin)
            _close(process.stdout)
            process.wait()
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-_TOLD:]
            message = f"{program} failed ({process.returncode}). It said:\n{said}"
            raise ProgramFailed(message)


def wait(process: "subprocess.Popen[bytes]", *, every: float, tell: Callable[[], None]) -> None:
    """Wait for the program's end, and call `tell` every so many seconds."""
    while True:
        try:
            process.wait(every)
        except subprocess.TimeoutExpired:
            tell()
        else:
            return


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        try:
            stream.close()
        except BrokenPipeError:
            return
