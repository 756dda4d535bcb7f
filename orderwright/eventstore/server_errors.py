"""What can go wrong with the embedded PostgreSQL server, and the table that foreign errors are mapped by.

EmbeddedPostgresError
├── BinariesMissing
├── ServerUserMissing
├── FolderUnreachable
├── NoPermission
├── DiskFull
├── WrongMajorVersion
└── ServerFailed
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orderwright.eventstore.store import EventStoreError


class EmbeddedPostgresError(EventStoreError):
    """Base of the embedded server's errors."""


class BinariesMissing(EmbeddedPostgresError):
    """The package that carries PostgreSQL's programs is not installed, or not for this platform."""


class ServerUserMissing(EmbeddedPostgresError):
    """There is no operating-system user that the server could run as."""


class FolderUnreachable(EmbeddedPostgresError):
    """The user that runs the server cannot search a folder on the way to its data."""


class NoPermission(EmbeddedPostgresError):
    """The file system refused what the server's folders need."""


class DiskFull(EmbeddedPostgresError):
    """There is no room left on the device."""


class WrongMajorVersion(EmbeddedPostgresError):
    """The data was written by another major version of PostgreSQL."""


class ServerFailed(EmbeddedPostgresError):
    """The server did not start, or did not stop; the message ends with what it said itself."""


_ERRORS: dict[int, type[EmbeddedPostgresError]] = {
    errno.EACCES: NoPermission,
    errno.EPERM: NoPermission,
    errno.EROFS: NoPermission,
    errno.ENOSPC: DiskFull,
    errno.EDQUOT: DiskFull,
}


_CURES: dict[type[EmbeddedPostgresError], str] = {
    NoPermission: ". Give the folder to the user that runs this (chown), or name another one with --data",
    DiskFull: ". Make room on that disk: what was stored is kept, and the engine goes on by itself",
}


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn the operating system's errors about `folder` into this subtree's."""
    try:
        yield
    except OSError as error:
        kind = _ERRORS.get(error.errno or 0, ServerFailed)
        message = f"PostgreSQL's folder {folder} cannot be prepared: {error}{_CURES.get(kind, '')}"
        raise kind(message) from error


def failure(action: str, said: str) -> EmbeddedPostgresError:
    """Return the error for a program of PostgreSQL that ended badly; `said` is what it printed."""
    if "No space left on device" in said:
        return DiskFull(f"{action} failed: the disk is full{_CURES[DiskFull]}. PostgreSQL said:\n{said}")
    if "Permission denied" in said:
        return NoPermission(f"{action} failed for want of permission{_CURES[NoPermission]}. PostgreSQL said:\n{said}")
    return ServerFailed(f"{action} failed. PostgreSQL said:\n{said}")
