"""Who really serves a data directory: the pid file is believed only if that process is the server of that folder."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
from msgspec import Struct

from orderwright.clock import monotonic
from orderwright.eventstore.server_errors import ServerFailed

READY = "ready"

_POLL = 0.02
_LINES = 8


class Postmaster(Struct, frozen=True, kw_only=True):
    """A living server; `status` is starting, ready, stopping or standby ("" while it has not said)."""

    pid: int
    port: int
    socket_folder: Path | None
    status: str


def find_postmaster(cluster: Path) -> Postmaster | None:
    """Return the server that runs on `cluster` (the folder with PG_VERSION), or None."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    if not _serves(pid, cluster):
        return None
    # A server that has just been started has not written every line yet.
    lines += [""] * (_LINES - len(lines))
    return Postmaster(
        pid=pid,
        port=int(lines[3] or 0),
        socket_folder=Path(lines[4]) if lines[4] else None,
        status=lines[7].strip(),
    )


def remove_stale_pid_file(cluster: Path) -> None:
    """Remove the pid file of a server that is gone, whoever has its pid now.

    Without it PostgreSQL still refuses to start while an orphan of the old server lives (its shared memory tells).
    """
    if find_postmaster(cluster) is None:
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def wait_until_ready(cluster: Path, patience: float, *, every: float, tell: Callable[[str], None]) -> Postmaster | None:
    """Wait, at most `patience` seconds, until the server of `cluster` takes connections; None if it has ended.

    `tell` is called `every` so many seconds with what the server is doing: crash recovery can take minutes.

    Raises:
        ServerFailed: it is still not ready.
    """
    began = told = monotonic()
    while (running := find_postmaster(cluster)) is not None:
        if running.status == READY:
            return running
        now, doing = monotonic(), running.status or "starting"
        if now > began + patience:
            message = f"PostgreSQL (process {running.pid}) is still {doing} after {patience:.0f} s"
            raise ServerFailed(message)
        if now > told + every:
            told = now
            tell(doing)
        time.sleep(_POLL)
    return None


def _serves(pid: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = process.cmdline()
        # Its children carry titles such as "postgres: checkpointer".
        if not words or Path(words[0]).name != "postgres":
            return False
        return _same_folder(_working_folder(process, words), cluster)
    except psutil.Error:
        return False


def _working_folder(process: psutil.Process, words: list[str]) -> str:
    try:
        return process.cwd()
    except psutil.AccessDenied:
        # A container's root may be without the right to look; the command line is open to all.
        return words[words.index("-D") + 1] if "-D" in words[:-1] else ""


def _same_folder(found: str, cluster: Path) -> bool:
    try:
        return Path(found).samefile(cluster)
    except OSError:
        return False
