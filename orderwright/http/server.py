"""The waitress server around the application: bounded on every side, and able to stop in good order."""

import logging
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import falcon
import msgspec
from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]
from waitress.task import ErrorTask, ThreadedTaskDispatcher  # type: ignore[import-untyped]

from orderwright.actors.switchboard import Switchboard
from orderwright.clock import monotonic
from orderwright.config.schema import Config, HttpConfig
from orderwright.http.app import App, Backstage, create_app
from orderwright.http.capacity import Capacity
from orderwright.http.declarations import MAX_BODY_BYTES
from orderwright.http.problems import CONTENT_TYPE, STATUSES, Problem, document
from orderwright.http.standby import create_standby_app
from orderwright.http.texts import chosen_language
from orderwright.moments import SECOND

logger = logging.getLogger(__name__)

MAX_HEADER_BYTES = 32_768

_IN_MEMORY_BYTES = 65_536
_BACKLOG = 1_024
_CLEANUP_SECONDS = 5
_CROWDED = 0.75
_PATIENCE_IN_A_CROWD = 1.0
_ACCEPTED_AT_ONCE = 100
_IDLE_LOOK_SECONDS = 0.02
_OWN_DESCRIPTORS = 256
_LEAST_CONNECTIONS = 16
_CODES: Final = {400: "bad_request", 413: "body_too_large", 431: "headers_too_large", 501: "bad_request"}


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers a request that waitress itself refused."""

    def execute(self) -> None:
        code = _CODES.get(self.request.error.code, "internal_error")
        incident = uuid4().hex[:12]
        if code == "internal_error":
            logger.error("incident %s: the server could not carry out a request", incident)
        details = {"limit": str(self.channel.adj.max_request_body_size - 1), "incident": incident}
        language = chosen_language(self.request.headers.get("ACCEPT_LANGUAGE"), "en")
        body = msgspec.json.encode(document(Problem(code=code, reason=code, details=details), language))
        self.status = falcon.code_to_http_status(STATUSES[code])
        self.response_headers.append(("Content-Type", CONTENT_TYPE))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _ProblemTask
    queued_at = 0.0
    began_at = 0.0

    def is_dawdling(self, patience: float) -> bool:
        """Whether a request has begun more than `patience` seconds ago and has not arrived whole."""
        return self.request is not None and monotonic() - self.began_at > patience

    def received(self, data: bytes) -> bool:
        before = self.request
        went_on: bool = super().received(data)
        if self.request is not before:
            self.began_at = monotonic()
        return went_on

    def service(self) -> None:
        self.server.capacity.note_wait(monotonic() - self.queued_at)
        if self.server.capacity.is_late and _is_gone(self.socket):
            # Nobody would read the answer; with requests waiting, waitress does not look.
            self.connected = False
        super().service()


class _Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    def add_task(self, task: _Channel) -> None:
        task.queued_at = monotonic()
        super().add_task(task)


class _TokensHidden(logging.Filter):
    """Waitress logs paths when a client goes away; some paths hold a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if "/webhook/" in record.getMessage():
            record.msg, record.args = record.getMessage().partition("/webhook/")[0] + "/webhook/…", ()
        return True


_TOKENS_HIDDEN = _TokensHidden()


def build_server(switchboard: Switchboard, config: Config, backstage: Backstage | None = None) -> "HttpServer":
    """Return a server of the whole HTTP edge for a running engine, bound and not yet started.

    Raises:
        OSError: the address cannot be bound.
    """
    capacity = Capacity(config.http.threads, longest_wait=config.http.queue_wait / SECOND)
    return HttpServer(create_app(switchboard, config, capacity, backstage), capacity, config.http)


def build_standby(config: Config, why: Callable[[], str]) -> "HttpServer":
    """Return a server that says what it waits for (`why`), bound and not yet started; see `HttpServer.hand_over`.

    Raises:
        OSError: the address cannot be bound.
    """
    return HttpServer(create_standby_app(config.locale, why), Capacity(config.http.threads), config.http)


def _bound(config: HttpConfig) -> socket.socket:
    # Bound at once, so that a taken address is known before anything else is done; nobody is let in before `start`.
    listener = socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        reason = f"{error.strerror or error}: set http.host and http.port to an address that is free here"
        raise OSError(error.errno, reason, f"{config.host}:{config.port}") from error
    return listener


def _affordable(connections: int) -> int:
    # Each takes a descriptor, and the database and the exchanges must never want for one.
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    affordable = max(_LEAST_CONNECTIONS, descriptors - _OWN_DESCRIPTORS)
    if descriptors != resource.RLIM_INFINITY and affordable < connections:
        logger.warning(
            "the system allows this process %d open descriptors, so that it takes %d connections at a time, not %d",
            descriptors,
            affordable,
            connections,
        )
        return affordable
    return connections


def _peek(connection: socket.socket) -> bytes | None:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _has_news(connection: socket.socket) -> bool:
    return bool(_peek(connection))


def _is_gone(connection: socket.socket) -> bool:
    return _peek(connection) == b""


class HttpServer:
    """Serves the application from threads of its own; `capacity` is the application's.

    Raises:
        OSError: the address cannot be bound.
    """

    def __init__(self, app: App, capacity: Capacity, config: HttpConfig) -> None:
        logging.getLogger("waitress").addFilter(_TOKENS_HIDDEN)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._app: App = app
        self._capacity = capacity
        self._sockets: dict[int, object] = {}
        self._dispatcher = _Dispatcher()
        self._listener = _bound(config)
        self._threads = config.threads
        self._server = create_server(
            self._answer,
            map=self._sockets,
            _start=False,
            _dispatcher=self._dispatcher,
            sockets=[self._listener],
            threads=config.threads,
            connection_limit=_affordable(config.connection_limit),
            channel_timeout=max(1, config.channel_timeout // SECOND),
            cleanup_interval=_CLEANUP_SECONDS,
            asyncore_use_poll=True,
            backlog=_BACKLOG,
            ident=None,
            max_request_header_size=MAX_HEADER_BYTES,
            # The largest body of any request, a declaration; a webhook's own limit is the application's.
            max_request_body_size=MAX_BODY_BYTES + 1,
            inbuf_overflow=_IN_MEMORY_BYTES,
        )
        self._server.channel_class = _Channel
        self._server.capacity = capacity
        self._server.maintenance = self._close_idle
        self._accept_one: Callable[[], None] = self._server.handle_accept
        self._server.handle_accept = self._accept_waiting
        self._loop = threading.Thread(target=self._server.run, name="http", daemon=True)

    @property
    def host(self) -> str:
        """The address that is bound."""
        return str(self._server.effective_host)

    @property
    def port(self) -> int:
        """The port that is bound, also when any free one was asked for."""
        return int(self._server.effective_port)

    @property
    def is_running(self) -> bool:
        """Whether requests are being read."""
        return self._loop.is_alive()

    def start(self) -> None:
        """Take connections and requests from here on.

        Raises:
            OSError: somebody else has begun to listen on the address.
        """
        self._server.accept_connections()
        self._dispatcher.set_thread_count(self._threads)
        self._loop.start()

    def hand_over(self, switchboard: Switchboard, config: Config, backstage: Backstage | None = None) -> None:
        """Answer the next requests from a running engine."""
        self._app = create_app(switchboard, config, self._capacity, backstage)

    def stop(self, *, within: float) -> bool:
        """Take no new connections and no new webhooks, finish what runs within that many seconds, then close.

        Returns whether everything that ran was finished.
        """
        ends = monotonic() + within
        self._capacity.close()
        if not self._loop.is_alive():
            self._close_all()
            return True
        self._server.trigger.pull_trigger(self._stop_listening)
        while not self._is_idle() and monotonic() < ends:
            time.sleep(_IDLE_LOOK_SECONDS)
        finished = self._is_idle()
        self._dispatcher.shutdown(timeout=max(1, int(ends - monotonic())))
        # Woken by something else, the loop may close everything before it is woken for that.
        with suppress(OSError):
            self._server.trigger.pull_trigger(self._close_all)
        self._loop.join(timeout=max(1.0, ends - monotonic()))
        return finished

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def _accept_waiting(self) -> None:
        # Waitress lets one connection in each time round, and TradingView makes one for each alert.
        known = self._server.active_channels
        for _ in range(_ACCEPTED_AT_ONCE):
            before = len(known)
            self._accept_one()
            if len(known) == before:
                return

    def _close_idle(self, now: float) -> None:
        # Waitress would also close a connection whose next request has arrived and was not read yet.
        # And it would keep for ever one whose request arrives a byte at a time.
        channels, limits = self._server.active_channels, self._server.adj
        patience = limits.channel_timeout
        if len(channels) > limits.connection_limit * _CROWDED:
            # Others may be waiting to be let in.
            patience = min(patience, _PATIENCE_IN_A_CROWD)
            self._server.next_channel_cleanup = now
        for channel in channels.values():
            is_idle = not channel.requests and channel.last_activity < now - patience and not _has_news(channel.socket)
            if is_idle or channel.is_dawdling(patience):
                channel.will_close = True

    def _stop_listening(self) -> None:
        self._server.accepting = False
        wasyncore.dispatcher.close(self._server)

    def _close_all(self) -> None:
        wasyncore.close_all(self._sockets, ignore_all=True)

    def _is_idle(self) -> bool:
        channels = list(self._server.active_channels.values())
        return not any(channel.requests or channel.total_outbufs_len for channel in channels)
