"""The database of an ordeal: the engine's own, or one at a distance; it can be stopped, and the line to it cut."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from msgspec import Struct
from psycopg.conninfo import make_conninfo

from orderwright.eventstore.connect import LogPlace
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.eventstore.postmaster import find_postmaster
from orderwright.eventstore.server_user import server_user
from tests.eventstore.proxy import CuttingProxy
from tests.processes import wait_until

_STALL = "LOCK TABLE log.log_batch IN EXCLUSIVE MODE"


class OrdealDatabase(Struct, frozen=True, kw_only=True):
    """A server that the tests hold open, and the line (None: there is none) over which the engine reaches it."""

    server: EmbeddedPostgres
    data: Path
    line: CuttingProxy | None = None

    @property
    def place(self) -> LogPlace:
        """How a test reads the log, past the line."""
        return LogPlace(directory=self.data, url=None if self.line is None else self.server.owner_conninfo)

    @property
    def setting(self) -> str:
        """What the engine's configuration has to say of it."""
        return (
            "" if self.line is None else f'[database]\nurl = "{make_conninfo(self.line.conninfo, sslmode="disable")}"\n'
        )

    def ask(self, query: LiteralString) -> list[tuple[int, ...]]:
        """Return the rows of numbers that a query yields."""
        with psycopg.connect(self.server.owner_conninfo) as connection:
            return [tuple(int(value) for value in row) for row in connection.execute(query)]

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Keep every append from being committed."""
        with psycopg.connect(self.server.owner_conninfo) as connection:
            connection.execute(_STALL)
            yield

    def stop_at_once(self) -> None:
        """`pg_ctl stop -m immediate`: every session breaks off, as in a crash."""
        cluster = self.data / "postgres" / "cluster"
        running = find_postmaster(cluster)
        assert running is not None
        # An engine may start it again before pg_ctl would have seen it go.
        pg_ctl: list[str | Path] = [self.server.binaries / "pg_ctl", "-D", cluster, "-m", "immediate", "-W", "stop"]
        done = server_user(cluster).run(pg_ctl)
        assert done.returncode == 0, done
        wait_until(lambda: not psutil.pid_exists(running.pid), what="PostgreSQL's end")

    def bring_back(self) -> None:
        self.server.revive()


@contextmanager
def distant_database(folder: Path) -> Iterator[OrdealDatabase]:
    """Run a PostgreSQL of its own in `folder`, which an engine reaches over TCP."""
    with EmbeddedPostgres(folder) as server:
        line = CuttingProxy(None, server.owner_conninfo)
        try:
            yield OrdealDatabase(server=server, data=folder, line=line)
        finally:
            line.close()
