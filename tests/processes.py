"""The product's own processes as tests start them: the engine, the commands, and the database they leave behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from msgspec import Struct

from orderwright.eventstore.connect import LogPlace, OpenLog, open_log
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postmaster import find_postmaster

COMMAND = (sys.executable, "-m", "orderwright")
SERVE = (*COMMAND, "serve")

T = TypeVar("T")

_POLL = 0.005
_READY_WITHIN = 60.0
_GONE_WITHIN = 30.0


class CommandResult(Struct, frozen=True, kw_only=True):
    """What a command left: its exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


def orderwright(
    *arguments: object, timeout: float = 60.0, environment: Mapping[str, str] | None = None
) -> CommandResult:
    """Run a command to its end; `environment` comes on top of ours, which has no ORDERWRIGHT_ variables."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**_environment(), **(environment or {})},
    )
    return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr)


def wait_until(condition: Callable[[], T | None], *, within: float = 20.0, what: str = "it") -> T:
    """Return the first true thing that `condition` returns."""
    ends = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < ends, f"waited {within} s in vain for {what}"
        time.sleep(_POLL)
    return found


class Place(Struct, frozen=True, kw_only=True):
    """A data directory that has been set up, its administrator's token, and the configuration to run it with."""

    data: Path
    admin_token: str
    config: Path

    @property
    def options(self) -> tuple[object, ...]:
        return "--data", self.data, "--config", self.config

    def apply(self, declaration: str) -> dict[str, Any]:
        """Apply a declaration with the command; return what it says with --json."""
        file = self.data.parent / f"{self.data.name}.declaration.toml"
        file.write_text(declaration, "utf-8")
        applied: dict[str, Any] = orderwright("apply", file, *self.options, "--json").json
        return applied

    def open_log(self) -> OpenLog:
        """Open the log for reading, whether or not an engine runs."""
        return open_log(LogPlace(directory=self.data))


@contextmanager
def installation(parent: Path, config: str = "") -> Iterator[Place]:
    """Set up a data directory below `parent`; at the end its database is stopped, whoever left it running, and removed.

    `parent` must be a folder that every user may pass through: see `open_folder`.
    """
    home = Path(tempfile.mkdtemp(prefix="i-", dir=parent))
    home.chmod(0o711)
    data, file = home / "data", home / "config.toml"
    file.write_text(config, "utf-8")
    try:
        token = orderwright("setup", "--data", data, "--config", file, "--json").json["admin_token"]
        yield Place(data=data, admin_token=token, config=file)
    finally:
        stop_database(data)
        shutil.rmtree(home)


def stop_database(data: Path) -> None:
    """Stop the PostgreSQL that a killed engine has left running in its data directory, if there is one."""
    cluster = data / "postgres" / "cluster"
    server = find_postmaster(cluster)
    if server is not None:
        os.kill(server.pid, signal.SIGINT)
        wait_until(lambda: find_postmaster(cluster) is None, within=_GONE_WITHIN, what="PostgreSQL's end")


@contextmanager
def database_kept_running(data: Path) -> Iterator[EmbeddedPostgres]:
    """Hold the data directory's database open, so that it outlives the engines."""
    with EmbeddedPostgres(data) as server:
        yield server


class EngineProcess:
    """One run of `orderwright serve`; a context that ends with the process, whatever happens in it."""

    def __init__(self, place: Place, *options: str, port: int = 0, command: Sequence[str] = SERVE) -> None:
        self.place = place
        self._folder = Path(tempfile.mkdtemp(prefix="engine-", dir=place.data.parent))
        with (self._folder / "out").open("wb") as out, (self._folder / "err").open("wb") as err:
            self.process = subprocess.Popen(
                [*command, *map(str, place.options), "--port", str(port), *options],
                stdout=out,
                stderr=err,
                env=_environment(),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """The address it serves; empty as long as it is not ready."""
        said = (self._folder / "out").read_text()
        return said.partition("ready at ")[2].strip() if said.endswith("\n") else ""

    @property
    def said(self) -> str:
        """What it has said on stdout."""
        return (self._folder / "out").read_text()

    @property
    def errors(self) -> str:
        """What it has said on stderr."""
        return (self._folder / "err").read_text()

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def ready(self, within: float = _READY_WITHIN) -> "EngineProcess":
        """Wait for the line that says it is ready."""
        wait_until(lambda: self.url or not self.is_running, within=within, what="the engine")
        assert self.is_running, f"the engine ended with {self.process.returncode}: {self.errors}"
        return self

    def kill(self) -> None:
        """SIGKILL: nothing is finished, nothing is written."""
        self.process.kill()
        self.process.wait(_GONE_WITHIN)

    def terminate(self, within: float = _GONE_WITHIN) -> int:
        """SIGTERM; return the exit code."""
        self.process.terminate()
        return self.process.wait(within)

    def client(self) -> "EngineClient":
        """Return somebody who talks to it."""
        return EngineClient(self.url, self.place.admin_token)


class EngineClient:
    """Talks to an engine as TradingView and as the operator do; `replies` are all that it heard, by path."""

    def __init__(self, url: str, admin_token: str) -> None:
        self.replies: list[tuple[str, str]] = []
        self._http = httpx.Client(base_url=url, timeout=30.0, trust_env=False, event_hooks={"response": [self._note]})
        self._admin = {"Authorization": f"Bearer {admin_token}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def _note(self, response: httpx.Response) -> None:
        self.replies.append((response.url.path, f"{response.headers}\n{response.read().decode()}"))

    def webhook(
        self, body: Mapping[str, Any] | bytes, *, path: str = "/api/webhook", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._http.post(path, content=content, headers={"Content-Type": "application/json", **(headers or {})})

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        return self._http.get(path, headers={} if token is None else {"Authorization": f"Bearer {token}"})

    def post(self, path: str, **body: object) -> httpx.Response:
        """Ask for something as the administrator."""
        return self._http.post(path, json=body, headers=self._admin)

    def apply(self, declaration: str) -> dict[str, Any]:
        answer = self._http.post("/api/v1/declarations", content=declaration.encode(), headers=self._admin)
        assert answer.status_code == httpx.codes.OK, answer.text
        applied: dict[str, Any] = answer.json()
        return applied

    def strategy_accounts(self) -> list[dict[str, Any]]:
        answer = self._http.get("/api/v1/strategy-accounts", headers=self._admin)
        assert answer.status_code == httpx.codes.OK, answer.text
        rows: list[dict[str, Any]] = answer.json()["strategy_accounts"]
        return rows

    def strategy_account(self, strategy: str, account: str) -> dict[str, Any]:
        answer = self._http.get(f"/api/v1/strategy-accounts/{strategy}/{account}", headers=self._admin)
        assert answer.status_code == httpx.codes.OK, answer.text
        row: dict[str, Any] = answer.json()
        return row

    def orders(self, strategy: str) -> list[dict[str, Any]]:
        """Return a strategy's orders from the list of all, the youngest first."""
        answer = self._http.get("/api/v1/orders", params={"strategy": strategy}, headers=self._admin)
        assert answer.status_code == httpx.codes.OK, answer.text
        rows: list[dict[str, Any]] = answer.json()["orders"]
        return rows

    def alarms(self) -> list[dict[str, Any]]:
        answer = self._http.get("/api/v1/alarms", headers=self._admin)
        assert answer.status_code == httpx.codes.OK, answer.text
        rows: list[dict[str, Any]] = answer.json()["alarms"]
        return rows

    def operate(self, strategy: str, account: str, operation: str, **wish: str) -> httpx.Response:
        path = f"/api/v1/strategy-accounts/{strategy}/{account}/{operation}"
        return self._http.post(path, json=wish, headers=self._admin)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ORDERWRIGHT_")}
