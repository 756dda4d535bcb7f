"""What must hold beside proof.md's letters: pauses, leverage, ways out, and what a close has counted."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from orderwright.engine.instruments import MarketType
from orderwright.engine.orders import Purpose
from orderwright.engine.strategy_account.events import (
    CancelRefused,
    FillRecorded,
    LegRefused,
    LiquidationStarted,
    OrderAbandoned,
    OrderAccepted,
    OrderDoubted,
    OrderNeverPlaced,
    OrderRejected,
    OrderRequested,
    RefreshStarted,
)
from orderwright.engine.strategy_account.state import Rules
from tests.simulation.booked_order import BookedOrder
from tests.simulation.evidence import Evidence
from tests.simulation.ledger import Ledger
from tests.simulation.life import LEVERAGE

_PASSING = frozenset({"exchange_unreachable", "rate_limited", "expired", "not_placed"})
_FOR_WANT_OF_A_POSITION = ("insufficient_position", "no_long_position", "no_short_position")

Check = Callable[[Evidence, Ledger], Iterator[str]]


def _closes_count_what_was_filled(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    started: dict[tuple[str, object, int], RefreshStarted] = {}
    booked: dict[str, Decimal] = {}
    for entry in evidence.entries:
        stream = entry.stored.stream
        match entry.event:
            case FillRecorded(order_id=order_id, fill=fill):
                booked[order_id] = booked.get(order_id, Decimal(0)) + fill.amount
            case RefreshStarted() as event:
                started[stream, event.signal_id, event.leg] = event
            case OrderRequested(purpose=Purpose.ENTRY):
                # A sell of coins that the position covered before all looks had answered needs no more of them.
                continue
            case LegRefused(code=code) if code not in _FOR_WANT_OF_A_POSITION:
                continue
            case OrderRequested() | LegRefused() as event:
                refresh = started.get((stream, event.signal_id, event.leg))
                if refresh is None or event.at >= refresh.at + Rules().call_timeout:
                    continue
                shown = refresh.at - evidence.blind_for
                for order in _orders_of(stream, refresh.symbol, evidence, ledger):
                    if order.was_forgotten(shown, event.at + evidence.blind_for):
                        continue
                    if ledger.orders[order.client_order_id].is_in_doubt_for_good(evidence):
                        continue
                    if booked.get(order.client_order_id, Decimal(0)) < _filled_by(shown, order):
                        yield f"leg {event.leg} of {event.signal_id} misses fills of {order.client_order_id}"


def _orders_of(stream: str, symbol: str, evidence: Evidence, ledger: Ledger) -> Iterator[BookedOrder]:
    for order in evidence.orders:
        story = ledger.orders.get(order.client_order_id)
        # What had counted as ended is not asked about before it turns up.
        if story is not None and story.stream == stream and order.symbol == symbol and not story.has_surfaced:
            yield order


def _filled_by(moment: int, order: BookedOrder) -> Decimal:
    if order.visible_from > moment:
        return Decimal(0)
    return sum((fill.amount for fill in order.fills if fill.at + order.fills_lag <= moment), Decimal(0))


def _ways_out_are_never_dropped(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    goes_on = {story.request.replaces for story in ledger.orders.values()}
    goes_on |= {event.order_id for _entry, event in evidence.of(OrderAbandoned)}
    liquidations = {event.command_id for _entry, event in evidence.of(LiquidationStarted)}
    for _entry, event in evidence.of(OrderRejected):
        story = ledger.orders[event.order_id]
        is_wanted = story.request.purpose is Purpose.CLOSE and not story.cancel_steps
        if not is_wanted or event.code not in _PASSING or story.request.signal_id in liquidations:
            continue
        if event.order_id not in goes_on:
            yield f"{event.order_id} is a way out that was dropped at {event.code}"
    for _entry, refused in evidence.of(CancelRefused):
        if refused.code in _PASSING:
            yield f"the cancel of {refused.order_id} was dropped at {refused.code}"


def _openings_never_overtake(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    waiting: dict[tuple[str, str], set[object]] = {}
    for entry in evidence.entries:
        order_id = getattr(entry.event, "order_id", None)
        request = entry.event if isinstance(entry.event, OrderRequested) else None
        if order_id in ledger.orders and request is None:
            request = ledger.orders[order_id].request
        if request is None:
            continue
        there = waiting.setdefault((entry.stored.stream, request.symbol), set())
        leg = (request.signal_id, request.leg)
        match entry.event:
            case OrderRejected(again_at=int()) if request.purpose is Purpose.CLOSE:
                there.add(leg)
            case OrderRequested(purpose=Purpose.ENTRY, attempt=1) if there:
                yield f"{request.order_id} was asked for before the closes {there} of its market"
            case OrderRejected() | OrderAbandoned() | OrderAccepted() | OrderDoubted() | OrderNeverPlaced():
                there.discard(leg)


def _leverage_is_set_before(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for order in evidence.orders:
        story = ledger.orders.get(order.client_order_id)
        if story is None or not evidence.sets_leverage or story.request.purpose is not Purpose.ENTRY:
            continue
        if order.market_type is MarketType.FUTURES and order.leverage != LEVERAGE:
            yield f"{order.client_order_id} was placed with the leverage {order.leverage}"


def _pauses_hold(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for since, until, stream in evidence.pauses:
        for received in evidence.journal:
            story = ledger.orders.get(received.client_order_id)
            if received.kind != "place" or story is None or story.stream != stream:
                continue
            if since < received.sent_at < until and story.request.purpose is Purpose.ENTRY:
                yield f"{received.client_order_id} left although {stream} was paused"


RULES: tuple[tuple[str, Check], ...] = (
    ("p", _pauses_hold),
    ("l", _leverage_is_set_before),
    ("o", _ways_out_are_never_dropped),
    ("o", _openings_never_overtake),
    ("r", _closes_count_what_was_filled),
)
