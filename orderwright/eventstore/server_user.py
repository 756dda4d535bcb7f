"""The operating-system user that runs the embedded server: whoever we are, but never root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from orderwright.eventstore.server_errors import FolderUnreachable, ServerUserMissing

SYSTEM_USER = "orderwright"

_SBIN = ":/usr/local/sbin:/usr/sbin:/sbin"


class ServerUser(Struct, frozen=True, kw_only=True):
    """Who runs the server; `switched` when that is somebody else than the engine's own user."""

    name: str
    uid: int
    gid: int
    switched: bool

    def run(
        self, argv: Sequence[str | Path], *, every: float | None = None, tell: Callable[[], None] = lambda: None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program as this user to its end, from the root folder, and return what it printed.

        Meanwhile `tell` is called `every` so many seconds.
        """
        words = [str(word) for word in argv]
        with subprocess.Popen(  # noqa: S603
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd="/",
            umask=0o077,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            user=self.uid if self.switched else None,
            group=self.gid if self.switched else None,
            extra_groups=[] if self.switched else None,
        ) as process:
            while True:
                try:
                    out, err = process.communicate(timeout=every)
                except subprocess.TimeoutExpired:
                    tell()
                else:
                    return subprocess.CompletedProcess(words, process.returncode, out, err)

    def blocked_at(self, folder: Path) -> Path | None:
        """Return the first folder on the way to `folder` (itself included) that this user cannot search."""
        way = [*reversed(folder.parents), folder]
        script = 'for d; do cd -- "$d" 2>/dev/null || { printf %s "$d"; exit 0; }; done'
        found = self.run(["/bin/sh", "-c", script, "sh", *way]).stdout
        return Path(found) if found else None

    def own(self, path: Path) -> None:
        """Give the file or folder to this user."""
        if self.switched:
            os.chown(path, self.uid, self.gid)


def server_user(cluster: Path) -> ServerUser:
    """Return the user that runs the server of `cluster`: its owner, or, for root, a system user made if absent.

    Raises:
        ServerUserMissing: we have no name, or we are root and no system user can be made.
    """
    uid = os.geteuid()
    if uid != 0:
        return _named(uid, switched=False)
    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        return _named(owner, switched=True)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _make_system_user()
    return ServerUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switched=True)


def os_user_name() -> str:
    """Return the name of the user this process runs as."""
    return _named(os.geteuid(), switched=False).name


def let_through(folder: Path, user: ServerUser) -> None:
    """Make sure that `user` can search `folder`, by changing the mode of that folder alone, never of its parents.

    Raises:
        FolderUnreachable: a folder above it is closed to that user.
    """
    blocked = user.blocked_at(folder)
    if blocked == folder and user.switched:
        os.chown(folder, -1, user.gid)
        folder.chmod(0o710)
        blocked = user.blocked_at(folder)
    if blocked is not None:
        message = (
            f"the user {user.name!r}, which runs PostgreSQL, cannot search the folder {blocked}. Let it pass with "
            f"`chmod o+x {blocked}`, or keep the data elsewhere, for example in /var/lib/orderwright"
        )
        raise FolderUnreachable(message)


def _named(uid: int, *, switched: bool) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        message = f"the user id {uid} has no name, which PostgreSQL needs: add an entry for it to /etc/passwd"
        raise ServerUserMissing(message) from error
    return ServerUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switched=switched)


def _make_system_user() -> pwd.struct_passwd:
    advice = (
        f"PostgreSQL refuses to run as root: make a system user {SYSTEM_USER!r} for it "
        "(the engine does so by itself where `useradd` exists), or start the engine as another user"
    )
    useradd = shutil.which("useradd", path=os.environ.get("PATH", os.defpath) + _SBIN)
    if useradd is None:
        raise ServerUserMissing(advice)
    command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError as error:
        message = f"{advice}; useradd said: {done.stderr.strip()}"
        raise ServerUserMissing(message) from error
