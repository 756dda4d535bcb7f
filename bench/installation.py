"""The product as it is installed and run: set up in a temporary folder, declared, served by a process of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.load import Sender

_READY = "ready at "
_PATIENCE = 60


class ProcessFailed(Exception):
    """A process of the benchmark ended or never came up; the message has what it said last."""


class Served(Struct, frozen=True, kw_only=True):
    """A running server, by its port and process id."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"


class Link(Struct, frozen=True, kw_only=True):
    """A strategy on an account."""

    strategy: str
    account: str


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that every user may pass through, since PostgreSQL may have to run as another one."""
    folder = Path(tempfile.mkdtemp(prefix="orderwright-bench-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def install(data: Path, links: Sequence[Link], *, exchange_url: str | None = None) -> dict[str, Sender]:
    """Set up an installation with these strategies and accounts; return a sender per strategy.

    The accounts are at the paper exchange at `exchange_url`, or at the one in the engine's process.

    Raises:
        ProcessFailed: a command failed.
    """
    _command("setup", "--data", str(data))
    declaration = data.parent / f"{data.name}.toml"
    declaration.write_text(_declaration(links, exchange_url))
    answer = msgspec.json.decode(_command("apply", str(declaration), "--data", str(data), "--json"))
    return {token["strategy"]: Sender(strategy=token["strategy"], token=token["token"]) for token in answer["tokens"]}


@contextmanager
def engine(data: Path, *, exchange_times: Path | None = None) -> Iterator[Served]:
    """Run the engine on an installation; with `exchange_times` each placement's own time is written there at the end.

    Raises:
        ProcessFailed: it did not come up.
    """
    program = ["orderwright", "serve"] if exchange_times is None else ["bench.timed_serve", str(exchange_times)]
    with process([*program, "--data", str(data), "--port", "0"]) as served:
        yield served


@contextmanager
def paper_exchange(books: Path) -> Iterator[Served]:
    """Run a paper exchange in a process of its own, with its books in that folder.

    Raises:
        ProcessFailed: it did not come up.
    """
    with process(["orderwright", "paper-exchange", "--data", str(books), "--port", "0"]) as served:
        yield served


@contextmanager
def process(arguments: Sequence[str]) -> Iterator[Served]:
    """Run `python -m` with these arguments until the context ends; it has to say `ready at URL` on standard output.

    Raises:
        ProcessFailed: it ended before that.
    """
    with tempfile.TemporaryFile("w+") as complaints:
        running = subprocess.Popen(
            [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stderr=complaints, text=True, env=_environment()
        )
        try:
            line = running.stdout.readline() if running.stdout else ""
            if not line.startswith(_READY):
                complaints.seek(0)
                message = f"{' '.join(arguments)} did not come up: {complaints.read()[-2_000:]}"
                raise ProcessFailed(message)
            yield Served(port=int(line.strip().rpartition(":")[2]), pid=running.pid)
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            if running.stdout:
                running.stdout.close()


def _command(*arguments: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "orderwright", *arguments],
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
        env=_environment(),
    )
    if done.returncode:
        message = f"orderwright {arguments[0]} failed: {done.stderr.decode()[-2_000:]}"
        raise ProcessFailed(message)
    return done.stdout


def _environment() -> dict[str, str]:
    # Somebody's own settings must not decide what is measured.
    return {name: value for name, value in os.environ.items() if not name.startswith("ORDERWRIGHT_")}


def _declaration(links: Sequence[Link], exchange_url: str | None) -> str:
    lines = ['[[users]]\nname = "bench"']
    where = "" if exchange_url is None else f'\nurl = "{exchange_url}"'
    lines += [
        f'[[accounts]]\nname = "{name}"\nowner = "bench"\nexchange = "paper"\n'
        f'balances = {{ USDT = "1000000000" }}{where}'
        for name in dict.fromkeys(link.account for link in links)
    ]
    lines += [
        f'[[strategies]]\ngroup_name = "{name}"\nowner = "bench"\nmarket_type = "FUTURES"'
        for name in dict.fromkeys(link.strategy for link in links)
    ]
    lines += [
        f'[[links]]\nstrategy = "{link.strategy}"\naccount = "{link.account}"\n'
        'capital = { USDT = "100000000" }\nleverage = 2'
        for link in links
    ]
    return "\n".join(lines) + "\n"
