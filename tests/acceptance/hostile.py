"""Clients that mean harm: they hold connections, dribble requests, and send more than anybody should."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HEAD = b"POST /api/webhook HTTP/1.1\r\nHost: x\r\n"
_BITE = 0.2


class Crowd:
    """Connections to 127.0.0.1:`port` that say `head`, then `drip` for ever, slowly; a new one for each that ends."""

    def __init__(self, port: int, size: int, *, head: bytes = b"", drip: bytes = b"") -> None:
        self._port = port
        self._head = head
        self._drip = drip
        self._is_over = threading.Event()
        self._connections = [self._connected() for _ in range(size)]
        self.cut = 0
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def disperse(self) -> None:
        self._is_over.set()
        self._thread.join()
        for connection in self._connections:
            connection.close()

    def _connected(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        connection.sendall(self._head)
        connection.settimeout(0)
        return connection

    def _go_on(self) -> None:
        while not self._is_over.wait(_BITE):
            for number, connection in enumerate(self._connections):
                if _is_cut(connection, self._drip):
                    self.cut += 1
                    connection.close()
                    with suppress(OSError):
                        self._connections[number] = self._connected()


def _is_cut(connection: socket.socket, more: bytes) -> bool:
    try:
        connection.sendall(more)
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@contextmanager
def crowd(port: int, size: int, *, head: bytes = b"", drip: bytes = b"") -> Iterator[Crowd]:
    """Hold so many connections until the end; see `Crowd`."""
    gathered = Crowd(port, size, head=head, drip=drip)
    try:
        yield gathered
    finally:
        gathered.disperse()


class Flooder:
    """Sends `request` over and over, each on a connection of its own, and hears what is said to it."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self._is_over = threading.Event()
        self.answers: list[bytes] = []
        self._thread = threading.Thread(target=self._flood, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _flood(self) -> None:
        while not self._is_over.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=2) as connection:
                with suppress(OSError):
                    connection.sendall(self._request)
                self.answers.append(connection.recv(12))
            time.sleep(0.01)


def huge_headers(size: int) -> bytes:
    return HEAD + b"X-Much: " + b"x" * size + b"\r\n\r\n"


def huge_body(size: int) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % size + b" " * size


def endless_chunks(size: int) -> bytes:
    chunk = b"%x\r\n%s\r\n" % (4_096, b" " * 4_096)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * (size // 4_096)
