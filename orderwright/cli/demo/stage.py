"""The temporary place in which the demo plays: its processes and its folder, ended and removed however it goes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct

from orderwright.clock import monotonic
from orderwright.errors import OrderwrightError
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postmaster import find_postmaster

SETTINGS = """\
[http]
webhook_wait = "10s"    # on a busy machine, too, replies are to tell of results

[orders]
valid_for = "3s"        # an order that a crash kept from leaving is given up sooner than in earnest
poll_interval = "1s"

[paper]
feed = "fixed"          # prices stand still, so that every figure on the screen can be recomputed
"""

_READY = "ready at "
_PATIENCE = 60.0
_LOOK_SECONDS = 0.02
_GRACE = 15.0
_TOLD = 2_000


class StageError(OrderwrightError):
    """A part of the demo could not be started, or a command failed; the message has its own last words."""


class Actor(Struct, frozen=True, kw_only=True):
    """A process that stays: its address, and where its output goes."""

    process: "subprocess.Popen[bytes]"
    url: str
    output: Path

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid


class Stage:
    """Make it, then `close` it in any case. Children have sessions of their own: Ctrl-C is for the demo to handle."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="orderwright-demo-"))
        # Run as root, PostgreSQL gets a user of its own, who must be able to pass through.
        self.folder.chmod(0o711)
        self.data = self.folder / "engine"
        self._settings = self.folder / "demo.toml"
        self._settings.write_text(SETTINGS)
        self._engine: Actor | None = None
        self._exchange: Actor | None = None
        self._command: subprocess.Popen[str] | None = None
        self._started = 0

    @property
    def engine(self) -> Actor:
        """The engine that was started last."""
        if self._engine is None:
            message = "the engine was never started"
            raise StageError(message)
        return self._engine

    @property
    def exchange(self) -> Actor:
        """The paper exchange."""
        if self._exchange is None:
            message = "the paper exchange was never started"
            raise StageError(message)
        return self._exchange

    def start_exchange(self) -> None:
        """Start the paper exchange, with its books apart from the engine's data.

        Raises:
            StageError: it does not come up.
        """
        books = self.folder / "exchange"
        self._exchange = self._start("paper-exchange", "--data", str(books), "--port", "0", *self._with_settings())

    def start_engine(self) -> None:
        """Start the engine.

        Raises:
            StageError: it does not come up.
        """
        self._engine = self._start("serve", "--data", str(self.data), "--port", "0", *self._with_settings())

    def kill_engine(self) -> int:
        """Kill the engine as `kill -9` does, and return the signal's number that it ended by."""
        self.engine.process.send_signal(signal.SIGKILL)
        return -self.engine.process.wait(_GRACE)

    def stop_engine(self) -> int:
        """Ask the engine to stop, as a machine that is shut down does, and return its exit code.

        Raises:
            StageError: it does not stop in time.
        """
        self.engine.process.terminate()
        try:
            return self.engine.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired as exc:
            message = f"the engine (process {self.engine.pid}) does not stop"
            raise StageError(message) from exc

    def run(self, *arguments: str) -> str:
        """Run a command on the installation to its end and return what it wrote to stdout.

        Raises:
            StageError: it failed, with what it said.
        """
        words = [*_program(), *arguments, "--data", str(self.data), *self._with_settings()]
        self._command = subprocess.Popen(  # noqa: S603 -- our own program
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(), start_new_session=True
        )
        try:
            written, said = self._command.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired as exc:
            message = f"`orderwright {arguments[0]}` did not end within {_PATIENCE:.0f} s"
            raise StageError(message) from exc
        if self._command.returncode != 0:
            message = f"`orderwright {arguments[0]}` ended with {self._command.returncode}: {said[-_TOLD:].strip()}"
            raise StageError(message)
        self._command = None
        return written

    def close(self) -> list[str]:
        """End every process and remove the folder; return what could not be ended or removed."""
        left: list[str] = []
        with ExitStack() as stack:
            stack.callback(self._remove, left)
            stack.callback(self._end_database, left)
            for process in (self._exchange, self._engine):
                if process is not None:
                    stack.callback(_end, process.process, left)
            if self._command is not None:
                # Nothing is to be awaited of a command that was cut short, nor of what it runs itself.
                stack.callback(_kill, self._command, left)
        return left

    def _with_settings(self) -> tuple[str, str]:
        return "--config", str(self._settings)

    def _start(self, *arguments: str) -> Actor:
        self._started += 1
        output = self.folder / f"{self._started}-{arguments[0]}.out"
        with output.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 -- our own program
                [*_program(), *arguments], stdout=file, stderr=file, env=_environment(), start_new_session=True
            )
        try:
            url = _awaited(process, output, arguments[0])
        except BaseException:
            _end(process, [])
            raise
        return Actor(process=process, url=url, output=output)

    def _end_database(self, left: list[str]) -> None:
        cluster = self.data / "postgres" / "cluster"
        if find_postmaster(cluster) is None:
            return
        try:
            # It outlives an engine that was killed: become its user once more, the last one to leave stops it.
            with EmbeddedPostgres(self.data):
                pass
        except OrderwrightError as exc:
            left.append(str(exc))
        if (running := find_postmaster(cluster)) is not None:
            left.append(f"PostgreSQL (process {running.pid})")

    def _remove(self, left: list[str]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            left.append(f"the folder {self.folder}")


def _program() -> list[str]:
    return [sys.executable, "-m", "orderwright"]


def _environment() -> dict[str, str]:
    # What configures somebody's own installation is not to reach this one.
    return {name: value for name, value in os.environ.items() if not name.startswith("ORDERWRIGHT_")}


def _awaited(process: "subprocess.Popen[bytes]", output: Path, name: str) -> str:
    until = monotonic() + _PATIENCE
    while monotonic() < until:
        lines = output.read_text(errors="replace").splitlines(keepends=True)
        for line in lines:
            if line.startswith(_READY) and line.endswith("\n"):
                return line.removeprefix(_READY).strip()
        if process.poll() is not None:
            message = f"`orderwright {name}` ended with {process.returncode}: {''.join(lines)[-_TOLD:].strip()}"
            raise StageError(message)
        time.sleep(_LOOK_SECONDS)
    message = f"`orderwright {name}` was not ready within {_PATIENCE:.0f} s"
    raise StageError(message)


def _end(process: "subprocess.Popen[bytes]", left: list[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            _kill(process, left)


def _kill(process: "subprocess.Popen[bytes] | subprocess.Popen[str]", left: list[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            left.append(f"process {process.pid}")
