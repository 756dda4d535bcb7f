"""One event-loop thread and one HTTP session, shared by every adapter that speaks to an exchange over the network."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp
from aiohttp.connector import Connection

from orderwright.exchanges.gateway import ExchangeError, ExchangeUnavailable

T = TypeVar("T")


class LoopClosed(ExchangeError):
    """The loop has been closed and takes no more work; what was to be sent has not left."""


class Wire:
    """Whether a request has begun to leave; given to the session as the request's `trace_request_ctx`.

    As long as it is not `reached`, nothing has been sent, whatever error or time-out came: not even by a first try that
    the HTTP library repeated.
    """

    def __init__(self) -> None:
        self.reached = False


class ExchangeLoop:
    """Runs coroutines on a thread of its own; the thread starts with the first of them.

    `may_send` is asked right before each request leaves: with False it does not, and nothing has been sent.
    """

    def __init__(self, *, may_send: Callable[[], bool] | None = None) -> None:
        self._request_class = aiohttp.ClientRequest if may_send is None else _guarded(may_send)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Let the coroutine run, without waiting for it; its future can be cancelled.

        Raises:
            LoopClosed: the coroutine was not started.
        """
        with self._lock:
            if self._is_closed:
                coroutine.close()
                message = "the connection to the exchanges is closed"
                raise LoopClosed(message)
            return asyncio.run_coroutine_threadsafe(coroutine, self._running())

    def run(self, coroutine: Coroutine[Any, Any, T], *, timeout: float) -> T:
        """Let the coroutine run and wait for its result; never call this on the loop's own thread.

        Raises:
            ExchangeUnavailable: there was no result within `timeout` seconds, or the loop is closed.
        """
        try:
            future = self.start(coroutine)
        except LoopClosed as exc:
            raise ExchangeUnavailable(str(exc)) from exc
        try:
            return future.result(timeout)
        except (FutureTimeoutError, CancelledError) as exc:
            future.cancel()
            message = f"no answer within {timeout} s"
            raise ExchangeUnavailable(message) from exc

    def session(self) -> aiohttp.ClientSession:
        """Return the shared HTTP session; only to be called on the loop's own thread.

        It sets no time limits and no limit on connections: whoever asks knows the deadline.
        """
        if self._session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_headers_sent.append(_on_wire)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                trace_configs=[tracing],
                request_class=self._request_class,
            )
        return self._session

    def close(self) -> None:
        """Cancel what still runs, close the session and end the thread; calling it again does nothing."""
        with self._lock:
            self._is_closed = True
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._wind_up(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="exchange-loop", daemon=True)
            self._thread.start()
        return self._loop

    async def _wind_up(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def _guarded(may_send: Callable[[], bool]) -> type[aiohttp.ClientRequest]:
    class GuardedRequest(aiohttp.ClientRequest):
        async def send(self, conn: Connection) -> aiohttp.ClientResponse:
            if not may_send():
                message = "not sent: this engine may not act for its log any more"
                raise ExchangeUnavailable(message)
            return await super().send(conn)

    return GuardedRequest


async def _on_wire(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _sent: aiohttp.TraceRequestHeadersSentParams
) -> None:
    if isinstance(context.trace_request_ctx, Wire):
        context.trace_request_ctx.reached = True
