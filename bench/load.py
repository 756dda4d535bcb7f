"""The load generator: a process of its own that sends webhooks over kept-alive connections and times the answers.

It reads a `Load` as JSON from standard input and writes an `Answered` to standard output. One thread, no HTTP library:
what it spends on a request is small beside what any server does, and it tells what share of a CPU it took.
"""

import resource
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count

import msgspec
from msgspec import Struct

_NANOSECONDS = 1_000_000_000
_CHUNK = 262_144
_GRACE_SECONDS = 5.0


class Sender(Struct, frozen=True, kw_only=True):
    """A strategy and the token that opens it."""

    strategy: str
    token: str


class Load(Struct, frozen=True, kw_only=True):
    """What to send to 127.0.0.1:`port` for `seconds`.

    Without a `rate` the loop is closed: each connection sends the next webhook when the last one is answered. With a
    rate (webhooks per second) it is open: webhooks are sent at their times whatever is still unanswered, and each is
    timed from the moment at which it was due. At most `most` are sent.
    """

    port: int
    senders: tuple[Sender, ...]
    connections: int
    seconds: float
    rate: float | None = None
    most: int = 100_000


class Answer(Struct, frozen=True, kw_only=True):
    """One answer: how long it took, in seconds, and the order it tells of, if that was asked for."""

    seconds: float
    order_id: str | None = None


class Answered(Struct, frozen=True, kw_only=True):
    """What came of a load: answers by HTTP status, and the share of one CPU that sending took."""

    seconds: float
    statuses: dict[str, int]
    answers: tuple[Answer, ...]
    cpu_share: float

    @property
    def taken(self) -> int:
        """Return how many webhooks were answered 2xx, each of which is stored."""
        return sum(number for status, number in self.statuses.items() if status.startswith("2"))

    @property
    def per_second(self) -> float:
        """Return the webhooks taken per second."""
        return self.taken / self.seconds


class LoadFailed(Exception):
    """The load generator broke off; the message says why."""


def run_load(load: Load) -> Answered:
    """Send a load from a process of its own.

    Raises:
        LoadFailed: the server closed a connection or never answered.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=msgspec.json.encode(load),
        capture_output=True,
        timeout=load.seconds + 60,
        check=False,
    )
    if done.returncode:
        raise LoadFailed(done.stderr.decode())
    return msgspec.json.decode(done.stdout, type=Answered)


class _Reply(Struct, frozen=True):
    results: list[dict[str, object]] = []


class Connection:
    """One kept-alive connection to 127.0.0.1 with at most one request on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.since = 0.0
        self._received = b""

    def send(self, request: bytes, since: float) -> None:
        """Send a request that was due at `since`."""
        self.since = since
        self.socket.sendall(request)

    def receive(self) -> tuple[str, bytes] | None:
        """Return status and body once the answer is whole.

        Raises:
            LoadFailed: the server closed the connection.
            OSError: it is broken.
        """
        chunk = self.socket.recv(_CHUNK)
        if not chunk:
            message = "the server closed a connection"
            raise LoadFailed(message)
        self._received += chunk
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return None
        self._received = b""
        return head[9:12].decode(), body


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


def webhooks(senders: tuple[Sender, ...], *, label: str = "id") -> Iterator[tuple[str, bytes]]:
    """Yield webhooks of one sender after the other, in turn buying and selling: each's own label, and the request.

    `label` is the field that it stands in: an `id` is remembered for a day, a `ref` is not.
    """
    run = time.time_ns()
    for number in count():
        turn, place = divmod(number, len(senders))
        webhook_id = f"{run}-{number}"
        body = msgspec.json.encode(
            {
                "group_name": senders[place].strategy,
                "token": senders[place].token,
                "symbol": "BTC/USDT",
                "order_type": "MARKET",
                "side": "sell" if turn % 2 else "buy",
                "qty": "0.01",
                label: webhook_id,
            }
        )
        head = b"POST /api/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        yield webhook_id, head + (b"Content-Length: %d\r\n\r\n" % len(body)) + body


class _Sending:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._webhooks = webhooks(load.senders)
        self._left = load.most
        self._idle = [Connection(load.port) for _ in range(load.connections)]
        self._selector = selectors.DefaultSelector()
        for connection in self._idle:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._statuses: Counter[str] = Counter()
        self._answers: list[Answer] = []

    def run(self) -> Answered:
        began = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_SELF)
        ends = began + self._load.seconds
        self._send_until(began, ends)
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Answered(
            seconds=seconds, statuses=self._statuses, answers=tuple(self._answers), cpu_share=busy / seconds
        )

    def _send_until(self, began: float, ends: float) -> None:
        rate = self._load.rate
        due = began
        while (now := time.perf_counter()) < ends + _GRACE_SECONDS:
            while self._idle and self._left and now < ends and (rate is None or now >= due):
                self._left -= 1
                self._idle.pop().send(next(self._webhooks)[1], now if rate is None else due)
                due += 1 / rate if rate else 0.0
            if len(self._idle) == self._load.connections and (now >= ends or not self._left):
                return
            wait = ends + _GRACE_SECONDS - now if rate is None or not self._idle or now >= ends else due - now
            self._receive(max(0.0, wait))
        message = "some webhooks were never answered"
        raise LoadFailed(message)

    def _receive(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            connection: Connection = key.data
            whole = connection.receive()
            if whole is not None:
                status, body = whole
                seconds = time.perf_counter() - connection.since
                self._statuses[status] += 1
                self._answers.append(Answer(seconds=seconds, order_id=self._order_id(body)))
                self._idle.append(connection)

    def _order_id(self, body: bytes) -> str | None:
        # Only the open loop has the time to look.
        if self._load.rate is None:
            return None
        results = msgspec.json.decode(body, type=_Reply).results
        found = results[0].get("engine_order_id") if results else None
        return found if isinstance(found, str) else None


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(_Sending(given).run()))
