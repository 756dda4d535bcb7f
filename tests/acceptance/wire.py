"""The wire between engine and exchange: passes requests on, notes how far each one came, holds what it is told to.

It lives in the test's process, so that what it saw outlives the engine: a request that never arrived here was never
sent, and an answer that was delivered here had reached the engine's own socket.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

_OPERATIONS = {("POST", "/v1/orders"): "place", ("DELETE", "/v1/orders"): "cancel", ("GET", "/v1/order"): "look"}
_BACKLOG = 256
_CONNECT_PATIENCE = 0.2
_HELD_AT_MOST = 30.0


class Passage(Struct, kw_only=True):
    """One request of the engine; the moments are monotonic seconds, None for what has not happened.

    It came in here whole, was passed on, was answered by the exchange, and the answer was written to the engine.
    """

    operation: str
    client_order_id: str
    came: float
    answered: float | None = None
    delivered: float | None = None


class Dropped(Exception):
    """Raised by whoever watches the wire: this passage goes no further."""


Watcher = Callable[[Passage, str], None]


class Wire:
    """A proxy in front of one exchange; `watch` hears of each passage that it came, was answered, was delivered."""

    def __init__(self, exchange_url: str) -> None:
        where = urlsplit(exchange_url)
        self._exchange = (where.hostname or "", where.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._passages: list[Passage] = []
        self._idle: set[socket.socket] = set()
        self._is_open = threading.Event()
        self._is_open.set()
        self._is_closing = False
        self._fillers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.watch: Watcher = let_pass
        self._accepting = self._start(self._accept)

    def close(self) -> None:
        """Let everything go, and wait for the threads."""
        self._is_closing = True
        self.watch = let_pass
        self.open()
        # An accept that waits does not notice that its socket was closed.
        with suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._accepting.join(_HELD_AT_MOST)
        self._listener.close()
        self._close_idle()
        for thread in self._threads:
            thread.join(_HELD_AT_MOST)

    def passages(self) -> list[Passage]:
        """Return all that came here so far."""
        with self._lock:
            return list(self._passages)

    def forget_watch(self, *, since: float) -> None:
        """Let pass unseen whatever comes after that moment."""
        watch = self.watch

        def watch_the_old(passage: Passage, at: str) -> None:
            if passage.came <= since:
                watch(passage, at)

        self.watch = watch_the_old

    def shut(self) -> None:
        """Let every new connection hang before it is made, as behind a dead router: nothing can be sent."""
        self._is_open.clear()
        # The accept under way takes one more connection.
        with suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._listener.listen(0)
        self._close_idle()
        with suppress(TimeoutError):
            while True:
                filler = socket.create_connection(self._listener.getsockname(), timeout=_CONNECT_PATIENCE)
                self._fillers.append(filler)

    def open(self) -> None:
        """Let connections through again."""
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._listener.listen(_BACKLOG)
        self._is_open.set()

    def _start(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, name="wire", daemon=True)
        thread.start()
        return thread

    def _accept(self) -> None:
        while not self._is_closing:
            connection, _ = self._listener.accept()
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(self._start(self._serve, connection))
            self._is_open.wait()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, set()
        for connection in idle:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, engine: socket.socket) -> None:
        with suppress(OSError, Dropped), engine, socket.create_connection(self._exchange) as exchange:
            engine.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with engine.makefile("rb") as asking, exchange.makefile("rb") as answering:
                while request := self._next_request(engine, asking):
                    passage = _passage(request)
                    self._note(passage, "came")
                    exchange.sendall(request)
                    answer = _read_message(answering)
                    if not answer:
                        return
                    passage.answered = time.monotonic()
                    self._note(passage, "answered")
                    engine.sendall(answer)
                    passage.delivered = time.monotonic()
                    self._note(passage, "delivered")

    def _next_request(self, engine: socket.socket, asking: BinaryIO) -> bytes:
        with self._lock:
            if self._is_closing or not self._is_open.is_set():
                return b""
            self._idle.add(engine)
        request = _read_message(asking)
        with self._lock:
            self._idle.discard(engine)
        return request

    def _note(self, passage: Passage, point: str) -> None:
        if point == "came":
            with self._lock:
                self._passages.append(passage)
        self.watch(passage, point)


def let_pass(_passage: Passage, _point: str) -> None:
    """Hold nothing."""


def _read_message(stream: BinaryIO) -> bytes:
    """Return a whole HTTP message with its body; nothing if the connection ended before that."""
    head, length = b"", 0
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return b""
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        head += line
    body = stream.read(length)
    return head + body if len(body) == length else b""


def _passage(request: bytes) -> Passage:
    head, _, body = request.partition(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    where = urlsplit(target)
    operation = _OPERATIONS.get((method, where.path), where.path)
    if operation == "place":
        client_order_id = json.loads(body)["order"]["client_order_id"]
    else:
        client_order_id = next(iter(parse_qs(where.query).get("client_order_id", [])), "")
    return Passage(operation=operation, client_order_id=client_order_id, came=time.monotonic())
