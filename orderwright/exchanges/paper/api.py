"""The paper exchange's HTTP surface: JSON in and out, one small resource per path."""

from collections.abc import Callable
from typing import TypeVar

import falcon
import msgspec
from falcon import Request, Response

from orderwright.engine.instruments import MarketType
from orderwright.engine.outcomes import Cancelled, ExchangeOrder, NotFound, Refused
from orderwright.exchanges.gateway import ExchangeError
from orderwright.exchanges.paper.books import PaperBooksError
from orderwright.exchanges.paper.conditions import Conditions
from orderwright.exchanges.paper.exchange import PaperExchange, UnknownAccount
from orderwright.exchanges.paper.faults import Fault, Faults
from orderwright.exchanges.paper.gate import RateLimited, Unavailable
from orderwright.exchanges.paper.profiles import UnknownProfile
from orderwright.exchanges.paper.records import DUPLICATE_CLIENT_ID, RATE_LIMITED, ComingPrice, OrderKey
from orderwright.exchanges.paper.wire import (
    INVALID,
    NOT_FOUND,
    UNAVAILABLE,
    UNKNOWN_ACCOUNT,
    OpenAccount,
    Placement,
    Problem,
    ServedBooks,
    SetLeverage,
    SetPrice,
    Time,
)
from orderwright.moments import SECOND

Body = TypeVar("Body")


class InvalidRequest(ExchangeError):
    """A request that cannot be read, or lacks something."""


def create_app(exchange: PaperExchange, faults: Faults) -> falcon.App[Request, Response]:
    """Return the WSGI application that serves this exchange; `faults` are listed and changed through it too."""
    app = falcon.App()
    app.add_error_handler(InvalidRequest, _on_invalid)
    app.add_error_handler(UnknownProfile, _on_invalid)
    app.add_error_handler(UnknownAccount, _on_unknown_account)
    app.add_error_handler(RateLimited, _on_rate_limit)
    app.add_error_handler(Unavailable, _on_unavailable)
    app.add_error_handler(PaperBooksError, _on_unavailable)
    app.add_route("/v1/time", Reading(lambda _: Time(now=exchange.now())))
    app.add_route("/v1/instruments", Reading(lambda _: [m for kind in MarketType for m in exchange.instruments(kind)]))
    app.add_route("/v1/price", Price(exchange))
    app.add_route("/v1/prices", Prices(exchange))
    app.add_route("/v1/prices/script", PriceScript(exchange))
    app.add_route("/v1/conditions", ConditionsNow(exchange))
    app.add_route("/v1/accounts", Accounts(exchange))
    app.add_route("/v1/leverage", Leverage(exchange))
    app.add_route("/v1/account", Reading(lambda req: exchange.account_books(_query(req, "account"))))
    app.add_route("/v1/balances", Reading(lambda req: exchange.balances(_query(req, "account"))))
    app.add_route("/v1/positions", Reading(lambda req: exchange.positions(_query(req, "account"))))
    app.add_route("/v1/open-orders", Reading(lambda req: exchange.open_orders(_query(req, "account"))))
    app.add_route("/v1/trades", Reading(lambda req: exchange.account_books(_query(req, "account")).trades))
    app.add_route("/v1/orders", Orders(exchange))
    app.add_route("/v1/order", Order(exchange))
    app.add_route("/v1/books", Reading(lambda _: ServedBooks(books=exchange.dump(), requests=faults.requests())))
    app.add_route("/v1/faults", FaultList(faults))
    return app


class Reading:
    """A path that only tells."""

    def __init__(self, read: Callable[[Request], object]) -> None:
        self._read = read

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell it."""
        _answer(resp, self._read(req))


class Price:
    """The price of a symbol, however it is spelled."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell the price now, after matching what rests."""
        spelling = _query(req, "symbol")
        symbol = self._exchange.symbol_of(spelling)
        quote = None if symbol is None else self._exchange.quote(symbol)
        if quote is None:
            _refuse(resp, falcon.HTTP_404, Problem(code="unknown_symbol", error=f"there is no price for {spelling}"))
        else:
            _answer(resp, quote)


class Prices:
    """The prices that win over the feed."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_post(self, req: Request, resp: Response) -> None:
        """Set a price and match what it crosses, or clear it."""
        body = _body(req, SetPrice)
        if body.price is None:
            self._exchange.clear_price(body.symbol)
        else:
            try:
                self._exchange.set_price(body.symbol, body.price)
            except ValueError as exc:
                raise InvalidRequest(str(exc)) from exc
        _answer(resp, body)


class PriceScript:
    """The prices that are to come."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_post(self, req: Request, resp: Response) -> None:
        """Let prices come at their moments, in place of what was to come for their symbols."""
        try:
            _answer(resp, self._exchange.script_prices(_body(req, tuple[ComingPrice, ...])))
        except ValueError as exc:
            raise InvalidRequest(str(exc)) from exc


class ConditionsNow:
    """What the exchange is like for now."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002 - falcon's signature
        """Tell it."""
        _answer(resp, self._exchange.conditions())

    def on_post(self, req: Request, resp: Response) -> None:
        """Change it, all at once: what is left out is as by default."""
        try:
            self._exchange.set_conditions(_body(req, Conditions))
        except ValueError as exc:
            raise InvalidRequest(str(exc)) from exc
        _answer(resp, self._exchange.conditions())


class Accounts:
    """The accounts."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_post(self, req: Request, resp: Response) -> None:
        """Open an account; one that exists only takes over the profile."""
        body = _body(req, OpenAccount)
        self._exchange.open_account(body.account, body.balances, leverage=body.leverage, profile=body.profile)
        _answer(resp, body)


class Leverage:
    """The leverage of an account's futures."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_post(self, req: Request, resp: Response) -> None:
        """Set it for a symbol."""
        body = _body(req, SetLeverage)
        refused = self._exchange.set_leverage(body.account, body.symbol, body.leverage)
        _answer_request(resp, refused or body)


class Orders:
    """An account's orders."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell all orders of an account, oldest first."""
        _answer(resp, self._exchange.account_books(_query(req, "account")).orders)

    def on_post(self, req: Request, resp: Response) -> None:
        """Place an order."""
        body = _body(req, Placement)
        _answer_request(resp, self._exchange.place(body.account, body.order))

    def on_delete(self, req: Request, resp: Response) -> None:
        """Cancel one order."""
        _answer_request(resp, self._exchange.cancel(_query(req, "account"), _key(req)))


class Order:
    """One order, open or ended."""

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell its state and its fills."""
        _answer_request(resp, self._exchange.look(_query(req, "account"), _key(req)))


class FaultList:
    """The faults in force."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def on_get(self, req: Request, resp: Response) -> None:  # noqa: ARG002 - falcon's signature
        """Tell them, with the counts that are left."""
        _answer(resp, self._faults.in_force())

    def on_post(self, req: Request, resp: Response) -> None:
        """Put another one in force."""
        self._faults.add(_body(req, Fault))
        _answer(resp, self._faults.in_force())

    def on_delete(self, req: Request, resp: Response) -> None:  # noqa: ARG002 - falcon's signature
        """Clear them all."""
        self._faults.clear()
        _answer(resp, self._faults.in_force())


def _body(req: Request, body_type: type[Body]) -> Body:
    try:
        return msgspec.json.decode(req.bounded_stream.read(), type=body_type)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidRequest(str(exc)) from exc


def _query(req: Request, name: str) -> str:
    value = req.get_param(name)
    if not value:
        message = f"{name} is missing"
        raise InvalidRequest(message)
    return value


def _key(req: Request) -> OrderKey:
    key = OrderKey(
        client_order_id=req.get_param("client_order_id"), exchange_order_id=req.get_param("exchange_order_id")
    )
    if key == OrderKey():
        message = "client_order_id or exchange_order_id is missing"
        raise InvalidRequest(message)
    return key


def _answer(resp: Response, answer: object) -> None:
    resp.content_type = falcon.MEDIA_JSON
    resp.data = msgspec.json.encode(answer)


def _refuse(resp: Response, status: str, problem: Problem) -> None:
    resp.status = status
    _answer(resp, problem)


def _answer_request(resp: Response, answer: ExchangeOrder | Cancelled | SetLeverage | Refused | NotFound) -> None:
    if isinstance(answer, NotFound):
        _refuse(resp, falcon.HTTP_404, Problem(code=NOT_FOUND, error="there is no such order"))
    elif isinstance(answer, Refused):
        status = falcon.HTTP_409 if answer.code == DUPLICATE_CLIENT_ID else falcon.HTTP_400
        _refuse(resp, status, Problem(code=answer.code, error=answer.error))
    else:
        _answer(resp, answer)


def _on_invalid(_req: Request, resp: Response, error: InvalidRequest | UnknownProfile, _params: object) -> None:
    _refuse(resp, falcon.HTTP_400, Problem(code=INVALID, error=str(error)))


def _on_unknown_account(_req: Request, resp: Response, error: UnknownAccount, _params: object) -> None:
    _refuse(resp, falcon.HTTP_404, Problem(code=UNKNOWN_ACCOUNT, error=str(error)))


def _on_rate_limit(_req: Request, resp: Response, error: RateLimited, _params: object) -> None:
    resp.set_header("Retry-After", str(-(-error.retry_after // SECOND)))
    _refuse(resp, falcon.HTTP_429, Problem(code=RATE_LIMITED, error=str(error), again_after=error.retry_after))


def _on_unavailable(_req: Request, resp: Response, error: ExchangeError, _params: object) -> None:
    _refuse(resp, falcon.HTTP_503, Problem(code=UNAVAILABLE, error=str(error)))
