"""A PostgreSQL server of our own in the data directory, shared by every process that holds its lock file.

DATA/postgres/cluster       the server's data, its own and nobody else's
DATA/postgres/socket        the Unix socket (or `socket-folder` names a short path for it)
DATA/postgres/log           what the server has to say, a file per weekday
DATA/postgres/users.lock    a shared flock per process that uses the server; the last one to leave stops it
DATA/postgres/change.lock   held while the server is being started or stopped
"""

import fcntl
import logging
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from orderwright.clock import monotonic
from orderwright.eventstore.binaries import MAJOR_VERSION, reachable_binaries
from orderwright.eventstore.postmaster import find_postmaster, remove_stale_pid_file, wait_until_ready
from orderwright.eventstore.server_errors import ServerFailed, WrongMajorVersion, failure, translated
from orderwright.eventstore.server_settings import hba_file, ident_file, settings_file
from orderwright.eventstore.server_user import ServerUser, let_through, os_user_name, server_user

_log = logging.getLogger(__name__)

OWNER_ROLE = "orderwright"
APP_ROLE = "orderwright_app"
DATABASE = "orderwright"

_PORT = 5432
# Crash recovery replays at most what max_wal_size allows, and may still take minutes on a slow disk.
_PATIENCE = 3_600
_TELL_EVERY = 5.0
_SOCKET_PATH_LIMIT = 107
_TOLD = 2_000
_ATTEMPTS = 3
_LOCK_POLL = 0.05


class EmbeddedPostgres:
    """PostgreSQL 18 in `directory`/postgres, reached through a Unix socket with peer authentication only.

    `directory` is the engine's data directory; `settings` are PostgreSQL settings that differ from ours.
    Started as root, the server runs as the owner of its data or as the system user `orderwright`.
    """

    def __init__(self, directory: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._directory = directory.absolute()
        self._home = self._directory / "postgres"
        self._cluster = self._home / "cluster"
        self._settings = dict(settings or {})
        self._users: int | None = None
        self._socket: Path | None = None
        self._user: ServerUser | None = None

    @property
    def owner_conninfo(self) -> str:
        """Return the connection string of the role that owns the schema: migrations only."""
        return self.conninfo(role=OWNER_ROLE, database=DATABASE)

    @property
    def app_conninfo(self) -> str:
        """Return the connection string of the role that the engine uses."""
        return self.conninfo(role=APP_ROLE, database=DATABASE)

    @property
    def binaries(self) -> Path:
        """Return the folder with PostgreSQL's programs, as the server's user can run them."""
        return reachable_binaries(self._server_user())

    def conninfo(self, *, role: str, database: str) -> str:
        """Return a connection string for a role and a database of the running server.

        Raises:
            ServerFailed: it has not been started.
        """
        if self._socket is None:
            message = "PostgreSQL has not been started"
            raise ServerFailed(message)
        return make_conninfo(host=str(self._socket), port=_PORT, user=role, dbname=database)

    def exists(self) -> bool:
        """Return whether the server's data directory has been made.

        Raises:
            NoPermission: we may not look.
        """
        with translated(self._home):
            return self._cluster.exists()

    def start(self) -> None:
        """Start the server, or share the one that runs already; make its data directory the first time.

        Raises:
            EmbeddedPostgresError: what stands in the way, and the cure.
        """
        if self._users is not None:
            return
        with translated(self._home):
            self._prepare_folders()
            with self._changing():
                users = os.open(self._home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(users, fcntl.LOCK_SH)
                    self._bring_up()
                except BaseException:
                    os.close(users)
                    raise
                self._users = users

    def revive(self) -> None:
        """Start the server again if it has died while we use it.

        Raises:
            EmbeddedPostgresError: it does not come back.
        """
        if self._users is not None and find_postmaster(self._cluster) is None:
            with translated(self._home), self._changing():
                self._bring_up()

    def stop(self) -> None:
        """Let go of the server; the last process to do so stops it.

        Raises:
            ServerFailed: it does not stop.
        """
        if self._users is None:
            return
        with translated(self._home), self._changing():
            users, self._users = self._users, None
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            else:
                self._shut_down()
            finally:
                self._socket = None
                os.close(users)

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the server."""
        self.stop()

    def _server_user(self) -> ServerUser:
        if self._user is None:
            self._user = server_user(self._cluster)
        return self._user

    def _prepare_folders(self) -> None:
        user = self._server_user()
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._home.mkdir(exist_ok=True, mode=0o700)
        if user.switched:
            let_through(self._directory, user)
            let_through(self._home, user)
        for name in ("socket", "log"):
            folder = self._home / name
            if not folder.exists():
                folder.mkdir(mode=0o700)
                user.own(folder)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        descriptor = os.open(self._home / "change.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _take(self, lock: int) -> None:
        began = told = monotonic()
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() > told + _TELL_EVERY:
                    told = monotonic()
                    _log.warning("another process starts or stops PostgreSQL here; waiting for %.0f s", told - began)
                time.sleep(_LOCK_POLL)
            else:
                return

    def _bring_up(self) -> None:
        self._initialise()
        self._check_version()
        began = monotonic()

        def tell(doing: str) -> None:
            verb = "recovering" if doing == "standby" else doing
            _log.warning("PostgreSQL has been %s for %.0f s. %s", verb, monotonic() - began, self._last_words())

        running = wait_until_ready(self._cluster, _PATIENCE, every=_TELL_EVERY, tell=tell)
        if running is None:
            self._socket = self._choose_socket_folder()
            self._configure(self._socket)
            self._launch(lambda: tell("starting"))
            # pg_ctl is content with a server that recovers and lets nobody in yet.
            wait_until_ready(self._cluster, _PATIENCE, every=_TELL_EVERY, tell=tell)
        else:
            self._socket = running.socket_folder
            self._adopt(running.pid)
        self._ensure_roles()

    def _initialise(self) -> None:
        if self._cluster.exists():
            return
        user, partial = self._server_user(), self._home / "cluster.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        user.own(partial)
        done = user.run(
            [
                self.binaries / "initdb",
                f"--pgdata={partial}",
                f"--username={OWNER_ROLE}",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                "--auth=peer",
                "--no-instructions",
            ]
        )
        if done.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            action = f"making PostgreSQL's data directory in {self._home}"
            raise failure(action, done.stderr[-_TOLD:])
        partial.rename(self._cluster)

    def _check_version(self) -> None:
        version = (self._cluster / "PG_VERSION").read_text().strip()
        if version != str(MAJOR_VERSION):
            message = (
                f"{self._cluster} was written by PostgreSQL {version}, this is PostgreSQL {MAJOR_VERSION}. Write a "
                f"backup with the Orderwright that wrote the data (`orderwright backup`; without one that has it, the "
                f"pg_dump of PostgreSQL {version}), move {self._home} away, and `orderwright restore` the backup"
            )
            raise WrongMajorVersion(message)

    def _choose_socket_folder(self) -> Path:
        usual = self._home / "socket"
        if _fits(usual):
            return usual
        user, note = self._server_user(), self._home / "socket-folder"
        if note.exists():
            recorded = Path(note.read_text().strip())
            if _is_private(recorded, user):
                return recorded
        for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/run"):  # noqa: S108
            if not _fits(Path(parent) / "orderwright-12345678") or user.blocked_at(Path(parent)) is not None:
                continue
            folder = Path(tempfile.mkdtemp(prefix="orderwright-", dir=parent))
            user.own(folder)
            note.write_text(f"{folder}\n")
            return folder
        message = f"{usual} is too long for a Unix socket, and no shorter folder for temporary files is open to us"
        raise ServerFailed(message)

    def _configure(self, socket: Path) -> bool:
        users = sorted({os_user_name(), self._server_user().name})
        wanted = {
            "postgresql.conf": settings_file(socket=socket, port=_PORT, log=self._home / "log", other=self._settings),
            "pg_hba.conf": hba_file(),
            "pg_ident.conf": ident_file(users, roles=(OWNER_ROLE, APP_ROLE)),
        }
        changed = False
        for name, text in wanted.items():
            path = self._cluster / name
            if path.exists() and path.read_text() == text:
                continue
            fresh = path.with_suffix(".new")
            fresh.write_text(text)
            fresh.chmod(0o600)
            self._server_user().own(fresh)
            fresh.rename(path)
            changed = True
        return changed

    def _adopt(self, pid: int) -> None:
        if self._socket is not None and self._configure(self._socket):
            os.kill(pid, signal.SIGHUP)

    def _launch(self, tell: Callable[[], None]) -> None:
        user, told = self._server_user(), self._home / "log" / "startup.log"
        said = ""
        for _ in range(_ATTEMPTS):
            self._remove_stale_locks()
            told.write_text("")
            user.own(told)
            sizes = {path: path.stat().st_size for path in self._logs()}
            done = user.run(
                [self.binaries / "pg_ctl", "-D", self._cluster, "-l", told, "-t", str(_PATIENCE), "-w", "-s", "start"],
                every=_TELL_EVERY,
                tell=tell,
            )
            if done.returncode == 0:
                return
            said = (self._log_since(sizes) + done.stderr + told.read_text(errors="replace"))[-_TOLD:]
            if "shared memory block" not in said and "lock file" not in said:
                break
        action = f"starting PostgreSQL in {self._cluster}"
        raise failure(action, said)

    def _remove_stale_locks(self) -> None:
        remove_stale_pid_file(self._cluster)
        if self._socket is not None:
            # The folder is ours alone, and PostgreSQL believes any pid in here that is alive, even a dead child's.
            for left in self._socket.glob(".s.PGSQL.*"):
                left.unlink(missing_ok=True)

    def _logs(self) -> Sequence[Path]:
        return sorted((self._home / "log").glob("postgresql-*.log"), key=lambda path: path.stat().st_mtime)

    def _last_words(self) -> str:
        logs = self._logs()
        lines = logs[-1].read_bytes()[-_TOLD:].decode(errors="replace").splitlines() if logs else []
        return f"It last said: {lines[-1]}" if lines else ""

    def _log_since(self, sizes: Mapping[Path, int]) -> str:
        return "".join(path.read_bytes()[sizes.get(path, 0) :].decode(errors="replace") for path in self._logs())

    def _ensure_roles(self) -> None:
        try:
            with psycopg.connect(self.conninfo(role=OWNER_ROLE, database="postgres"), autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APP_ROLE)))
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.Error as error:
            action = f"making the database in {self._cluster}"
            raise failure(action, str(error)) from error

    def _shut_down(self) -> None:
        if find_postmaster(self._cluster) is not None:
            user = self._server_user()
            done = user.run(
                [self.binaries / "pg_ctl", "-D", self._cluster, "-m", "fast", "-t", str(_PATIENCE), "-w", "-s", "stop"]
            )
            if done.returncode != 0 and find_postmaster(self._cluster) is not None:
                action = f"stopping PostgreSQL in {self._cluster}"
                raise failure(action, done.stderr[-_TOLD:])
        note = self._home / "socket-folder"
        if note.exists():
            shutil.rmtree(note.read_text().strip(), ignore_errors=True)
            note.unlink()


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_LIMIT


def _is_private(folder: Path, user: ServerUser) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and not folder.is_symlink() and found.st_uid == user.uid and found.st_mode & 0o077 == 0
