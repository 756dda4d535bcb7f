"""What a pooler in transaction mode does, as small as it gets: every client works in the same server session."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_TERMINATE = b"X"
_READY = b"Z"
_BACKEND_KEY = b"K"


@contextmanager
def shared_session(folder: Path, conninfo: str) -> Iterator[str]:
    """Yield a connection string that leads every client to one and the same session of the server."""
    parts = conninfo_to_dict(conninfo)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as listener:
        server.connect(f"{parts['host']}/.s.PGSQL.{parts['port']}")
        words = f"user\0{parts['user']}\0database\0{parts['dbname']}\0\0".encode()
        server.sendall(struct.pack(">II", len(words) + 8, 196_608) + words)
        # The client is given another backend's number, as poolers do.
        greeting = b"".join(_masked(message) for message in _until_ready(server))
        listener.bind(str(folder / f".s.PGSQL.{parts['port']}"))
        listener.listen()
        turn = threading.Lock()

        def serve(client: socket.socket) -> None:
            with client:
                _read(client, struct.unpack(">I", _read(client, 4))[0] - 4)
                client.sendall(greeting)
                while (request := _request(client)) is not None:
                    with turn:
                        server.sendall(request)
                        answer = b"".join(_until_ready(server))
                    client.sendall(answer)

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield make_conninfo(conninfo, host=str(folder), gssencmode="disable")
        listener.shutdown(socket.SHUT_RDWR)


def _masked(message: bytes) -> bytes:
    return message[:5] + b"\x01" * 8 if message[:1] == _BACKEND_KEY else message


def _request(client: socket.socket) -> bytes | None:
    request = b""
    while True:
        message = _message(client)
        if message is None or message[:1] == _TERMINATE:
            return None
        request += message
        if message[:1] in {b"S", b"Q"}:
            return request


def _until_ready(server: socket.socket) -> Iterator[bytes]:
    while (message := _message(server)) is not None:
        yield message
        if message[:1] == _READY:
            return


def _message(source: socket.socket) -> bytes | None:
    head = _read(source, 5)
    if len(head) < len(b"kIIII"):
        return None
    return head + _read(source, struct.unpack(">I", head[1:])[0] - 4)


def _read(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := source.recv(size - len(data))):
        data += more
    return data
