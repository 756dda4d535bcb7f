"""What must hold after every restart: nothing lost, nothing doubled, replay equal to the live state.

Doubt is no violation as long as it is visible; at the end of everything `must_be_settled` allows none any more.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from msgspec import Struct

from orderwright.cli.output import as_builtins
from orderwright.engine.orders import OrderStatus
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.postgres import PostgresLog
from orderwright.eventstore.store import StoredEvent
from orderwright.eventstore.verify import verify
from orderwright.exchanges.paper.records import AccountBooks, BooksDump, PaperOrder
from orderwright.readmodels.account_view import view
from orderwright.readmodels.replay import replay
from orderwright.readmodels.signal_story import tell
from tests.acceptance.ledger import Ledger, OrderEntry
from tests.acceptance.senders import Webhook

_EXPIRED = 422
_SHOWN = ("condition", "why", "version", "capital", "positions", "orders", "waiting_signals")


class Evidence(Struct, frozen=True, kw_only=True):
    """Both sides at one moment: the log, the exchange's books, what the senders heard, what the engine shows."""

    events: tuple[StoredEvent, ...]
    books: BooksDump
    webhooks: tuple[Webhook, ...]
    live: tuple[dict[str, Any], ...]
    must_be_settled: bool = False


def violations(evidence: Evidence) -> list[str]:
    """Return everything that should not be so."""
    ledger = Ledger(evidence.events)
    return [
        *ledger.strange,
        *(f"{check.__name__.strip('_')}: {wrong}" for check in _CHECKS for wrong in check(evidence, ledger)),
    ]


def chain_violations(log: PostgresLog) -> list[str]:
    """Recompute the hash chain (ChainBroken if it is not what was written); return epochs that fell."""
    verify(log)
    epochs = [batch.epoch for batch in log.read_batches()]
    return [f"epoch {later} came after {earlier}" for earlier, later in pairwise(epochs) if later < earlier]


def _at_exchange(evidence: Evidence) -> dict[str, PaperOrder]:
    # What trades for a triggered stop is the stop's affair.
    placed = (order for account in evidence.books.accounts for order in account.orders if order.parent is None)
    return {order.client_order_id: order for order in placed}


def _no_order_without_an_intent(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    for order_id, order in _at_exchange(evidence).items():
        entry = ledger.orders.get(order_id)
        if entry is None:
            yield f"the exchange has {order_id} on {order.account}, which no intent in the log wanted"
        elif entry.recorded_at > order.placed_at:
            yield f"{order_id} was at the exchange before its intent was recorded"
        elif _wanted(entry) != _placed(order):
            yield f"{order_id} was placed as {_placed(order)}, and the intent is {_wanted(entry)}"


def _wanted(entry: OrderEntry) -> tuple[object, ...]:
    request = entry.request
    wanted = request.side, request.order_type, request.amount, request.price, request.stop_price
    return entry.account, request.symbol, *wanted


def _placed(order: PaperOrder) -> tuple[object, ...]:
    wanted = order.side, order.order_type, order.amount, order.price, order.stop_price
    return order.account, order.symbol, *wanted


def _nothing_doubled(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    legs: Counter[object] = Counter()
    for order_id in _at_exchange(evidence):
        if (entry := ledger.orders.get(order_id)) is not None:
            legs[entry.stream, entry.request.signal_id, entry.request.leg] += 1
    yield from (f"{leg} has {count} placed orders" for leg, count in legs.items() if count > 1)
    sent = Counter(each.client_order_id for each in evidence.books.arrivals if each.operation == "place")
    yield from (f"{order_id} was sent {count} times" for order_id, count in sent.items() if count > 1)
    keys = {key: len(signals) for key, signals in ledger.by_key().items() if key}
    yield from (f"webhook {key} was stored {count} times" for key, count in keys.items() if count > 1)


def _nothing_lost(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    there = _at_exchange(evidence)
    for order_id, entry in ledger.orders.items():
        order = there.get(order_id)
        if entry.is_doubtful:
            if evidence.must_be_settled:
                yield f"{order_id} is still in doubt"
        elif entry.end in {"rejected", "never placed"}:
            if order is not None:
                yield f"{order_id} is {entry.end} in the log, and the exchange has it"
        elif not entry.is_answered:
            yield f"{order_id} has neither an answer nor a doubt"
        elif order is None or str(order.number) != entry.exchange_order_id:
            yield f"{order_id} was accepted as {entry.exchange_order_id}, which the exchange does not have"
        else:
            yield from _equal(entry, order, evidence)


def _equal(entry: OrderEntry, order: PaperOrder, evidence: Evidence) -> Iterator[str]:
    name = f"{entry.request.order_id} ({entry.stream})"
    is_open = order.status in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.TRIGGERED}
    if is_open != (not entry.end) or (not is_open and entry.end != order.status):
        yield f"{name} is {order.status} at the exchange and {entry.end or 'open'} in the log"
    (books,) = [each for each in evidence.books.accounts if each.account == order.account]
    there = {
        str(trade.number): (trade.amount, trade.price, trade.fee, trade.fee_currency)
        for trade in books.trades
        if trade.order_number in {order.number, order.child}
    }
    here = {key: (fill.amount, fill.price, fill.fee, fill.fee_currency) for key, fill in entry.fills.items()}
    if there != here:
        yield f"{name} was filled {there} at the exchange and {here} in the log"


def _positions_equal(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    doubtful = {entry.account for entry in ledger.orders.values() if entry.is_doubtful}
    held: dict[tuple[str, str, str], Decimal] = {}
    for stream, state in _states(evidence).items():
        account = stream.rpartition("@")[2]
        kind = "" if state.terms is None else str(state.terms.market_type)
        for position in state.positions.values():
            key = (account, kind, position.symbol)
            held[key] = held.get(key, Decimal(0)) + position.quantity
    there = {key: amount for books in evidence.books.accounts for key, amount in _holdings(books)}
    for key in sorted(held.keys() | there.keys()):
        if key[0] not in doubtful and held.get(key, Decimal(0)) != there.get(key, Decimal(0)):
            yield f"{key}: {held.get(key)} by the log, {there.get(key)} by the exchange"


def _holdings(books: AccountBooks) -> Iterator[tuple[tuple[str, str, str], Decimal]]:
    for position in books.positions:
        yield (books.account, "FUTURES", position.symbol), position.amount
    for currency, balance in books.balances.items():
        if currency != "USDT":
            yield (books.account, "SPOT", f"{currency}/USDT"), balance.total


def _states(evidence: Evidence) -> dict[str, State]:
    streams: dict[str, list[StoredEvent]] = {}
    for stored in evidence.events:
        if stored.stream.startswith("strategy-account/"):
            streams.setdefault(stored.stream, []).append(stored)
    return {stream: replay(stream, events).state for stream, events in streams.items()}


def _every_signal_ends(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    lives: dict[object, list[StoredEvent]] = {}
    for stored in evidence.events:
        lives.setdefault(stored.correlation, []).append(stored)
    for signal_id, entry in ledger.signals.items():
        if entry.finished != 1:
            yield f"signal {signal_id} ({entry.received.key}) has finished {entry.finished} times"
        for stream, leg in entry.undecided():
            yield f"signal {signal_id} ({entry.received.key}): nothing became of leg {leg} at {stream}"
        story = tell(lives[signal_id])
        for account in [] if story is None else story.accounts:
            yield from (
                f"signal {signal_id}: leg {result.leg} at {account.account} is {result.status}"
                for result in account.results
                if not result.is_answered
            )


def _promises_are_kept(evidence: Evidence, ledger: Ledger) -> Iterator[str]:
    stored = ledger.by_key()
    for webhook in evidence.webhooks:
        ids = {reply["signal_id"] for reply in webhook.replies}
        known = {str(entry.received.signal.signal_id) for entry in stored.get(webhook.key, [])}
        if not ids <= known:
            yield f"webhook {webhook.key} was answered 2xx as {ids}, and the log has {known}"
        if not webhook.replies and not webhook.refusals and not webhook.gives_up:
            yield f"webhook {webhook.key} never heard 2xx: {[each.status for each in webhook.attempts]}"
        # One that is stored and answered so has expired.
        refusals = [status for status in webhook.refusals if not (known and status == _EXPIRED)]
        if refusals:
            yield f"webhook {webhook.key} was refused: {refusals}"


def _replay_is_live_state(evidence: Evidence, _ledger: Ledger) -> Iterator[str]:
    streams: dict[str, list[StoredEvent]] = {}
    for stored in evidence.events:
        streams.setdefault(stored.stream, []).append(stored)
    for row in evidence.live:
        name = row["account"]
        if "version" not in row:
            yield f"{name} is {row['condition']}"
            continue
        replayed = replay(name, streams[name], version=row["version"])
        told = as_builtins(view(name, replayed.state, version=replayed.version, condition=""))
        for part in _SHOWN:
            if told[part] != row[part]:
                yield f"{name} shows {part} {row[part]}, and its {replayed.version} events say {told[part]}"


_CHECKS: tuple[Callable[[Evidence, Ledger], Iterator[str]], ...] = (
    _no_order_without_an_intent,
    _nothing_doubled,
    _nothing_lost,
    _positions_equal,
    _every_signal_ends,
    _promises_are_kept,
    _replay_is_live_state,
)
