"""The paper exchange as a process of its own, which outlives the engine that trades on it."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from waitress.server import create_server  # type: ignore[import-untyped]

from orderwright.clock import Clock, SystemClock
from orderwright.exchanges.gateway import ExchangeError
from orderwright.exchanges.paper.api import create_app
from orderwright.exchanges.paper.books import BOOKS_FILE
from orderwright.exchanges.paper.exchange import PaperExchange
from orderwright.exchanges.paper.faults import Faults, FaultyApplication
from orderwright.exchanges.paper.markets import Venue
from orderwright.exchanges.paper.prices import PriceFeed

_THREADS = 32
_LARGEST_BODY = 1 << 20


class AddressTaken(ExchangeError):
    """Nothing can be served at this address; the message says why."""


def serve_paper_exchange(
    data: Path,
    port: int,
    *,
    host: str = "127.0.0.1",
    prices: PriceFeed | None = None,
    venue: Venue | None = None,
    clock: Clock | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a paper exchange with its books in the folder `data` until SIGTERM or SIGINT.

    Port 0 takes any free one. `on_ready` is called with the URL once requests are taken.

    Raises:
        AddressTaken: the port cannot be bound.
        ExchangeError: the books cannot be opened, or another process writes them.
    """
    # A burst beyond the threads waits its turn; that is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with _listening(host, port) as listener:
        exchange = PaperExchange(data / BOOKS_FILE, clock=clock or SystemClock(), prices=prices, venue=venue)
        try:
            _serve(exchange, listener, on_ready)
        finally:
            exchange.close()


def _listening(host: str, port: int) -> socket.socket:
    # Bound here and not by the server, which would leave its threads behind where it cannot.
    try:
        return socket.create_server((host, port))
    except OSError as exc:
        message = f"cannot serve at {host}:{port}: {exc}"
        raise AddressTaken(message) from exc


def _serve(exchange: PaperExchange, listener: socket.socket, on_ready: Callable[[str], None] | None) -> None:
    closing = threading.Event()
    faults = Faults()
    server = create_server(
        FaultyApplication(create_app(exchange, faults), faults, closing=closing),
        sockets=[listener],
        threads=_THREADS,
        asyncore_use_poll=True,
        connection_limit=5_000,
        max_request_body_size=_LARGEST_BODY,
        ident="orderwright-paper-exchange",
    )
    with _stopping_on_signals(closing):
        try:
            if on_ready is not None:
                on_ready(f"http://{server.effective_host}:{server.effective_port}")
            server.run()
        except SystemExit:
            closing.set()
    server.close()


@contextmanager
def _stopping_on_signals(closing: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not closing.is_set():
            closing.set()
            raise SystemExit

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
