"""What must hold when things are quiet again, by proof.md's letters; read from the books and the log alone."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from orderwright.engine.inbox import SignalReceived
from orderwright.engine.orders import Fill
from tests.simulation.booked_order import BookedOrder
from tests.simulation.chain import chain_faults
from tests.simulation.evidence import Entry, Evidence
from tests.simulation.ledger import Ledger, OrderStory, change_by
from tests.simulation.trading_rules import RULES, Check


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise, each beginning with its letter; none is what we want."""
    ledger = Ledger(evidence)
    return [f"({letter}) {wrong}" for letter, check in _CHECKS for wrong in check(evidence, ledger)]


def _intent_before_order(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    sent: set[str] = set()
    for received in evidence.journal:
        if received.kind != "place":
            continue
        story = ledger.orders.get(received.client_order_id)
        if story is None or story.step >= received.step:
            yield f"{received.client_order_id} reached the exchange without a committed intent"
        if received.client_order_id in sent:
            yield f"{received.client_order_id} was sent twice"
        sent.add(received.client_order_id)
    for order in evidence.orders:
        story = ledger.orders.get(order.client_order_id)
        if story is not None and _wanted(story, evidence) != _booked(order):
            yield f"{order.client_order_id} is another at the exchange than it was meant to be"


def _wanted(story: OrderStory, evidence: Evidence) -> tuple[object, ...]:
    request = story.request
    return (
        evidence.accounts[story.stream],
        request.symbol,
        request.side,
        request.amount,
        request.price,
        request.stop_price,
    )


def _booked(order: BookedOrder) -> tuple[object, ...]:
    return order.account, order.symbol, order.side, order.amount, order.price, order.stop_price


def _one_order_per_leg(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    placed: dict[object, BookedOrder] = {}
    for order in evidence.orders:
        story = ledger.orders.get(order.client_order_id)
        if story is None:
            continue
        leg = (story.stream, story.request.signal_id, story.request.leg)
        if leg in placed:
            yield f"{leg} has two orders: {placed[leg].exchange_order_id} and {order.exchange_order_id}"
        placed[leg] = order


def _attempts_follow_evidence(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for order_id, story in ledger.orders.items():
        request = story.request
        if request.attempt == 1:
            continue
        before = ledger.orders.get(request.replaces or "")
        if before is None or before.request.attempt != request.attempt - 1:
            yield f"{order_id} is attempt {request.attempt}, and replaces {request.replaces}"
        elif before.ends not in (["rejected"], ["never placed"]):
            yield f"{order_id} went again after {request.replaces} was {before.ends}"
        elif before.ends == ["never placed"] and not evidence.requests_expire:
            yield f"{order_id} went again although {request.replaces} could still have arrived"


def _one_signal_per_arrival(_evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for stream, received in ledger.received.items():
        seen: dict[object, int] = {}
        for _entry, event in received:
            mark = (event.signal.holder, event.key or event.body_hash)
            until = seen.get(mark)
            if until is not None and event.at < until:
                yield f"{stream} stored {mark} twice"
            seen[mark] = event.at + (event.dedupe_window if event.key is None else 86_400_000_000)
        sequences = [event.sequence for _entry, event in received]
        if sequences != list(range(1, len(sequences) + 1)):
            yield f"{stream} numbered its signals {sequences}"


def _every_fill_once(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    booked = {order.client_order_id: order for order in evidence.orders}
    sums: dict[tuple[str, str], Decimal] = {}
    for order_id, story in ledger.orders.items():
        order = booked.get(order_id)
        there = [] if order is None else order.fills
        if story.is_in_doubt_for_good(evidence) or _is_forgotten_for_ever(story, order):
            key = (evidence.accounts[story.stream], story.request.symbol)
            unseen = _change(story, there) - _change(story, story.fills)
            sums[key] = sums.get(key, Decimal(0)) + unseen
            if evidence.tells_trades and set(map(_of_fill, story.fills)) - set(map(_of_fill, there)):
                yield f"{order_id} filled {[_of_fill(fill) for fill in there]}, and the log has {story.fills}"
            if unseen * story.request.side.sign < 0:
                yield f"{order_id} filled more in the log than at the exchange"
            continue
        if _told(story.fills, evidence) != _told(there, evidence):
            yield f"{order_id} filled {[_of_fill(fill) for fill in there]}, and the log has {story.fills}"
    for (stream, symbol), quantity in ledger.positions.items():
        key = (evidence.accounts[stream], symbol)
        sums[key] = sums.get(key, Decimal(0)) + quantity
    for key in sums.keys() | evidence.positions.keys():
        if sums.get(key, Decimal(0)) != evidence.positions.get(key, Decimal(0)):
            yield f"{key}: the exchange holds {evidence.positions.get(key)}, the log says {sums.get(key)}"
    for stream, (state, _version) in evidence.live_accounts.items():
        for position in state.positions.values():
            if position.quantity != ledger.positions.get((stream, position.symbol), Decimal(0)):
                yield f"{stream} believes in {position.quantity} {position.symbol}"


def _change(story: OrderStory, fills: Sequence[Fill]) -> Decimal:
    return sum((change_by(story, fill) for fill in fills), Decimal(0))


def _is_forgotten_for_ever(story: OrderStory, order: BookedOrder | None) -> bool:
    return order is not None and order.is_forgotten_for_ever and not story.ends


def _told(fills: Sequence[Fill], evidence: Evidence) -> object:
    if evidence.tells_trades:
        return sorted(map(_of_fill, fills))
    # The log has differences of what had filled in all: as many as there were looks.
    amount = sum((fill.amount for fill in fills), Decimal(0))
    return amount, sum((fill.fee for fill in fills), Decimal(0)), {fill.fee_currency for fill in fills}


def _of_fill(fill: Fill) -> tuple[str, Decimal, Decimal, Decimal, str]:
    return fill.trade_id, fill.amount, fill.price, fill.fee, fill.fee_currency


def _every_intent_ends(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    booked = {order.client_order_id: order for order in evidence.orders}
    for order_id, story in ledger.orders.items():
        order = booked.get(order_id)
        if len(story.ends) > 1:
            yield f"{order_id} ended more than once: {story.ends}"
        elif story.ends in (["rejected"], ["never placed"]):
            if order is not None:
                yield f"{order_id} is {story.ends[0]} in the log, and at the exchange as {order.exchange_order_id}"
        elif story.exchange_order_id is None:
            if not story.is_in_doubt_for_good(evidence):
                yield f"{order_id} has no end, and the exchange could tell"
        elif _is_forgotten_for_ever(story, order):
            if not story.has_vanished:
                yield f"{order_id} is forgotten at the exchange, and in no doubt here"
        elif order is None or order.exchange_order_id != story.exchange_order_id:
            yield f"{order_id} was accepted as {story.exchange_order_id}, which the exchange does not know"
        else:
            yield from _end_as_booked(story, order)


def _only_what_was_forgotten_vanishes(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    booked = {order.client_order_id: order for order in evidence.orders}
    for order_id, story in ledger.orders.items():
        order = booked.get(order_id)
        if story.vanished_at and (order is None or not order.was_forgotten(0, story.vanished_at[0])):
            yield f"{order_id} counted as vanished, and the exchange knew it all the time"
        if story.has_vanished and not story.ends and not _is_forgotten_for_ever(story, order):
            yield f"{order_id} is there, and still counts as vanished"


def _nothing_surfaces_at_an_honest_exchange(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for order_id, story in ledger.orders.items():
        if story.has_surfaced and evidence.is_honest:
            yield f"{order_id} had an end in the log that the exchange gave no reason for"


def _end_as_booked(story: OrderStory, order: BookedOrder) -> Iterator[str]:
    if order.is_open:
        if story.ends:
            yield f"{order.client_order_id} is open at the exchange and {story.closed_as} in the log"
        elif story.cancel:
            yield f"{order.client_order_id} is open, and its cancel is {story.cancel}"
    elif story.closed_as is not order.status:
        yield f"{order.client_order_id} is {order.status} at the exchange and {story.closed_as} in the log"


def _every_signal_ends(_evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for stream, received in ledger.received.items():
        for entry, event in received:
            finished = ledger.finished.get(event.signal.signal_id, 0)
            if finished != (1 if event.recipients else 0):
                yield f"{event.signal.signal_id} finished {finished} times in {stream}"
            for account in event.recipients:
                yield from _end_of_signal(entry, event, account, ledger)


def _end_of_signal(entry: Entry, event: SignalReceived, account: str, ledger: Ledger) -> Iterator[str]:
    signal_id = event.signal.signal_id
    story = ledger.signals.get((account, signal_id))
    if story is None:
        yield f"{signal_id} vanished on its way to {account}"
        return
    if story.position <= entry.stored.position or story.accepted.sequence != event.sequence:
        yield f"{account} took {signal_id} before it was stored, or as another than the inbox's"
    if story.ends != 1:
        yield f"{signal_id} ended {story.ends} times at {account}"
    answers = {each.leg: story.answers.get(each.leg, 0) for each in event.signal.instructions}
    if set(answers.values()) != {1}:
        yield f"{signal_id} at {account} has so many answers by leg: {answers}"


def _signals_keep_their_order(_evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for stream, accepted in ledger.accepted_order.items():
        sequences = [event.sequence for event in accepted]
        if sequences != sorted(set(sequences)):
            yield f"{stream} took its signals in the order {sequences}"
    known = {event.signal.signal_id for received in ledger.received.values() for _entry, event in received}
    for (stream, _signal_id), story in ledger.signals.items():
        if story.accepted.signal_id not in known:
            yield f"{stream} carried out a signal which was never stored"


def _promises_hold(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    stored = {event.signal.signal_id: entry.step for received in ledger.received.values() for entry, event in received}
    for promise in evidence.stored_promises:
        if stored.get(promise.signal_id, promise.step + 1) > promise.step:
            yield f"{promise.signal_id} was called stored before it was"
    booked = {order.client_order_id for order in evidence.orders}
    for report in evidence.reports:
        for result in report.results:
            if result.engine_order_id is None or result.status not in ("success", "failed", "refused"):
                continue
            if ledger.orders[result.engine_order_id].has_surfaced:
                continue
            if (result.status == "success") != (result.engine_order_id in booked):
                yield f"{report.account} told of {result.engine_order_id}: {result.status}"


def _own_orders_only(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    yield from ledger.strays
    for received in evidence.journal:
        story = ledger.orders.get(received.client_order_id)
        if received.kind != "cancel" or story is None:
            continue
        if evidence.accounts[story.stream] != received.account:
            yield f"{received.client_order_id} was to be cancelled on {received.account}"
        if not any(step < received.step for step in story.cancel_steps):
            yield f"{received.client_order_id} was cancelled without a committed wish of {story.stream}"


def _log_is_whole(evidence: Evidence, _ledger: Ledger) -> Iterator[str]:
    versions: dict[str, int] = {}
    for expected, entry in enumerate(evidence.entries, 1):
        stored = entry.stored
        if stored.position != expected:
            yield f"position {stored.position} stands where {expected} should"
        if stored.version != versions.get(stored.stream, 0) + 1:
            yield f"{stored.stream} goes from version {versions.get(stored.stream, 0)} to {stored.version}"
        versions[stored.stream] = stored.version
    yield from chain_faults(evidence.batches, (entry.stored for entry in evidence.entries))


def _readers_miss_nothing(evidence: Evidence, _ledger: Ledger) -> Iterator[str]:
    expected = list(range(1, len(evidence.entries) + 1))
    if list(evidence.read) != expected:
        wrong = next((place for place, (a, b) in enumerate(zip(evidence.read, expected, strict=False)) if a != b), -1)
        yield f"a reader saw {len(evidence.read)} of {len(expected)} positions, first in another order at {wrong}"


_CHECKS: tuple[tuple[str, Check], ...] = (
    ("a", _intent_before_order),
    ("b", _one_order_per_leg),
    ("b", _attempts_follow_evidence),
    ("b", _one_signal_per_arrival),
    ("c", _every_fill_once),
    ("d", _every_intent_ends),
    ("d", _only_what_was_forgotten_vanishes),
    ("d", _nothing_surfaces_at_an_honest_exchange),
    ("f", _log_is_whole),
    ("g", _readers_miss_nothing),
    ("h", _own_orders_only),
    ("i", _every_signal_ends),
    ("i", _signals_keep_their_order),
    ("i", _promises_hold),
    *RULES,
)
