"""Bugs planted on purpose: each must be caught by the swarm within a thousand seeds, or the proof proves nothing."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from orderwright.actors.appends import Appends
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.messages import Address, AppendEnded
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.actors.watches import Watches
from orderwright.engine.ids import client_order_id
from orderwright.engine.orders import Fill, Order
from orderwright.engine.outcomes import (
    Effect,
    ExchangeOrder,
    OrderSeen,
    Outcome,
    PlacementAnswered,
    PlaceOrder,
    Refused,
)
from orderwright.engine.signals import Side
from orderwright.engine.strategy_account import (
    decide,
    evolve,
    filling,
    placing,
    progress,
    reconcile,
    refreshing,
    retrying,
)
from orderwright.engine.strategy_account.commands import Recover, TakeInOrder
from orderwright.engine.strategy_account.effects import outstanding
from orderwright.engine.strategy_account.events import CancelRefused, Event, OrderNeverPlaced, OrderTriggered
from orderwright.engine.strategy_account.state import Context, State
from orderwright.eventstore.store import Append, Appended
from orderwright.eventstore.writer import Waiting
from orderwright.moments import Micros
from tests.proofs import tell
from tests.simulation import wire
from tests.simulation.drivers import SimulationFailed, check, exhaustive_plans
from tests.simulation.plans import random_plan
from tests.simulation.scenario import all_scenarios
from tests.simulation.shell_mutants import NAMED_BY_THE_EXHAUSTIVE_DRIVER, SHELL_MUTANTS
from tests.simulation.sim_env import SimEnv
from tests.simulation.simulation import Plan

SCENARIOS = all_scenarios()
DECISIONS: dict[Any, Any] = decide._DECISIONS
CHANGES: dict[Any, Any] = evolve._CHANGES
MOST_SEEDS = 1_000

Plant = Callable[[pytest.MonkeyPatch], None]


def send_before_commit(patch: pytest.MonkeyPatch) -> None:
    whole = StrategyAccount._write

    def hasty(self: StrategyAccount, *arguments: Any) -> bool:
        is_taken = whole(self, *arguments)
        if self._pending is not None and self._surroundings.profile is not None:
            for effect in outstanding(self._pending.decided.state, self._context(self._surroundings.profile)):
                self._calls.make(self._surroundings.profile.account, effect)
        return is_taken

    patch.setattr(StrategyAccount, "_write", hasty)


def send_old_intents_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(DECISIONS, Recover, lambda _state, _message, _context: [])


def take_a_server_error_for_a_rejection(patch: pytest.MonkeyPatch) -> None:
    honest = wire.unclear

    def hasty(effect: Effect, reason: str, sent_at: Micros) -> Outcome:
        if isinstance(effect, PlaceOrder):
            return PlacementAnswered(order_id=effect.order_id, result=Refused(code="exchange_rejected", error=reason))
        return honest(effect, reason, sent_at)

    patch.setattr(wire, "unclear", hasty)


def conclude_never_placed_without_waiting(patch: pytest.MonkeyPatch) -> None:
    patient = reconcile.order_seen

    def hasty(state: State, seen: OrderSeen, context: Context) -> list[Any]:
        traits = replace(context.market.traits, lag=-(2**60))
        return patient(state, seen, replace(context, market=replace(context.market, traits=traits)))

    patch.setitem(DECISIONS, OrderSeen, hasty)


def count_a_fill_twice(patch: pytest.MonkeyPatch) -> None:
    exact = reconcile.order_seen

    def forgetful(state: State, seen: OrderSeen, context: Context) -> list[Any]:
        orders = {known: replace(order, trade_ids=()) for known, order in state.orders.items()}
        return exact(replace(state, orders=orders), seen, context)

    patch.setitem(DECISIONS, OrderSeen, forgetful)


def acknowledge_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    queue = SimEnv.append

    def hasty(self: SimEnv, append: Append, ticket: int, to: Address) -> bool:
        is_taken = queue(self, append, ticket, to)
        if is_taken:
            version = max(append.expected_version, 0) + len(append.events)
            self.tell(AppendEnded(ticket=ticket, outcome=Appended(version=version, position=0)), to)
            self._writer._queue.pop()
            self._writer._queue.append(Waiting(append, lambda _outcome: None))
        return is_taken

    patch.setattr(SimEnv, "append", hasty)


def let_the_dead_go_on(patch: pytest.MonkeyPatch) -> None:
    def half_hearted(self: StrategyAccount, reason: str) -> None:
        self._env.stop(self._me, reason)

    patch.setattr(StrategyAccount, "_end", half_hearted)


def tell_the_stale_too_late(patch: pytest.MonkeyPatch) -> None:
    honest = Appends.write

    def late(self: Appends, append: Append, ticket: int, to: Address) -> bool:
        return honest(self, append, ticket, to) or self._generations.get(to) != self._writer.generation

    patch.setattr(Appends, "write", late)


def forget_the_child(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(CHANGES, OrderTriggered, lambda state, _event: state)


def forget_who_rests(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SignalInbox, "_account_resting", lambda _self, _mail: None)


def book_trades_and_differences(patch: pytest.MonkeyPatch) -> None:
    def either(order: Order, seen: ExchangeOrder, context: Context) -> tuple[list[Fill], bool]:
        if seen.fills:
            return filling._trades(order, seen), False
        return filling._difference(order, seen, context), True

    patch.setattr(reconcile, "new_fills", either)


def close_without_waiting_for_news(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refreshing, "not_looked_at", lambda *_arguments: ())


def leave_strangers_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(DECISIONS, TakeInOrder, lambda _state, _message, _context: [])


def go_again_where_a_request_can_be_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "goes_again", lambda *_arguments: True)


def go_again_under_the_same_id(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(placing, "client_order_id", lambda **names: client_order_id(**{**names, "attempt": 1}))


def drop_a_way_out_after_one_attempts_time(patch: pytest.MonkeyPatch) -> None:
    patient = retrying.goes_again_at

    def hasty(state: State, order: Order, refused: Refused, context: Context) -> Micros | None:
        at = patient(state, order, refused, context)
        return at if at is not None and at < order.held_until else None

    patch.setattr(reconcile, "goes_again_at", hasty)


def drop_a_cancel_that_did_not_leave(patch: pytest.MonkeyPatch) -> None:
    def hasty(_state: State, order: Order, refused: Refused, context: Context) -> CancelRefused:
        return CancelRefused(at=context.now, order_id=order.order_id, code=refused.code, error=refused.error)

    patch.setattr(reconcile, "_cancel_refused", hasty)


def let_an_opening_overtake(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(State, "has_waiting_close", lambda _self, _symbol: False)


def close_before_its_stop_is_cancelled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(progress, "cancels_before", lambda *_arguments: ())


def refuse_a_close_while_its_stop_is_being_cancelled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(progress, "put_off", lambda *_arguments, **_named: [])


def watch_over_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Watches, "look", lambda *_arguments: None)


def leave_what_vanished_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "_missed_at_the_exchange", lambda *_arguments: [])


def take_what_vanished_for_never_placed(patch: pytest.MonkeyPatch) -> None:
    def given_up(order: Order, seen: OrderSeen, context: Context) -> list[Event]:
        del seen
        return [OrderNeverPlaced(at=context.now, order_id=order.order_id)]

    patch.setattr(reconcile, "_missed_at_the_exchange", given_up)


def sell_what_vanished_may_be_selling(patch: pytest.MonkeyPatch) -> None:
    careful = State.resting

    def careless(self: State, symbol: str, side: Side) -> Decimal:
        known = {order_id: order for order_id, order in self.orders.items() if not order.has_vanished}
        return careful(replace(self, orders=known), symbol, side)

    patch.setattr(State, "resting", careless)


MUTANTS: tuple[tuple[Plant, str], ...] = (
    (send_before_commit, "single_market"),
    (send_old_intents_after_a_restart, "single_market"),
    (take_a_server_error_for_a_rejection, "single_market"),
    (conclude_never_placed_without_waiting, "goes_again"),
    (count_a_fill_twice, "limit_then_fill"),
    (acknowledge_before_the_commit, "single_market"),
    (let_the_dead_go_on, "two_strategies"),
    (tell_the_stale_too_late, "batch_two_accounts"),
    (forget_the_child, "stop_cancelled_in_flight"),
    (forget_who_rests, "rest_between_signals"),
    (close_without_waiting_for_news, "close_after_unseen_fills"),
    (go_again_where_a_request_can_be_late, "goes_again"),
    (go_again_under_the_same_id, "goes_again"),
    (drop_a_way_out_after_one_attempts_time, "way_out_in_an_outage"),
    (drop_a_cancel_that_did_not_leave, "way_out_in_an_outage"),
    (let_an_opening_overtake, "way_out_in_an_outage"),
    (close_before_its_stop_is_cancelled, "close_behind_its_stop"),
    (refuse_a_close_while_its_stop_is_being_cancelled, "close_behind_its_stop"),
    (watch_over_nothing, "arrives_much_later"),
    (book_trades_and_differences, "limit_then_fill"),
    (leave_strangers_alone, "refused_and_taken"),
    *SHELL_MUTANTS,
    (leave_what_vanished_open, "forgotten_for_ever"),
    (take_what_vanished_for_never_placed, "forgotten_for_a_while"),
    (sell_what_vanished_may_be_selling, "forgotten_for_ever"),
)


@pytest.mark.parametrize(("plant", "name"), MUTANTS, ids=[plant.__name__ for plant, _name in MUTANTS])
def test_a_planted_bug_is_caught(
    plant: Plant, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    assert _seeds_needed(plant, name, monkeypatch) is not None


@pytest.mark.parametrize(("plant", "name"), NAMED_BY_THE_EXHAUSTIVE_DRIVER)
def test_a_planted_bug_is_named_by_the_exhaustive_driver(
    plant: Plant, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    assert _runs_needed(plant, name, monkeypatch) is not None


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_the_table_of_planted_bugs_and_what_caught_them(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL")
    lines = [f"{'planted bug':46} {'scenario':28} {'seeds needed':>12} caught by"]
    for plant, name in MUTANTS:
        with pytest.MonkeyPatch.context() as patch:
            caught = _seeds_needed(plant, name, patch)
        assert caught is not None
        lines.append(f"{plant.__name__:46} {name:28} {caught[0]:12} {caught[1]}")
    for plant, name in NAMED_BY_THE_EXHAUSTIVE_DRIVER:
        with pytest.MonkeyPatch.context() as patch:
            caught = _runs_needed(plant, name, patch)
        assert caught is not None
        lines.append(f"{plant.__name__:46} {name:28} {'':12} {caught[1]}, run {caught[0]} of the exhaustive driver")
    with capsys.disabled():
        tell("\n".join(lines))


def _seeds_needed(plant: Plant, name: str, patch: pytest.MonkeyPatch) -> tuple[int, str] | None:
    plant(patch)
    plans = (random_plan(SCENARIOS[name], seed) for seed in range(MOST_SEEDS))
    return _first_failure(name, plans)


def _runs_needed(plant: Plant, name: str, patch: pytest.MonkeyPatch) -> tuple[int, str] | None:
    plans = list(exhaustive_plans(SCENARIOS[name]))
    plant(patch)
    return _first_failure(name, plans)


def _first_failure(name: str, plans: Iterable[Plan]) -> tuple[int, str] | None:
    for number, plan in enumerate(plans, 1):
        try:
            check(SCENARIOS[name], plan)
        except SimulationFailed as failure:
            wrong = str(failure).split("\n")[2].strip()
            letters = sorted(set(re.findall(r"\([a-z]\)", wrong)))
            return number, " ".join(letters) or wrong[:40]
    return None
