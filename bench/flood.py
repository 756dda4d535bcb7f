"""A flood of webhooks from a process of its own, each told one by one: when it was due, and what became of it.

The loop is open: webhooks come at their times, whatever is still unanswered. One that is not answered in time is given
up as TradingView does, by closing its connection. It reads a `Flood` as JSON from standard input and writes what came
of it to standard output.
"""

import subprocess
import sys
import time
from collections import deque
from selectors import EVENT_READ, DefaultSelector

import msgspec
from msgspec import Struct

from bench.load import Connection, LoadFailed, Sender, webhooks

GIVEN_UP = "given up"
CLOSED = "closed"

_SWEEP_SECONDS = 0.05


class Flood(Struct, frozen=True, kw_only=True):
    """`rate` webhooks a second to 127.0.0.1:`port` for `seconds`, over at most so many connections at a time.

    `patience` is how long after it was due a webhook may be answered, in seconds; `label` is as in `webhooks`.
    """

    port: int
    senders: tuple[Sender, ...]
    connections: int
    seconds: float
    rate: float
    patience: float = 3.0
    label: str = "id"


class Told(Struct, frozen=True, array_like=True):
    """A webhook: its id, when it was due (the machine's monotonic clock), its HTTP status or its fate, its seconds."""

    id: str
    due: float
    status: str
    seconds: float


class Flowing:
    """A flood that is under way."""

    def __init__(self, flood: Flood) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.flood"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._given = msgspec.json.encode(flood)
        self._ends = flood.seconds + flood.patience + 30.0
        if self._process.stdin is not None:
            self._process.stdin.write(self._given)
            self._process.stdin.close()
            self._process.stdin = None

    def told(self) -> list[Told]:
        """Wait for its end and return what became of each webhook.

        Raises:
            LoadFailed: it broke off.
        """
        try:
            out, complaints = self._process.communicate(timeout=self._ends)
        finally:
            self._process.kill()
        if self._process.returncode:
            raise LoadFailed(complaints.decode())
        return msgspec.json.decode(out, type=list[Told])


class _Flooding:
    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self._selector = DefaultSelector()
        self._idle = [self._connected() for _ in range(flood.connections)]
        self._sent: dict[Connection, str] = {}
        self._waiting: deque[tuple[str, float, bytes]] = deque()
        self._told: list[Told] = []

    def run(self) -> list[Told]:
        """Send and receive until everything has a fate."""
        source = webhooks(self._flood.senders, label=self._flood.label)
        due = time.perf_counter()
        ends, swept = due + self._flood.seconds, due
        while due < ends or self._waiting or self._sent:
            now = time.perf_counter()
            while due <= now and due < ends:
                webhook_id, request = next(source)
                self._waiting.append((webhook_id, due, request))
                due += 1 / self._flood.rate
            if now >= swept + _SWEEP_SECONDS:
                swept = now
                self._give_up(now)
            self._send()
            wait = min(_SWEEP_SECONDS, max(0.0, due - time.perf_counter())) if due < ends else _SWEEP_SECONDS
            for key, _ in self._selector.select(wait):
                self._receive(key.data)
        return self._told

    def _connected(self) -> Connection:
        connection = Connection(self._flood.port)
        self._selector.register(connection.socket, EVENT_READ, connection)
        return connection

    def _send(self) -> None:
        while self._waiting and self._idle:
            webhook_id, due, request = self._waiting.popleft()
            connection = self._idle.pop()
            try:
                connection.send(request, due)
            except OSError:
                self._replace(connection)
                self._waiting.appendleft((webhook_id, due, request))
            else:
                self._sent[connection] = webhook_id

    def _receive(self, connection: Connection) -> None:
        if connection not in self._sent and connection not in self._idle:
            return
        try:
            whole = connection.receive()
        except (LoadFailed, OSError):
            self._tell(connection, CLOSED)
            self._replace(connection)
            return
        if whole is not None:
            self._tell(connection, whole[0])
            self._idle.append(connection)

    def _give_up(self, now: float) -> None:
        latest = now - self._flood.patience
        for connection in [connection for connection in self._sent if connection.since < latest]:
            self._tell(connection, GIVEN_UP)
            self._replace(connection)
        while self._waiting and self._waiting[0][1] < latest:
            webhook_id, due, _ = self._waiting.popleft()
            self._told.append(Told(webhook_id, due, GIVEN_UP, now - due))

    def _tell(self, connection: Connection, status: str) -> None:
        webhook_id = self._sent.pop(connection, None)
        if webhook_id is not None:
            self._told.append(Told(webhook_id, connection.since, status, time.perf_counter() - connection.since))

    def _replace(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._idle.append(self._connected())


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Flood)
    sys.stdout.buffer.write(msgspec.json.encode(_Flooding(given).run()))
