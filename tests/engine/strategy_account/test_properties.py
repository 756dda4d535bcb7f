"""What holds for every strategy account, whatever happens and whatever it is told, sense or nonsense."""

from hypothesis import given
from hypothesis import strategies as st

from orderwright.engine.orders import is_terminal
from orderwright.engine.outcomes import Outcome
from orderwright.engine.strategy_account.commands import Message, TimePassed
from orderwright.engine.strategy_account.effects import outstanding
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve, evolve_all
from orderwright.engine.strategy_account.state import State
from tests.engine.arbitrary import any_of
from tests.engine.given import StrategyAccountUnderTest, modestly

histories = st.lists(any_of(Event), max_size=25)
messages = any_of(Message)
outcomes = any_of(Outcome)


def a_context(state: State) -> StrategyAccountUnderTest:
    account = StrategyAccountUnderTest()
    account.state = state
    return account


@given(histories)
@modestly(20)
def test_any_history_can_be_replayed_and_in_one_go_as_well_as_step_by_step(events: list[Event]) -> None:
    state = State()
    for event in events:
        state = evolve(state, event)
        assert not any(is_terminal(order.status) for order in state.orders.values())
        assert all(order.remaining >= 0 for order in state.orders.values())
    assert evolve_all(State(), events) == state


@given(histories, messages)
@modestly(20)
def test_no_message_breaks_any_state(events: list[Event], message: Message) -> None:
    account = a_context(evolve_all(State(), events))
    account.when(message)
    outstanding(account.state, account.context)


@given(histories, outcomes)
@modestly(20)
def test_an_outcome_told_twice_counts_once(events: list[Event], outcome: Outcome) -> None:
    account = a_context(evolve_all(State(), events))
    account.when(TimePassed())
    account.when(outcome)
    assert account.when(outcome) == []
