"""How effects become requests to the paper exchange, and its answers outcomes, the same in-process and over HTTP."""

from msgspec.structs import replace

from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    CancelOrder,
    Effect,
    ExchangeOrder,
    FetchQuote,
    LeverageAnswered,
    LookUpOrder,
    NotFound,
    OrderSeen,
    Outcome,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    SetLeverage,
    Unclear,
)
from orderwright.engine.traits import Traits
from orderwright.exchanges.paper.profiles import PAPER_TRAITS as PAPER_TRAITS
from orderwright.exchanges.paper.records import (
    DUPLICATE_CLIENT_ID,
    EXPIRED,
    MAINTENANCE,
    RATE_LIMITED,
    UNSUPPORTED,
    NewOrder,
    OrderKey,
)
from orderwright.moments import Micros

UNREACHABLE = "exchange_unreachable"
_NO_FOR_NOW = frozenset({EXPIRED, MAINTENANCE, UNREACHABLE})
_NO_LOOKUP = "this exchange does not find orders by client order id"


def order_of(effect: PlaceOrder, traits: Traits = PAPER_TRAITS) -> NewOrder:
    """Return the order as it is sent; its time limit only where the exchange would keep it."""
    return NewOrder(
        client_order_id=effect.order_id,
        symbol=effect.symbol,
        side=effect.side,
        order_type=effect.order_type,
        amount=effect.amount,
        price=effect.price,
        market_type=effect.market_type,
        reduce_only=effect.reduce_only,
        valid_until=effect.valid_until if traits.request_expiry else None,
        stop_price=effect.stop_price,
    )


def key_of(effect: CancelOrder | LookUpOrder) -> OrderKey:
    """Return how the order is named to the paper exchange."""
    return OrderKey(client_order_id=effect.order_id, exchange_order_id=effect.exchange_order_id)


def unsendable(effect: Effect, traits: Traits, *, now: Micros) -> Outcome | None:
    """Return the outcome of an effect that must not, or cannot, be sent; None if it can."""
    match effect:
        case PlaceOrder() if now >= effect.valid_until:
            error = "not sent: the time until which the order was valid is over"
            return placement(effect, Refused(code=EXPIRED, error=error))
        case CancelOrder() if effect.exchange_order_id is None and not traits.lookup_by_client_id:
            return cancellation(effect, Refused(code=UNSUPPORTED, error=_NO_LOOKUP))
        case LookUpOrder() if effect.exchange_order_id is None and not traits.lookup_by_client_id:
            return unclear(effect, _NO_LOOKUP, asked_at=now)
    return None


def placement(effect: PlaceOrder, answer: ExchangeOrder | Refused | Unclear) -> PlacementAnswered:
    """Return what came of a placement.

    A client order id seen before is doubt, for the first request may live. Being late, or an exchange under
    maintenance, says nothing against another request.
    """
    result: Placed | Refused | Unclear
    if isinstance(answer, ExchangeOrder):
        result = Placed(order=answer)
    elif isinstance(answer, Refused) and answer.code == DUPLICATE_CLIENT_ID:
        result = Unclear(reason=answer.error)
    elif isinstance(answer, Refused) and answer.code in _NO_FOR_NOW and answer.again_after is None:
        result = replace(answer, again_after=0)
    else:
        result = answer
    return PlacementAnswered(order_id=effect.order_id, result=result)


def cancellation(effect: CancelOrder, answer: Cancelled | NotFound | Refused | Unclear) -> CancelAnswered:
    """Return what came of a cancel."""
    return CancelAnswered(order_id=effect.order_id, result=answer, attempt=effect.attempt)


def leverage_answer(effect: SetLeverage, problem: Refused | Unclear | None) -> LeverageAnswered:
    """Return what came of setting a leverage."""
    return LeverageAnswered(symbol=effect.symbol, leverage=effect.leverage, problem=problem)


def turned_away(effect: Effect, words: str, *, again_after: int, asked_at: Micros) -> Outcome:
    """Return the outcome of an effect that the exchange turned away for too many requests: nothing was done."""
    return _no(effect, Refused(code=RATE_LIMITED, error=words, again_after=again_after), asked_at=asked_at)


def unclear(effect: Effect, reason: str, *, asked_at: Micros) -> Outcome:
    """Return the outcome that leaves the effect in doubt."""
    result = Unclear(reason=reason)
    match effect:
        case PlaceOrder():
            return PlacementAnswered(order_id=effect.order_id, result=result)
        case CancelOrder():
            return CancelAnswered(order_id=effect.order_id, result=result, attempt=effect.attempt)
        case LookUpOrder():
            return OrderSeen(order_id=effect.order_id, asked_at=asked_at, result=result)
        case FetchQuote():
            return QuoteAnswered(symbol=effect.symbol, result=result)
        case SetLeverage():
            return leverage_answer(effect, result)


def not_sent(effect: Effect, reason: str, *, asked_at: Micros) -> Outcome:
    """Return the outcome of an effect that certainly did not leave: a no for now where one can be given."""
    return _no(effect, Refused(code=UNREACHABLE, error=reason, again_after=0), asked_at=asked_at)


def _no(effect: Effect, refused: Refused, *, asked_at: Micros) -> Outcome:
    match effect:
        case PlaceOrder():
            return placement(effect, refused)
        case CancelOrder():
            return cancellation(effect, refused)
        case SetLeverage():
            return leverage_answer(effect, refused)
        case LookUpOrder() | FetchQuote():
            return unclear(effect, refused.error, asked_at=asked_at)
