"""Stands between a writer and its database, and breaks the connection exactly where a test wants it broken."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CHUNK = 65_536


class CuttingProxy:
    """Relays a Unix socket in `folder`, or without one a port of TCP, to a PostgreSQL server.

    `cut_request(bytes)` and `cut_answer(bytes)` see what passes; the first true answer cuts that connection before
    the bytes go on, and `while_cut` runs before the client can notice. With `is_closed`, new clients are turned away.
    """

    def __init__(self, folder: Path | None, conninfo: str) -> None:
        parts = conninfo_to_dict(conninfo)
        self._target = f"{parts['host']}/.s.PGSQL.{parts['port']}"
        if folder is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.conninfo = make_conninfo(conninfo, host="127.0.0.1", port=self._listener.getsockname()[1])
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(folder / f".s.PGSQL.{parts['port']}"))
            self._listener.listen()
            self.conninfo = make_conninfo(conninfo, host=str(folder))
        self.cut_request: Callable[[bytes], bool] = lambda _: False
        self.cut_answer: Callable[[bytes], bool] = lambda _: False
        self.while_cut: Callable[[], object] = lambda: None
        self.is_closed = False
        self.cuts = 0
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut_all()
        for thread in self._threads:
            thread.join()

    def cut_all(self) -> None:
        """Break every connection there is."""
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_closed:
                client.close()
                continue
            self._clients.append(client)
            thread = threading.Thread(target=self._relay, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, selectors.DefaultSelector() as ready:
            try:
                server.connect(self._target)
            except OSError:
                return
            ready.register(client, selectors.EVENT_READ, (server, "request"))
            ready.register(server, selectors.EVENT_READ, (client, "answer"))
            while True:
                for key, _ in ready.select():
                    source, (target, kind) = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    if not self._pass_on(source, target, is_request=kind == "request"):
                        return

    def _pass_on(self, source: socket.socket, target: socket.socket, *, is_request: bool) -> bool:
        try:
            data = source.recv(_CHUNK)
        except ConnectionError:
            return False
        if not data:
            return False
        if (self.cut_request if is_request else self.cut_answer)(data):
            self.cuts += 1
            self.while_cut()
            return False
        try:
            target.sendall(data)
        except OSError:
            return False
        return True
