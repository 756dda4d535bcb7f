"""Whatever commits, crashes and repetitions there are, the rows come to be what a fresh fold of the log gives."""

import threading
from decimal import Decimal
from typing import get_args

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orderwright.clock import SystemClock
from orderwright.engine.orders import Order
from orderwright.engine.positions import Position
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve, evolve_all
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.connections import Connection
from orderwright.eventstore.memory import MemoryLog
from orderwright.eventstore.store import Append, LogReader, StoreUnavailable
from orderwright.moments import Micros
from orderwright.readmodels import books
from orderwright.readmodels.books import Books
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.projection import Page, Projection, tag
from orderwright.readmodels.projections import Progress, ProjectionBroken, Projections, shipped_projections
from orderwright.readmodels.replay import replay
from orderwright.readmodels.signal_story import tell
from orderwright.readmodels.signals import Signals
from orderwright.readmodels.trades import Trades
from tests.engine.arbitrary import any_of
from tests.engine.given import modestly
from tests.eventstore.logs import new_event
from tests.fixtures_database import TestDatabase
from tests.readmodels.conftest import LOG_IDS
from tests.readmodels.histories import SCENARIOS, GrowingLog, history
from tests.readmodels.rows import Rows, rows_of

logs = st.builds(history, st.sampled_from(SCENARIOS), st.integers(0, 40))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 60)),
        st.tuples(st.just("advance"), st.integers(1, 60)),
        st.tuples(st.just("crash"), st.integers(0, 2)),
        st.tuples(st.just("forget"), st.integers(1, 60)),
    ),
    max_size=14,
)


class Crashing:
    """A projection whose process dies when its rows are written and its cursor has not moved."""

    def __init__(self, inner: Projection) -> None:
        self.name = inner.name
        self.shape = inner.shape
        self._inner = inner

    def apply(self, connection: Connection, page: Page) -> None:
        self._inner.apply(connection, page)
        raise StoreUnavailable("the process is killed here")

    def clear(self, connection: Connection, log_id: int) -> None:
        self._inner.clear(connection, log_id)


def folding(database: ReadModelDatabase, reader: LogReader, log_id: int, *, page: int = 1_000) -> Projections:
    return Projections(reader=reader, database=database, log_id=log_id, page=page)


def fold(database: ReadModelDatabase, reader: LogReader, log_id: int, *, page: int = 1_000) -> None:
    projections = folding(database, reader, log_id, page=page)
    while projections.advance():
        pass
    assert projections.broken == {}


def crash(database: ReadModelDatabase, reader: LogReader, log_id: int, dying: int) -> None:
    projections = list(shipped_projections())
    projections[dying] = Crashing(projections[dying])
    with_crash = Projections(reader=reader, database=database, log_id=log_id, projections=projections, page=7)
    try:
        with_crash.advance()
    except StoreUnavailable:
        return


def forget(database: ReadModelDatabase, log_id: int, events: int) -> None:
    """Move every cursor back, and leave the rows."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE app.projection SET position = greatest(0, position - %s) WHERE log_id = %s", [events, log_id]
        )


def fresh(database: ReadModelDatabase, test: TestDatabase, log: MemoryLog) -> Rows:
    log_id = next(LOG_IDS)
    fold(database, log, log_id)
    return rows_of(test.app, log_id)


@given(log=logs, script=steps)
@settings(modestly(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_interleaving_of_commits_crashes_and_repetitions_gives_the_rows_of_a_fresh_fold(
    read_models: ReadModelDatabase, database: TestDatabase, log: MemoryLog, script: list[tuple[str, int]]
) -> None:
    growing, log_id = GrowingLog(log), next(LOG_IDS)
    for what, number in script:
        match what:
            case "commit":
                growing.commit(number)
            case "advance":
                folding(read_models, growing, log_id, page=number).advance()
            case "crash":
                crash(read_models, growing, log_id, number)
            case "forget":
                forget(read_models, log_id, number)
    growing.commit_all()
    fold(read_models, growing, log_id)

    assert rows_of(database.app, log_id) == fresh(read_models, database, log)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_events_that_come_again_change_nothing(
    read_models: ReadModelDatabase, database: TestDatabase, scenario: str
) -> None:
    log, log_id = history(scenario, 1), next(LOG_IDS)
    fold(read_models, log, log_id)
    before = rows_of(database.app, log_id)
    for again in (1, 3, 9, 27, log.head_position()):
        forget(read_models, log_id, again)
        fold(read_models, log, log_id)
        assert rows_of(database.app, log_id) == before


@given(log=logs)
@settings(modestly(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_open_orders_and_positions_are_what_the_engine_itself_replays(
    read_models: ReadModelDatabase, database: TestDatabase, log: MemoryLog
) -> None:
    rows = fresh(read_models, database, log)

    orders: dict[object, Order] = {}
    positions: dict[object, Position] = {}
    for head in log.streams(prefix="strategy-account/"):
        state: State = replay(head.stream, log.read_stream(head.stream)).state
        # The place in the queue, how old the signal is and who waits are the strategy account's own business; what
        # surfaced has no signal that would be any age.
        orders |= {
            order_id: replace(
                order, sequence=0, born_at=Micros(order.born_at and order.requested_at), held_until=Micros(0)
            )
            for order_id, order in state.orders.items()
        }
        positions |= {(head.stream, symbol): position for symbol, position in state.positions.items()}
    folded = {row["order_id"]: row["state"] for row in rows["orders"] if row["ended_at"] is None}
    held = {(row["stream"], row["symbol"]): row["state"] for row in rows["positions"]}
    shown = {key: msgspec.json.decode(str(state), type=Order) for key, state in folded.items()}
    assert {key: replace(order, held_until=Micros(0)) for key, order in shown.items()} == orders
    assert {key: msgspec.json.decode(str(state), type=Position) for key, state in held.items()} == positions
    assert all(row["state"] for row in rows["orders"])


@given(log=logs)
@settings(modestly(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_signals_row_tells_the_same_as_its_story(
    read_models: ReadModelDatabase, database: TestDatabase, log: MemoryLog
) -> None:
    rows = fresh(read_models, database, log)

    by_account = {(row["signal_id"], row["stream"]): row for row in rows["signal_accounts"]}
    assert {event.correlation for event in log.read_all() if event.type == "signal_received"} == {
        row["signal_id"] for row in rows["signals"]
    }
    for row in rows["signals"]:
        story = tell(log.read_correlation(row["signal_id"]))  # type: ignore[arg-type]
        assert story is not None
        assert row["status"] == story.condition
        assert (row["stored_at"], row["finished_at"]) == (story.stored_at, story.finished_at)
        assert row["accounts"] == len(story.accounts)
        for account in story.accounts:
            mine = by_account[row["signal_id"], account.account]
            assert (mine["routed_at"], mine["ended_at"]) == (account.routed_at, account.ended_at)
            requests = [
                step.at
                for step in story.steps
                if step.account == account.account and step.what in {"order_requested", "cancel_requested"}
            ]
            assert mine["first_request_at"] == min(requests, default=None)


@given(log=logs)
@settings(modestly(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_fill_is_a_trade_and_an_orders_trades_add_up_to_what_is_filled(
    read_models: ReadModelDatabase, database: TestDatabase, log: MemoryLog
) -> None:
    rows = fresh(read_models, database, log)

    fills = {event.position: event for event in log.read_all() if event.type == "fill_recorded"}
    assert {row["position"]: row["signal_id"] for row in rows["trades"]} == {
        position: event.correlation for position, event in fills.items()
    }
    for order in rows["orders"]:
        traded = [Decimal(str(row["amount"])) for row in rows["trades"] if row["order_id"] == order["order_id"]]
        assert sum(traded) == order["filled"]


class Failing(Books):
    """A projection with a fault: it cannot take the event at one position."""

    def __init__(self, at: int) -> None:
        self._at = at

    def apply(self, connection: Connection, page: Page) -> None:
        super().apply(connection, page)
        if any(event.position == self._at for event in page.events):
            raise KeyError("a fault in the code")


def test_a_projection_that_fails_on_an_event_stops_just_before_it_and_holds_up_no_other(
    read_models: ReadModelDatabase, database: TestDatabase
) -> None:
    log, log_id = history("batch_two_accounts", 1), next(LOG_IDS)
    head = log.head_position()
    projections = Projections(
        reader=log, database=read_models, log_id=log_id, projections=[Failing(9), Trades(), Signals()]
    )

    while projections.advance():
        pass

    assert projections.broken["books"].startswith("stopped before event 9 (")
    assert "KeyError" in projections.broken["books"]
    assert list(projections.broken) == ["books"]
    assert cursors(database, log_id) == {"books": 8, "trades": head, "signals": head}
    until_then = GrowingLog(log)
    until_then.commit(8)
    rows = rows_of(database.app, log_id)
    assert rows["orders"] == fresh(read_models, database, until_then)["orders"]
    assert rows["signals"] == fresh(read_models, database, log)["signals"]


def test_an_event_that_this_code_does_not_know_stops_what_wants_it_with_a_sentence_that_names_it(
    read_models: ReadModelDatabase, database: TestDatabase
) -> None:
    log, log_id = MemoryLog(SystemClock()), next(LOG_IDS)
    broken = new_event('{"type":"fill_recorded"}', kind="fill_recorded")
    log.append(Append(stream="strategy-account/s@a", expected_version=0, events=(broken,)), lambda _outcome: None)
    projections = folding(read_models, log, log_id)

    projections.advance()

    assert set(projections.broken) == {"books", "trades", "signals"}
    assert "event 1 (fill_recorded" in projections.broken["trades"]
    assert cursors(database, log_id) == dict.fromkeys(projections.broken, 0)


def test_events_of_other_streams_are_passed_over(read_models: ReadModelDatabase, database: TestDatabase) -> None:
    log, log_id = MemoryLog(SystemClock()), next(LOG_IDS)
    log.append(Append(stream="weather", expected_version=0, events=(new_event("{}"),)), lambda _outcome: None)
    log.append(
        Append(stream="weather", expected_version=1, events=(new_event("{}", kind="fill_recorded"),)),
        lambda _outcome: None,
    )

    fold(read_models, log, log_id)

    assert set(cursors(database, log_id).values()) == {2}
    assert not any(rows_of(database.app, log_id).values())


def test_a_rebuild_tells_how_far_it_is_and_leaves_the_same_rows(
    read_models: ReadModelDatabase, database: TestDatabase
) -> None:
    log, log_id = history("two_strategies", 3), next(LOG_IDS)
    head = log.head_position()
    fold(read_models, log, log_id)
    before = rows_of(database.app, log_id)
    with psycopg.connect(database.app) as connection:
        connection.execute("UPDATE app.orders SET status = 'NONSENSE', as_of = 0 WHERE log_id = %s", [log_id])
        connection.execute("DELETE FROM app.trades WHERE log_id = %s", [log_id])
    told: list[Progress] = []

    reached = folding(read_models, log, log_id, page=5).rebuild(told.append)

    assert reached == head
    assert rows_of(database.app, log_id) == before
    assert [progress.position for progress in told] == [*range(5, head, 5), head]
    assert {progress.head for progress in told} == {head}


def test_a_rebuild_that_meets_a_broken_projection_builds_the_others_and_says_so(
    read_models: ReadModelDatabase, database: TestDatabase
) -> None:
    log, log_id = history("two_strategies", 3), next(LOG_IDS)
    projections = Projections(reader=log, database=read_models, log_id=log_id, projections=[Failing(9), Trades()])

    with pytest.raises(ProjectionBroken, match="books: stopped before event 9"):
        projections.rebuild()

    assert cursors(database, log_id) == {"books": 8, "trades": log.head_position()}


def test_one_logs_rebuild_leaves_another_logs_rows_alone(
    read_models: ReadModelDatabase, database: TestDatabase
) -> None:
    log, mine, others = history("limit_then_fill", 1), next(LOG_IDS), next(LOG_IDS)
    fold(read_models, log, others)
    before = rows_of(database.app, others)

    folding(read_models, log, mine).rebuild()

    assert rows_of(database.app, others) == before != {}


def test_rows_of_another_shape_are_built_anew(read_models: ReadModelDatabase, database: TestDatabase) -> None:
    log, log_id = history("spot_round_trip", 2), next(LOG_IDS)
    fold(read_models, log, log_id)
    before = rows_of(database.app, log_id)
    with psycopg.connect(database.app) as connection:
        connection.execute("UPDATE app.projection SET shape = 'old' WHERE log_id = %s AND name = 'books'", [log_id])
        connection.execute("UPDATE app.orders SET status = 'OLD' WHERE log_id = %s", [log_id])

    fold(read_models, log, log_id)

    assert rows_of(database.app, log_id) == before


def test_projections_of_several_processes_share_the_work_and_do_nothing_twice(
    read_models: ReadModelDatabase, database: TestDatabase
) -> None:
    log, log_id = history("signals_in_a_row", 5), next(LOG_IDS)
    followers = [
        threading.Thread(target=fold, args=(read_models, log, log_id), kwargs={"page": page}) for page in (1, 2, 3)
    ]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join()

    assert rows_of(database.app, log_id) == fresh(read_models, database, log)


UNFOLDED = [kind for kind in get_args(Event) if tag(kind) not in books._FOLDED]


@given(events=st.lists(any_of(Event), max_size=10), unfolded=st.one_of([any_of(kind) for kind in UNFOLDED]))
@modestly(100)
def test_what_is_not_folded_changes_neither_orders_nor_positions(events: list[Event], unfolded: Event) -> None:
    before = evolve_all(State(), events)
    after = evolve(before, unfolded)
    assert (after.orders, after.positions) == (before.orders, before.positions)


def cursors(database: TestDatabase, log_id: int) -> dict[str, int]:
    with psycopg.connect(database.app) as connection:
        rows = connection.execute("SELECT name, position FROM app.projection WHERE log_id = %s", [log_id]).fetchall()
    return dict(rows)
