"""The invariants notice what is planted: books and logs in which something is wrong, one thing at a time."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from orderwright.engine.ids import OrderId
from orderwright.engine.inbox import SignalFinished
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import PlaceOrder
from orderwright.engine.strategy_account.events import (
    CancelRequested,
    Event,
    FillRecorded,
    OrderClosed,
    OrderRequested,
    OrderVanished,
    SignalEnded,
)
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.batches import Place, plan_batch
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import ANY_VERSION, Append, NewEvent
from orderwright.moments import Micros
from tests.simulation.booked_order import BookedOrder
from tests.simulation.chain import chain_faults
from tests.simulation.evidence import Entry, Evidence, Promise
from tests.simulation.invariants import violations
from tests.simulation.replays import differences
from tests.simulation.scenario import all_scenarios
from tests.simulation.simulation import Plan, Run
from tests.simulation.world import START, World


@pytest.fixture
def evidence() -> Evidence:
    """Return what a run leaves behind in which a cancel raced with fills, and all went well."""
    run = Run(all_scenarios()["cancel_races_fills"], Plan(seed=2))
    assert run.run() == []
    found = run.evidence()
    assert any(order.status is OrderStatus.CANCELLED for order in found.orders)
    assert any(order.fills for order in found.orders)
    return found


def letters(evidence: Evidence) -> set[str]:
    """Return the letters of the invariants that are broken."""
    return {wrong[1] for wrong in (*violations(evidence), *differences(evidence))}


def without(evidence: Evidence, kind: type[object]) -> Evidence:
    """Return the evidence as if the last event of a kind had never been written."""
    last = max(place for place, entry in enumerate(evidence.entries) if isinstance(entry.event, kind))
    return replace(evidence, entries=[entry for place, entry in enumerate(evidence.entries) if place != last])


def with_changed(evidence: Evidence, change: Callable[[Event], Event | None]) -> Evidence:
    """Return the evidence with every event changed for which `change` returns another."""
    entries = []
    for entry in evidence.entries:
        changed = change(entry.event)  # type: ignore[arg-type]
        entries.append(entry if changed is None else Entry(entry.stored, changed, entry.step))
    return replace(evidence, entries=entries)


def twin(order: BookedOrder, *, client_order_id: str) -> BookedOrder:
    """Return an order like another, under other ids."""
    effect = PlaceOrder(
        order_id=OrderId(client_order_id),
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        amount=order.amount,
        price=order.price,
        reduce_only=False,
        raises_exposure=True,
        valid_until=Micros(0),
        deadline=Micros(0),
    )
    booked = BookedOrder(effect, account=order.account, exchange_order_id="x999")
    booked.status = order.status
    return booked


def test_nothing_is_wrong_where_nothing_was_planted(evidence: Evidence) -> None:
    assert letters(evidence) == set()


def test_a_second_order_for_one_leg_is_noticed(evidence: Evidence) -> None:
    double = twin(evidence.orders[0], client_order_id=evidence.orders[0].client_order_id)
    assert "b" in letters(replace(evidence, orders=[*evidence.orders, double]))


def test_a_second_attempt_that_was_placed_too_is_noticed(evidence: Evidence) -> None:
    requested = next(entry for entry in evidence.entries if isinstance(entry.event, OrderRequested))
    assert isinstance(requested.event, OrderRequested)
    again = replace(requested.event, order_id=OrderId("attempt2"), attempt=2)
    double = twin(evidence.orders[0], client_order_id="attempt2")
    planted = replace(
        evidence,
        orders=[*evidence.orders, double],
        entries=[*evidence.entries, Entry(requested.stored, again, requested.step)],
    )
    assert "b" in letters(planted)


def test_an_order_that_nobody_intended_is_noticed(evidence: Evidence) -> None:
    received = replace(evidence.journal[0], client_order_id="nobody's")
    assert "a" in letters(replace(evidence, journal=[*evidence.journal, received]))


def test_an_order_that_left_before_its_intent_was_durable_is_noticed(evidence: Evidence) -> None:
    early = [replace(evidence.journal[0], step=1), *evidence.journal[1:]]
    assert "a" in letters(replace(evidence, journal=early))


def test_a_request_sent_twice_is_noticed_even_if_the_exchange_refused_it(evidence: Evidence) -> None:
    again = replace(evidence.journal[0], was_done=False)
    assert "a" in letters(replace(evidence, journal=[*evidence.journal, again]))


def test_an_order_of_another_size_than_intended_is_noticed(evidence: Evidence) -> None:
    evidence.orders[0].amount = Decimal("0.2")
    assert "a" in letters(evidence)


def test_a_fill_missing_from_the_log_is_noticed(evidence: Evidence) -> None:
    assert "c" in letters(without(evidence, FillRecorded))


def test_a_fill_counted_twice_is_noticed(evidence: Evidence) -> None:
    fill = next(entry for entry in evidence.entries if isinstance(entry.event, FillRecorded))
    assert "c" in letters(replace(evidence, entries=[*evidence.entries, fill]))


def test_a_fill_at_another_price_is_noticed(evidence: Evidence) -> None:
    def dearer(event: Event) -> Event | None:
        if not isinstance(event, FillRecorded):
            return None
        return replace(event, fill=replace(event.fill, price=Decimal(1)))

    assert "c" in letters(with_changed(evidence, dearer))


def test_a_position_that_the_exchange_does_not_hold_is_noticed(evidence: Evidence) -> None:
    assert "c" in letters(replace(evidence, positions={("A1", "ETH/USDT"): Decimal(1)}))


def test_an_order_without_an_end_is_noticed(evidence: Evidence) -> None:
    assert "d" in letters(without(evidence, OrderClosed))


def test_an_end_that_is_not_the_exchanges_is_noticed(evidence: Evidence) -> None:
    def expired(event: Event) -> Event | None:
        return replace(event, status=OrderStatus.EXPIRED) if isinstance(event, OrderClosed) else None

    assert "d" in letters(with_changed(evidence, expired))


def test_live_state_that_is_not_the_logs_is_noticed(evidence: Evidence) -> None:
    (name,) = evidence.live_accounts
    assert "e" in letters(replace(evidence, live_accounts={name: (State(), 1)}))


def test_a_gate_that_holds_back_whom_the_log_does_not_have_paused_is_noticed(evidence: Evidence) -> None:
    assert "e" in letters(replace(evidence, shut=frozenset(evidence.live_accounts)))


def test_a_gap_in_the_log_is_noticed(evidence: Evidence) -> None:
    assert "f" in letters(replace(evidence, entries=evidence.entries[1:]))


def test_a_cancel_that_its_owner_never_wished_is_noticed(evidence: Evidence) -> None:
    cancelled = next(order for order in evidence.orders if order.status is OrderStatus.CANCELLED)

    def of_another(event: Event) -> Event | None:
        is_it = isinstance(event, CancelRequested) and event.order_id == cancelled.client_order_id
        return replace(event, order_id="another's") if is_it else None

    assert "h" in letters(with_changed(evidence, of_another))


def test_an_order_touched_through_another_account_is_noticed(evidence: Evidence) -> None:
    place = next(place for place, received in enumerate(evidence.journal) if received.kind == "cancel")
    journal = list(evidence.journal)
    journal[place] = replace(journal[place], account="A2")
    assert "h" in letters(replace(evidence, journal=journal))


@pytest.mark.parametrize("kind", [SignalEnded, SignalFinished])
def test_a_signal_without_an_end_is_noticed(evidence: Evidence, kind: type[object]) -> None:
    assert "i" in letters(without(evidence, kind))


def test_a_promise_made_before_the_commit_is_noticed(evidence: Evidence) -> None:
    promise = evidence.stored_promises[0]
    assert "i" in letters(replace(evidence, stored_promises=[Promise(1, promise.signal_id)]))


def test_an_entry_that_left_during_a_pause_is_noticed(evidence: Evidence) -> None:
    (name,) = evidence.live_accounts
    assert "p" in letters(replace(evidence, pauses=[(0, 2**62, name)]))


def test_a_snapshot_that_lacks_something_is_noticed(evidence: Evidence) -> None:
    stream, restored = next(kept for kept in evidence.snapshots if kept[0].startswith("strategy-account/"))
    image = replace(restored.state, state=replace(restored.state.state, last_sequence=0))
    kept = [*evidence.snapshots, (stream, replace(restored, state=image))]
    assert "e" in letters(replace(evidence, snapshots=kept))


def test_a_changed_event_is_noticed(evidence: Evidence) -> None:
    first = evidence.entries[0]
    entry = Entry(replace(first.stored, payload=first.stored.payload + " "), first.event, first.step)
    assert "f" in letters(replace(evidence, entries=[entry, *evidence.entries[1:]]))


@pytest.mark.parametrize("change", [{"epoch": 0}, {"root": bytes(32)}, {"chain": bytes(32)}, {"batch_no": 99}])
def test_a_batch_that_is_not_what_was_written_is_noticed(evidence: Evidence, change: dict[str, Any]) -> None:
    last = replace(evidence.batches[-1], **change)
    assert "f" in letters(replace(evidence, batches=[*evidence.batches[:-1], last]))


def test_an_epoch_that_falls_is_noticed_even_in_a_whole_chain() -> None:
    log = MemoryLog(World(1))
    for epoch in (2, 1):
        write_one_event(log, epoch)
    assert [wrong for wrong in chain_faults(log.read_batches(), log.read_all()) if "epoch" in wrong]


def write_one_event(log: MemoryLog, epoch: int) -> None:
    new = NewEvent(
        event_id=UUID(int=1), type="t", schema_version=1, payload="{}", causation=UUID(int=2), correlation=UUID(int=3)
    )
    append = Append(stream="s", expected_version=ANY_VERSION, events=(new,))
    plan = plan_batch([append], log.known(["s"]), Place(log_id=1, epoch=epoch, tail=log.tail, now=START))
    assert plan.batch is not None
    log.write(plan.batch)


@pytest.mark.parametrize("seen", [lambda all_: all_[1:], lambda all_: [*all_, all_[-1]], lambda all_: all_[::-1]])
def test_a_reader_that_missed_or_repeated_or_mixed_up_positions_is_noticed(
    evidence: Evidence, seen: Callable[[list[int]], list[int]]
) -> None:
    assert "g" in letters(replace(evidence, read=seen(list(evidence.read))))


def test_an_order_that_the_exchange_does_not_have_is_noticed(evidence: Evidence) -> None:
    assert "d" in letters(replace(evidence, orders=evidence.orders[1:]))


@pytest.fixture
def forgotten() -> Evidence:
    """Return what a run leaves behind in which the exchange forgot two orders for ever."""
    run = Run(all_scenarios()["forgotten_for_ever"], Plan(seed=1))
    assert run.run() == []
    found = run.evidence()
    assert len(list(found.of(OrderVanished))) == 2
    return found


def test_an_order_that_vanished_although_the_exchange_knew_it_is_noticed(forgotten: Evidence) -> None:
    for order in forgotten.orders:
        order.forgotten = []
    assert "d" in letters(forgotten)


def test_a_forgotten_order_that_is_in_no_doubt_is_noticed(forgotten: Evidence) -> None:
    assert "d" in letters(without(forgotten, OrderVanished))


def test_a_fill_counted_twice_of_a_forgotten_order_is_noticed(forgotten: Evidence) -> None:
    fill = next(entry for entry in forgotten.entries if isinstance(entry.event, FillRecorded))
    order = next(order for order in forgotten.orders if order.fills and order.forgotten)
    assert isinstance(fill.event, FillRecorded)
    event = replace(fill.event, order_id=OrderId(order.client_order_id), side=order.side)
    assert "c" in letters(replace(forgotten, entries=[*forgotten.entries, Entry(fill.stored, event, fill.step)]))
