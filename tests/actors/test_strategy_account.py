"""How a strategy account's actor takes its messages: one decision at a time, written down before anything is done."""

from uuid import UUID

import pytest
from msgspec.structs import replace

from orderwright.actors.alarms import AlarmKind
from orderwright.actors.messages import (
    AccountReport,
    AccountView,
    AppendEnded,
    AskId,
    CatalogueChanged,
    Describe,
    LoadFailed,
    LogTrouble,
    Operate,
    Operated,
    Ready,
    SignalSettled,
    Start,
    Tick,
)
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.orders import OrderStatus
from orderwright.engine.outcomes import (
    CancelAnswered,
    Cancelled,
    CancelOrder,
    LookUpOrder,
    NotFound,
    PlacementAnswered,
    PlaceOrder,
    Refused,
    Unclear,
)
from orderwright.engine.strategy_account.commands import (
    CancelOrders,
    LiquidatePositions,
    PauseTrading,
    ResumeTrading,
)
from orderwright.eventstore.store import AppendFailed, Conflict
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, close_all, execute, limit_buy, placement, seen, shown, signal_id, unclear
from tests.actors.scripted_env import (
    INBOX,
    ME,
    NAME,
    SUPERVISOR,
    ScriptedDirectory,
    ScriptedEnv,
    answers,
    profile,
)

ASK = AskId(7)


def rebuilt(env: ScriptedEnv, directory: ScriptedDirectory | None = None) -> StrategyAccount:
    """Return an actor that has just read its stream."""
    account = StrategyAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=directory or ScriptedDirectory(env))
    account.handle(Start())
    account.handle(env.loaded(NAME))
    return account


@pytest.fixture
def env() -> ScriptedEnv:
    return ScriptedEnv()


@pytest.fixture
def account(env: ScriptedEnv) -> StrategyAccount:
    """Return an actor that takes commands."""
    actor = rebuilt(env)
    env.commit(actor)
    assert env.told_to(SUPERVISOR) == [Ready(at=ME)]
    return actor


def operate(command: PauseTrading | ResumeTrading | CancelOrders | LiquidatePositions, number: int = 90) -> Operate:
    """Return an operator's command; its own id is another than the command's, as HTTP makes it."""
    return Operate(command_id=UUID(int=number), command=command, ask=ASK)


def pause() -> PauseTrading:
    return PauseTrading(by="kim", why="news")


def test_it_reads_its_stream_and_adopts_its_terms_before_it_takes_commands(env: ScriptedEnv) -> None:
    account = rebuilt(env)
    assert env.loads == [(NAME, ME)]
    assert env.told_to(SUPERVISOR) == []
    env.commit(account)
    assert env.written() == ["terms_adopted"]
    assert env.told_to(SUPERVISOR) == [Ready(at=ME)]


def test_an_order_is_sent_only_when_its_request_is_durable(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    assert env.calls == []
    env.commit(account)
    assert [type(effect) for _account, effect in env.calls] == [PlaceOrder]


def test_a_second_signal_waits_while_the_first_is_written_and_is_decided_on_what_it_left(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    account.handle(execute(2))
    assert len(env.appends) == 1
    env.commit(account)
    assert [append.expected_version for append, _ticket in env.appends] == [3]


def test_signals_that_waited_are_written_in_one_go_each_decided_on_what_the_one_before_left(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    for number in (2, 3, 4):
        account.handle(execute(number))
    env.commit(account)
    ((append, _ticket),) = env.appends
    assert [event.type for event in append.events] == ["signal_accepted"] * 3
    assert [event.causation for event in append.events] == [signal_id(number) for number in (2, 3, 4)]
    assert [event.correlation for event in append.events] == [signal_id(number) for number in (2, 3, 4)]
    env.commit(account)
    assert [run.sequence for run in account._state.queue] == [1, 2, 3, 4]
    assert len(env.effects(PlaceOrder)) == 1


def test_signals_that_waited_for_an_answer_are_written_with_it_and_other_commands_keep_their_place(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    account.handle(operate(pause()))
    account.handle(execute(2))
    account.handle(execute(3))
    account.handle(operate(ResumeTrading(by="kim", why="over"), number=91))
    ((paused, _ticket),) = env.appends
    assert [event.type for event in paused.events] == ["trading_paused"]
    answers([accepted(env.calls[0][1])], account)
    env.commit(account)
    types = [event.type for event in env.appends[0][0].events]
    assert types == ["order_accepted", "signal_ended", *["signal_accepted", "leg_refused", "signal_ended"] * 2]
    assert env.told_to(INBOX) == []
    env.commit_all(account)
    assert env.written()[-1] == "trading_resumed"
    settled = [SignalSettled(account=NAME, sequence=number) for number in (1, 2, 3)]
    assert env.told_to(INBOX) == settled
    assert len(env.effects(PlaceOrder)) == 1


def test_an_answer_that_came_with_the_commit_is_written_with_the_signals_that_waited(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    account.handle(execute(2))
    append, ticket = env.appends.pop()
    env.log.append(append, lambda outcome: account.handle(AppendEnded(ticket=ticket, outcome=outcome)))
    assert env.appends == []
    answers([accepted(env.calls[0][1])], account)
    env.hear(account)
    ((append, _ticket),) = env.appends
    types = [event.type for event in append.events]
    assert types == ["order_accepted", "signal_ended", "signal_accepted", "order_requested"]


def test_a_signal_handed_on_twice_while_it_waits_is_written_once(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    for _ in range(2):
        account.handle(execute(2))
    account.handle(execute(3))
    env.commit_all(account)
    assert env.written().count("signal_accepted") == 3


def test_outcomes_go_before_commands_that_came_earlier(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    account.handle(operate(pause()))
    account.handle(execute(2))
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    assert env.written().index("order_accepted") < env.written().index("signal_accepted", 2)


def test_the_same_signal_twice_places_one_order_and_reports_to_whoever_asked_last(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1, ask=1))
    env.commit(account)
    account.handle(execute(1, ask=2))
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    assert len(env.effects(PlaceOrder)) == 1
    assert [type(reply) for reply in env.heard(AskId(2))] == [AccountReport]
    assert env.told_to(INBOX) == [SignalSettled(account=NAME, sequence=1)]


def test_a_signal_that_has_ended_is_settled_again_when_it_comes_again(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    account.handle(execute(1, ask=3))
    assert env.appends == []
    assert env.heard(AskId(3)) == [AccountReport(account=NAME, results=())]
    assert env.told_to(INBOX) == [SignalSettled(account=NAME, sequence=1)] * 2


@pytest.mark.parametrize(
    "outcome", [AppendFailed(reason="the disk is full"), Conflict(expected_version=1, actual_version=2)]
)
def test_a_failed_append_ends_the_incarnation_and_nothing_more_is_done(
    env: ScriptedEnv, account: StrategyAccount, outcome: AppendFailed | Conflict
) -> None:
    account.handle(execute(1))
    account.handle(execute(2))
    account.handle(Describe(ask=ASK))
    _append, ticket = env.appends.pop()
    account.handle(AppendEnded(ticket=ticket, outcome=outcome))
    account.handle(execute(3))
    assert [at for at, _reason in env.stopped] == [ME]
    assert (env.appends, env.calls, env.replies) == ([], [], [])


def test_an_order_committed_before_a_crash_is_never_sent_by_a_rebuild_whose_first_append_fails(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    env.calls.clear()
    again = rebuilt(env)
    env.fail(again)
    assert env.effects(PlaceOrder) == []


def test_the_supervisor_hears_that_the_log_failed_and_not_the_actor(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.fail(account)
    assert env.told_to(SUPERVISOR)[-1] == LogTrouble(at=ME)
    unread = StrategyAccount(env=env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(env))
    unread.handle(LoadFailed(reason="away"))
    assert env.told_to(SUPERVISOR)[-1] == LogTrouble(at=ME)


def test_a_full_log_is_waited_for_and_the_decision_is_made_again(env: ScriptedEnv, account: StrategyAccount) -> None:
    env.takes_appends = False
    account.handle(execute(1))
    account.handle(execute(2))
    account.handle(execute(3))
    assert (env.appends, env.stopped) == ([], [])
    (delay, tick) = env.timers[-1]
    assert delay < SECOND
    account.handle(tick)
    env.takes_appends = True
    account.handle(env.timers[-1][1])
    env.commit_all(account)
    assert env.written()[1:3] == ["signal_accepted", "order_requested"]
    assert [run.sequence for run in account._state.queue] == [1, 2, 3]
    assert len(env.effects(PlaceOrder)) == 1
    assert env.written().count("signal_accepted") == 3


def test_a_rebuild_doubts_what_was_sent_and_asks_before_it_takes_commands(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    order_id = placement(env.calls.pop()[1]).order_id
    env.told.clear()

    again = rebuilt(env)
    again.handle(execute(2))
    env.commit_all(again)
    assert env.written()[-1] == "order_doubted"
    assert [type(effect) for _account, effect in env.calls] == [LookUpOrder]
    assert env.told_to(SUPERVISOR) == []

    answers([seen(order_id, Unclear(reason="504"))], again)
    env.commit_all(again)
    assert env.told_to(SUPERVISOR) == [Ready(at=ME)]
    assert env.effects(PlaceOrder) != []


def test_a_rebuild_finishes_with_what_the_exchange_shows(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    effect = env.calls.pop()[1]
    again = rebuilt(env)
    env.commit_all(again)
    answers([seen(placement(effect).order_id, shown(effect, status=OrderStatus.CANCELLED))], again)
    env.commit_all(again)
    assert env.written()[-2:] in (["order_closed", "signal_ended"], ["signal_ended", "order_closed"])
    assert env.effects(PlaceOrder) == []


def test_doubt_is_looked_into_at_once_then_after_one_two_and_four_seconds(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    effect = env.calls[0][1]
    answers([unclear(effect)], account)
    env.commit_all(account)
    for expected in (SECOND, 2 * SECOND, 4 * SECOND):
        answers([seen(placement(effect).order_id, NotFound())], account)
        delay, tick = env.timers[-1]
        assert delay == expected
        env.clock = Micros(env.clock + delay)
        account.handle(tick)
    assert len(env.effects(LookUpOrder)) == 4


def test_a_close_has_its_symbols_orders_looked_at_at_once_however_often_they_were_before(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    effect = env.calls[0][1]
    answers([unclear(effect)], account)
    env.commit_all(account)
    for _ in range(3):
        answers([seen(placement(effect).order_id, NotFound())], account)
        delay, tick = env.timers[-1]
        env.clock = Micros(env.clock + delay)
        account.handle(tick)
    answers([seen(placement(effect).order_id, NotFound())], account)
    looks = len(env.effects(LookUpOrder))
    env.clock = Micros(env.clock + 1)
    account.handle(execute(2, close_all()))
    env.commit_all(account)
    assert len(env.effects(LookUpOrder)) == looks + 1
    answers([seen(placement(effect).order_id, NotFound(), asked_at=env.clock)], account)
    env.commit_all(account)
    assert env.written()[-2:] == ["leg_refused", "signal_ended"]


def test_an_order_that_goes_again_belongs_to_its_signal_and_what_does_not_rings(
    env: ScriptedEnv, account: StrategyAccount
) -> None:
    account.handle(execute(1))
    env.commit(account)
    first = placement(env.calls[0][1])
    no = Refused(code="rate_limited", error="too many requests", again_after=2 * SECOND)
    answers([PlacementAnswered(order_id=first.order_id, result=no)], account)
    env.commit_all(account)
    env.clock = Micros(env.clock + 2 * SECOND)
    account.handle(Tick(reason="due"))
    env.commit_all(account)
    second = placement(env.calls[-1][1])
    assert second.order_id != first.order_id
    answers([PlacementAnswered(order_id=second.order_id, result=no)], account)
    env.commit_all(account)
    env.clock = Micros(env.clock + 30 * SECOND)
    account.handle(Tick(reason="due"))
    env.commit_all(account)
    assert env.written()[-2:] == ["order_abandoned", "signal_ended"]
    assert {stored.correlation for stored in env.log.read_stream(NAME) if stored.version > 1} == {signal_id(1)}
    (alarm,) = env.noticeboard.alarms.listed()
    assert (alarm.kind, alarm.what) == (AlarmKind.NOT_PLACED, second.order_id)


def test_what_is_due_is_done_at_its_moment(env: ScriptedEnv, account: StrategyAccount) -> None:
    expiring = replace(limit_buy(), expires_at=Micros(env.clock + 7 * SECOND))
    account.handle(execute(1, expiring))
    env.commit(account)
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    (due,) = [(delay, tick) for delay, tick in env.timers if tick == Tick(reason="due")]
    assert due[0] == 7 * SECOND
    env.clock = Micros(env.clock + 7 * SECOND)
    account.handle(due[1])
    env.commit_all(account)
    assert len(env.effects(CancelOrder)) == 1


def test_polls_do_not_make_a_later_doubt_wait(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    effect = env.calls[0][1]
    answers([accepted(effect)], account)
    env.commit_all(account)
    for _ in range(5):
        env.clock = Micros(env.clock + 30 * SECOND)
        account.handle(Tick(reason="poll"))
        answers([seen(placement(effect).order_id, shown(effect))], account)
    looks = len(env.effects(LookUpOrder))
    account.handle(operate(CancelOrders(command_id=signal_id(50), by="kim", why="")))
    env.commit(account)
    (cancel,) = env.effects(CancelOrder)
    assert isinstance(cancel, CancelOrder)
    answers([CancelAnswered(order_id=cancel.order_id, result=NotFound())], account)
    env.commit_all(account)
    assert len(env.effects(LookUpOrder)) == looks + 1


def test_a_pause_is_acknowledged_when_it_is_durable(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(operate(pause()))
    assert env.heard(ASK) == []
    env.commit(account)
    assert env.heard(ASK) == [Operated(account=NAME, done=True, changed=True)]
    account.handle(operate(pause()))
    assert env.heard(ASK)[1:] == [Operated(account=NAME, done=True, changed=False)]


def test_a_cancel_of_everything_is_answered_when_every_cancel_is(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    effect = env.calls[0][1]
    answers([accepted(effect)], account)
    env.commit_all(account)
    account.handle(operate(CancelOrders(command_id=signal_id(50), by="kim", why="")))
    env.commit(account)
    assert env.heard(ASK) == []
    cancelled = Cancelled(order=shown(effect, status=OrderStatus.CANCELLED))
    answers([CancelAnswered(order_id=placement(effect).order_id, result=cancelled)], account)
    env.commit_all(account)
    assert env.heard(ASK) == [Operated(account=NAME, done=True, changed=True, cancelled=1)]


def test_a_liquidation_is_answered_when_nothing_is_held(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(operate(LiquidatePositions(command_id=signal_id(51), by="kim", why="")))
    env.commit_all(account)
    assert env.heard(ASK) == [Operated(account=NAME, done=True, changed=True)]


def test_a_second_liquidation_hears_that_one_is_under_way(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    account.handle(operate(LiquidatePositions(command_id=signal_id(51), by="kim", why=""), 91))
    env.commit(account)
    account.handle(operate(LiquidatePositions(command_id=signal_id(52), by="lee", why=""), 92))
    assert env.heard(ASK) == [Operated(account=NAME, done=False, changed=False, note="already under way")]


def test_new_terms_are_adopted_when_the_catalogue_changes(env: ScriptedEnv) -> None:
    directory = ScriptedDirectory(env)
    account = rebuilt(env, directory)
    env.commit(account)
    account.handle(CatalogueChanged())
    assert env.appends == []
    directory.profiles[NAME] = profile(leverage=5)
    account.handle(CatalogueChanged())
    env.commit(account)
    assert env.written() == ["terms_adopted", "terms_adopted"]


def test_a_strategy_account_that_is_not_declared_ends(env: ScriptedEnv) -> None:
    directory = ScriptedDirectory(env)
    directory.profiles.clear()
    rebuilt(env, directory)
    assert [at for at, _reason in env.stopped] == [ME]


def test_it_shows_itself_to_whoever_asks(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1, limit_buy(qty="0.25")))
    env.commit(account)
    account.handle(Describe(ask=ASK))
    (shown_view,) = env.heard(ASK)
    assert isinstance(shown_view, AccountView)
    assert (shown_view.account, shown_view.condition, shown_view.version) == (NAME, "active", 3)
    assert [(order.status, str(order.amount)) for order in shown_view.orders] == [("PENDING", "0.25")]
    assert shown_view.waiting_signals == 1


def test_open_orders_are_polled_every_thirty_seconds(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    polls = [delay for delay, mail in env.timers if mail == Tick(reason="poll")]
    assert polls == [30 * SECOND]
    account.handle(Tick(reason="poll"))
    account.handle(Tick(reason="poll"))
    assert len(env.effects(LookUpOrder)) == 1


def test_a_stream_read_back_gives_the_state_that_was_lived(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    again = rebuilt(env)
    assert again._state == account._state


def test_events_of_an_order_belong_to_the_signal_that_asked_for_it(env: ScriptedEnv, account: StrategyAccount) -> None:
    account.handle(execute(1))
    env.commit(account)
    effect = env.calls[0][1]
    again = rebuilt(env)
    env.commit_all(again)
    answers([seen(placement(effect).order_id, shown(effect))], again)
    env.commit_all(again)
    whole_life = [event.type for event in env.log.read_correlation(signal_id(1))]
    assert whole_life[:3] == ["signal_accepted", "order_requested", "order_doubted"]
    assert sorted(whole_life[3:]) == ["order_accepted", "signal_ended"]
    events = list(env.log.read_correlation(signal_id(1)))
    request = next(event for event in events if event.type == "order_requested")
    accepted_event = next(event for event in events if event.type == "order_accepted")
    assert accepted_event.causation == request.event_id
