"""Bugs planted around the decisions: in the writer, the lease, snapshots, readers, and the calls to an exchange."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from orderwright.actors.departures import Departures
from orderwright.actors.snapshots import AccountImage, Rhythm
from orderwright.engine.inbox import Inbox
from orderwright.engine.outcomes import CancelOrder, PlacementAnswered, Refused, Unclear
from orderwright.engine.strategy_account import decide, reconcile
from orderwright.engine.strategy_account.state import Context, State
from orderwright.eventstore.batches import Batch
from orderwright.eventstore.sink import ConnectionLost
from orderwright.eventstore.writer import GroupCommitWriter
from orderwright.moments import Micros
from orderwright.readmodels import projections
from orderwright.readmodels.projection import Page, Projection
from orderwright.readmodels.projections import Projections
from tests.simulation.sim_exchange import SimExchange
from tests.simulation.sim_sink import SimSink

Plant = Callable[[pytest.MonkeyPatch], None]


def believe_a_commit_without_an_answer(patch: pytest.MonkeyPatch) -> None:
    def hopeful(self: GroupCommitWriter, batch: Batch) -> bool:
        try:
            self._sink.write(batch)
        except ConnectionLost as error:
            self._reconnect(error)
            self._tail = self._sink.read_tail()
            self._streams.clear()
        return True

    patch.setattr(GroupCommitWriter, "_is_written", hopeful)


def write_after_the_lease_is_lost(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimSink, "_require_lease", lambda _self: None)
    patch.setattr(SimSink, "holds_lease", True)


def send_without_asking_lease_or_gate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Departures, "refusal", lambda *_arguments: None)


def leave_positions_out_of_snapshots(patch: pytest.MonkeyPatch) -> None:
    whole = Rhythm.take

    def partly(self: Rhythm, state: AccountImage | Inbox, *, version: int, position: int) -> None:
        if isinstance(state, AccountImage):
            state = replace(state, state=replace(state.state, positions={}))
        whole(self, state, version=version, position=position)

    patch.setattr(Rhythm, "take", partly)


def move_the_cursor_before_the_rows(patch: pytest.MonkeyPatch) -> None:
    def hasty(self: Projections, projection: Projection, _position: int, page: Page) -> None:
        with self._database.transaction() as connection:
            connection.execute(projections._MOVE, [page.last_position, self._log_id, projection.name])
        with self._database.transaction() as connection:
            projection.apply(connection, page)
            connection.execute(projections._MOVE, [page.last_position, self._log_id, projection.name])

    patch.setattr(Projections, "_applied", hasty)


def cancel_all_at_the_exchange(patch: pytest.MonkeyPatch) -> None:
    single = SimExchange._cancel

    def everything(self: SimExchange, account: str, effect: CancelOrder, sent_at: Micros) -> Any:
        for order in _open_of(self, account):
            if order.client_order_id != effect.order_id:
                single(self, account, replace(effect, order_id=order.client_order_id, exchange_order_id=None), sent_at)
        return single(self, account, effect, sent_at)

    patch.setattr(SimExchange, "_cancel", everything)


def _open_of(exchange: SimExchange, account: str) -> Iterable[Any]:
    return [order for order in exchange.orders.values() if order.account == account and order.is_open]


def send_again_under_a_new_id(patch: pytest.MonkeyPatch) -> None:
    def impatient(state: State, answer: PlacementAnswered, context: Context) -> list[Any]:
        if isinstance(answer.result, Unclear):
            answer = replace(answer, result=Refused(code="rate_limited", error="no answer", again_after=0))
        return list(reconcile.placement_answered(state, answer, context))

    decisions: dict[Any, Any] = decide._DECISIONS
    patch.setitem(decisions, PlacementAnswered, impatient)


SHELL_MUTANTS: tuple[tuple[Plant, str], ...] = (
    (believe_a_commit_without_an_answer, "single_market"),
    (write_after_the_lease_is_lost, "standby_takes_over"),
    (leave_positions_out_of_snapshots, "signals_in_a_row"),
    (move_the_cursor_before_the_rows, "single_market"),
    (cancel_all_at_the_exchange, "two_strategies"),
    (send_again_under_a_new_id, "single_market"),
)

NAMED_BY_THE_EXHAUSTIVE_DRIVER: tuple[tuple[Plant, str], ...] = ((send_without_asking_lease_or_gate, "single_market"),)
