"""How the paper exchange's answers become outcomes, the same in-process and over HTTP; and what the exchange can do."""

from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    CancelOrder,
    Effect,
    ExchangeOrder,
    FetchQuote,
    LookUpOrder,
    NotFound,
    OrderSeen,
    Outcome,
    Placed,
    PlacementAnswered,
    PlaceOrder,
    QuoteAnswered,
    Refused,
    Unclear,
)
from orderwright.engine.traits import ClientIdRule, Traits
from orderwright.exchanges.paper.records import DUPLICATE_CLIENT_ID, NewOrder, OrderKey
from orderwright.moments import SECOND, Micros

UNREACHABLE = "exchange_unreachable"

PAPER_TRAITS = Traits(
    client_id_unique=ClientIdRule.ALWAYS,
    lookup_by_client_id=True,
    request_expiry=True,
    native_stops=False,
    reduce_only=True,
    lag=SECOND,
)


def order_of(effect: PlaceOrder) -> NewOrder:
    """Return the order as it is sent to the paper exchange."""
    return NewOrder(
        client_order_id=effect.order_id,
        symbol=effect.symbol,
        side=effect.side,
        order_type=effect.order_type,
        amount=effect.amount,
        price=effect.price,
        market_type=effect.market_type,
        reduce_only=effect.reduce_only,
        valid_until=effect.valid_until,
    )


def key_of(effect: CancelOrder | LookUpOrder) -> OrderKey:
    """Return how the order is named to the paper exchange."""
    return OrderKey(client_order_id=effect.order_id, exchange_order_id=effect.exchange_order_id)


def placement(effect: PlaceOrder, answer: ExchangeOrder | Refused | Unclear) -> PlacementAnswered:
    """Return what came of a placement; a client order id seen before is doubt, for the first request may live."""
    result: Placed | Refused | Unclear
    if isinstance(answer, ExchangeOrder):
        result = Placed(order=answer)
    elif isinstance(answer, Refused) and answer.code == DUPLICATE_CLIENT_ID:
        result = Unclear(reason=answer.error)
    else:
        result = answer
    return PlacementAnswered(order_id=effect.order_id, result=result)


def cancellation(effect: CancelOrder, answer: ExchangeOrder | NotFound | Refused | Unclear) -> CancelAnswered:
    """Return what came of a cancel."""
    result = Cancelled(order=answer) if isinstance(answer, ExchangeOrder) else answer
    return CancelAnswered(order_id=effect.order_id, result=result)


def unclear(effect: Effect, reason: str, *, asked_at: Micros) -> Outcome:
    """Return the outcome that leaves the effect in doubt."""
    result = Unclear(reason=reason)
    match effect:
        case PlaceOrder():
            return PlacementAnswered(order_id=effect.order_id, result=result)
        case CancelOrder():
            return CancelAnswered(order_id=effect.order_id, result=result)
        case LookUpOrder():
            return OrderSeen(order_id=effect.order_id, asked_at=asked_at, result=result)
        case FetchQuote():
            return QuoteAnswered(symbol=effect.symbol, result=result)


def not_sent(effect: Effect, reason: str, *, asked_at: Micros) -> Outcome:
    """Return the outcome of an effect that certainly did not leave: a definite no where one can be given."""
    refused = Refused(code=UNREACHABLE, error=reason)
    match effect:
        case PlaceOrder():
            return placement(effect, refused)
        case CancelOrder():
            return cancellation(effect, refused)
        case LookUpOrder() | FetchQuote():
            return unclear(effect, reason, asked_at=asked_at)
