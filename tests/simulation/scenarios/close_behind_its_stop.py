"""A close and a cancel of the stop that holds the position come in one message: nobody is left with neither."""

from collections.abc import Iterator, Sequence

from orderwright.engine.orders import OrderStatus, Purpose
from orderwright.engine.signals import OrderType, Side
from orderwright.engine.strategy_account.events import (
    LegRefused,
    OrderAbandoned,
    OrderClosed,
    OrderRejected,
    OrderRequested,
    SignalAccepted,
)
from orderwright.moments import SECOND
from tests.simulation.evidence import Evidence
from tests.simulation.scenario import Scenario, cancel_all, close_all, market, stop, webhook


def _nobody_is_left_naked(evidence: Evidence) -> Sequence[str]:
    return list(_naked(evidence))


def _naked(evidence: Evidence) -> Iterator[str]:
    requests = {event.order_id: event for _entry, event in evidence.of(OrderRequested)}
    last = [event.signal_id for _entry, event in evidence.of(SignalAccepted)][-1:]
    stops = {known for known, request in requests.items() if request.order_type is OrderType.STOP_MARKET}
    cancelled = [
        event.order_id
        for _entry, event in evidence.of(OrderClosed)
        if event.order_id in stops and event.status is OrderStatus.CANCELLED
    ]
    if not cancelled or not any(evidence.positions.values()):
        return
    for _entry, refused in evidence.of(LegRefused):
        if refused.signal_id in last and refused.code == "insufficient_position":
            yield f"{cancelled} held the position, and was cancelled after the close had been refused"
    for _entry, end in evidence.of(OrderAbandoned):
        if requests[end.order_id].purpose is Purpose.CLOSE and end.order_id not in stops:
            yield f"{cancelled} was cancelled, and the close {end.order_id} was given up: {end.error}"
    for _entry, no in evidence.of(OrderRejected):
        if "reduce-only" in no.error and no.order_id not in stops:
            yield f"{no.order_id} was turned away by the exchange because of {cancelled}"


SCENARIO = Scenario(
    name="close_behind_its_stop",
    links=(("test1", "A1"),),
    script=(
        webhook(1, "test1", market(Side.BUY, "0.3")),
        webhook(2, "test1", stop(None, "90000", qty_per="-100")),
        webhook(4, "test1", cancel_all(), close_all()),
    ),
    jitter=SECOND // 2,
    check=_nobody_is_left_naked,
    steps=66,
)
