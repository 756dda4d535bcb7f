"""The way to a paper exchange in a process of its own: effects go out over HTTP on the shared loop, nothing blocks."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from decimal import Decimal
from typing import TypeVar

import aiohttp
import msgspec
from yarl import URL

from orderwright.clock import Clock
from orderwright.engine.instruments import Instrument, MarketType, Quote
from orderwright.engine.outcomes import (
    Cancelled,
    CancelOrder,
    Effect,
    ExchangeOrder,
    FetchQuote,
    LookUpOrder,
    NotFound,
    OrderSeen,
    Outcome,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    SetLeverage,
    Unclear,
)
from orderwright.exchanges.gateway import ExchangeError, ExchangeUnavailable, LeverageRefused
from orderwright.exchanges.loop import ExchangeLoop, LoopClosed, Wire
from orderwright.exchanges.paper.answers import (
    cancellation,
    key_of,
    leverage_answer,
    not_sent,
    order_of,
    placement,
    unclear,
    unsendable,
)
from orderwright.exchanges.paper.profiles import profile_named
from orderwright.exchanges.paper.records import RATE_LIMITED, Balance, OrderKey, PaperPosition
from orderwright.exchanges.paper.wire import NOT_FOUND, OpenAccount, Placement, Problem
from orderwright.exchanges.paper.wire import SetLeverage as Leverage
from orderwright.moments import SECOND, Micros

T = TypeVar("T")

_HTTP_OK = 200
_HTTP_REFUSED = range(400, 500)
_NO_ID = "the answer carried no order id"

_log = logging.getLogger(__name__)


class BadAddress(ExchangeError):
    """The address of the exchange is no http or https URL."""


class HttpPaperGateway:
    """One account at a paper exchange over HTTP; the exchange may be away when the engine starts."""

    def __init__(
        self,
        url: str,
        *,
        account: str,
        balances: Mapping[str, Decimal],
        clock: Clock,
        loop: ExchangeLoop,
        profile: str | None = None,
    ) -> None:
        """Make a gateway to `url` (`http://127.0.0.1:9001`); nothing is asked yet.

        `profile` names the exchange that the paper exchange is to be like.

        Raises:
            BadAddress: the URL is none.
            UnknownProfile: there is no such profile.
        """
        self._base = _address(url)
        self._account = account
        self._opening = OpenAccount(account=account, balances=dict(balances), profile=profile)
        self._market_types = profile_named(profile).market_types
        self.traits = profile_named(profile).traits
        self._clock = clock
        self._loop = loop
        self._instruments: dict[MarketType, tuple[Instrument, ...]] = {}
        self._loading = asyncio.Lock()
        self._pending: set[Future[Outcome]] = set()
        self._pending_lock = threading.Lock()
        self._is_closed = False

    def open(self, *, timeout: float = 5.0) -> None:
        """Open the account and load the markets, within `timeout` seconds; may be tried again.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        self._loop.run(self._load(), timeout=timeout)

    def reload_markets(self, *, timeout: float = 5.0) -> None:
        """Load the markets anew, within `timeout` seconds.

        Raises:
            ExchangeUnavailable: the exchange could not be asked; the markets stay as they were.
        """
        self._loop.run(self._load_markets(), timeout=timeout)

    def close(self) -> None:
        """Answer what is still under way with `Unclear`, and take nothing more."""
        with self._pending_lock:
            self._is_closed = True
            pending = list(self._pending)
        for future in pending:
            future.cancel()

    def submit(self, effect: Effect, done: Callable[[Outcome], None]) -> None:
        """Send the effect on its way; `done` is called on the loop's thread, at the latest at the effect's deadline."""
        asked_at = self._clock.now()
        try:
            future = self._started(effect, asked_at)
        except LoopClosed as exc:
            done(not_sent(effect, str(exc), asked_at=asked_at))
            return
        future.add_done_callback(lambda ended: self._ended(ended, effect, asked_at, done))

    def instruments(self, market_type: MarketType) -> tuple[Instrument, ...]:
        """Return the markets of that type; none until they are loaded."""
        return self._instruments.get(market_type, ())

    def open_orders(self, *, timeout: float = 5.0) -> tuple[ExchangeOrder, ...]:
        """Return every open order of the account, within `timeout` seconds.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        asking = self._fetch("/v1/open-orders", {"account": self._account}, tuple[ExchangeOrder, ...])
        return self._loop.run(asking, timeout=timeout)

    def balances(self, *, timeout: float = 5.0) -> Mapping[str, Decimal]:
        """Return the account's total balance per currency, within `timeout` seconds.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        asking = self._fetch("/v1/balances", {"account": self._account}, dict[str, Balance])
        return {currency: balance.total for currency, balance in self._loop.run(asking, timeout=timeout).items()}

    def positions(self, *, timeout: float = 5.0) -> Mapping[str, Decimal]:
        """Return the account's netted futures positions by symbol, within `timeout` seconds.

        Raises:
            ExchangeUnavailable: the exchange could not be asked.
        """
        asking = self._fetch("/v1/positions", {"account": self._account}, tuple[PaperPosition, ...])
        return {position.symbol: position.amount for position in self._loop.run(asking, timeout=timeout)}

    def set_leverage(self, symbol: str, leverage: Decimal, *, timeout: float = 5.0) -> None:
        """Let the account trade futures of `symbol` with this leverage, within `timeout` seconds.

        Raises:
            LeverageRefused: the exchange does not allow it.
            ExchangeUnavailable: the exchange could not be asked, or nobody knows whether it did it.
        """
        body = Leverage(account=self._account, symbol=symbol, leverage=leverage)
        answer = self._loop.run(self._ask("POST", "/v1/leverage", Leverage, body=body), timeout=timeout)
        if isinstance(answer, Refused) and answer.code == RATE_LIMITED:
            raise ExchangeUnavailable(answer.error)
        if not isinstance(answer, Leverage):
            raise LeverageRefused(answer.error if isinstance(answer, Refused) else "there is nothing to set")

    def _started(self, effect: Effect, asked_at: Micros) -> Future[Outcome]:
        with self._pending_lock:
            if self._is_closed:
                message = "the connection to the exchange is closed"
                raise LoopClosed(message)
            future = self._loop.start(self._outcome(effect, asked_at))
            self._pending.add(future)
            return future

    def _ended(
        self, future: Future[Outcome], effect: Effect, asked_at: Micros, done: Callable[[Outcome], None]
    ) -> None:
        with self._pending_lock:
            self._pending.discard(future)
        if future.cancelled():
            done(unclear(effect, "the connection was closed before the answer", asked_at=asked_at))
        elif (failure := future.exception()) is not None:
            _log.error("an effect broke its gateway", exc_info=failure)
            done(unclear(effect, f"internal error: {type(failure).__name__}", asked_at=asked_at))
        else:
            done(future.result())

    async def _outcome(self, effect: Effect, asked_at: Micros) -> Outcome:
        try:
            async with asyncio.timeout(self._left(effect)):
                await self._load()
        except (TimeoutError, ExchangeUnavailable) as exc:
            return not_sent(effect, str(exc) or "the exchange did not answer in time", asked_at=asked_at)
        unsent = unsendable(effect, self.traits, now=self._clock.now())
        if unsent is not None:
            return unsent
        wire = Wire()
        try:
            async with asyncio.timeout(self._left(effect)):
                return await self._carried_out(effect, wire)
        except (TimeoutError, ExchangeUnavailable) as exc:
            reason = str(exc) or "no answer before the deadline"
            return (unclear if wire.reached else not_sent)(effect, reason, asked_at=asked_at)

    async def _carried_out(self, effect: Effect, wire: Wire) -> Outcome:
        match effect:
            case PlaceOrder():
                return await self._placed(effect, wire)
            case CancelOrder():
                query = self._query(key_of(effect))
                cancelled = await self._ask("DELETE", "/v1/orders", Cancelled, query=query, wire=wire)
                has_no_id = (
                    isinstance(cancelled, Cancelled) and cancelled.order and not cancelled.order.exchange_order_id
                )
                return cancellation(effect, Unclear(reason=_NO_ID) if has_no_id else cancelled)
            case LookUpOrder():
                asked_at = self._clock.now()
                seen = await self._ask("GET", "/v1/order", ExchangeOrder, query=self._query(key_of(effect)), wire=wire)
                result = Unclear(reason=seen.error) if isinstance(seen, Refused) else _with_id(seen)
                return OrderSeen(order_id=effect.order_id, asked_at=asked_at, result=result)
            case SetLeverage():
                return await self._leverage_set(effect, wire)
            case FetchQuote():
                quote = await self._ask("GET", "/v1/price", Quote, query={"symbol": effect.symbol}, wire=wire)
                unknown = Unclear(reason=f"the exchange has no price for {effect.symbol}")
                return QuoteAnswered(symbol=effect.symbol, result=quote if isinstance(quote, Quote) else unknown)

    async def _leverage_set(self, effect: SetLeverage, wire: Wire) -> Outcome:
        body = Leverage(account=self._account, symbol=effect.symbol, leverage=effect.leverage)
        answer = await self._ask("POST", "/v1/leverage", Leverage, body=body, wire=wire)
        if isinstance(answer, NotFound):
            return leverage_answer(effect, Unclear(reason="the exchange answered with not found"))
        return leverage_answer(effect, answer if isinstance(answer, Refused) else None)

    async def _placed(self, effect: PlaceOrder, wire: Wire) -> Outcome:
        body = Placement(account=self._account, order=order_of(effect, self.traits))
        answer = await self._ask("POST", "/v1/orders", ExchangeOrder, body=body, wire=wire)
        no_answer = Unclear(reason="the exchange answered a placement with not found")
        return placement(effect, no_answer if isinstance(answer, NotFound) else _with_id(answer))

    async def _load(self) -> None:
        if self._instruments:
            return
        async with self._loading:
            if self._instruments:
                return
            answer = await self._ask("POST", "/v1/accounts", OpenAccount, body=self._opening)
            if not isinstance(answer, OpenAccount):
                message = f"the exchange did not open the account {self._account}: {answer}"
                raise ExchangeUnavailable(message)
            await self._load_markets()

    async def _load_markets(self) -> None:
        markets = await self._fetch("/v1/instruments", {}, tuple[Instrument, ...])
        self._instruments = {
            kind: tuple(market for market in markets if market.market_type is kind) for kind in self._market_types
        }

    async def _fetch(self, path: str, query: Mapping[str, str], answer_type: type[T]) -> T:
        answer = await self._ask("GET", path, answer_type, query=query)
        if isinstance(answer, Refused | NotFound):
            message = f"GET {path}: {answer}"
            raise ExchangeUnavailable(message)
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        answer_type: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: msgspec.Struct | None = None,
        wire: Wire | None = None,
    ) -> T | Refused | NotFound:
        data = None if body is None else msgspec.json.encode(body)
        url = self._base.with_path(path).with_query(query)
        try:
            asking = self._loop.session().request(method, url, data=data, allow_redirects=False, trace_request_ctx=wire)
            async with asking as response:
                return _read(response.status, await response.read(), answer_type)
        except (aiohttp.ClientError, OSError) as exc:
            message = f"{method} {path}: {exc or type(exc).__name__}"
            raise ExchangeUnavailable(message) from exc

    def _query(self, key: OrderKey) -> dict[str, str]:
        query = {"account": self._account}
        if key.client_order_id is not None:
            query["client_order_id"] = key.client_order_id
        if key.exchange_order_id is not None:
            query["exchange_order_id"] = key.exchange_order_id
        return query

    def _left(self, effect: Effect) -> float:
        return (effect.deadline - self._clock.now()) / SECOND


def _address(url: str) -> URL:
    try:
        address = URL(url)
    except ValueError as exc:
        message = f"{url!r} is no address: {exc}"
        raise BadAddress(message) from exc
    if address.scheme not in {"http", "https"} or not address.host:
        message = f"{url!r} is no address: expected something like http://127.0.0.1:9001"
        raise BadAddress(message)
    return address


def _read(status: int, body: bytes, answer_type: type[T]) -> T | Refused | NotFound:
    try:
        if status == _HTTP_OK:
            return msgspec.json.decode(body, type=answer_type)
        if status in _HTTP_REFUSED:
            problem = msgspec.json.decode(body, type=Problem)
            return NotFound() if problem.code == NOT_FOUND else _refused(problem)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        message = f"HTTP {status} with an unreadable answer: {exc}"
        raise ExchangeUnavailable(message) from exc
    message = f"HTTP {status}"
    raise ExchangeUnavailable(message)


def _refused(problem: Problem) -> Refused:
    return Refused(code=problem.code, error=problem.error, again_after=problem.again_after)


def _with_id(answer: ExchangeOrder | T) -> ExchangeOrder | T | Unclear:
    if isinstance(answer, ExchangeOrder) and not answer.exchange_order_id:
        return Unclear(reason=_NO_ID)
    return answer
