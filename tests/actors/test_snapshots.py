"""An actor that begins from a snapshot is the one that replayed its whole stream, and goes on exactly like it."""

import itertools
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderwright.actors.envelopes import Causes
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.messages import AccountReady, Loaded, Rest, SignalSettled, Start, name_of
from orderwright.actors.snapshot_saver import SnapshotSaver
from orderwright.actors.snapshots import ACCOUNT_CODEC, INBOX_CODEC, AccountImage, Rhythm, codec_of
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.engine.inbox import Inbox, InboxEvent, Marks
from orderwright.engine.inbox import evolve_all as evolve_inbox
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve_all as evolve_account
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.memory import MemorySnapshots
from orderwright.eventstore.snapshots import Restored, Snapshot, Taken
from orderwright.eventstore.store import NewEvent, StoreUnavailable
from orderwright.moments import SECOND, Micros
from tests.actors.orders import accepted, execute, submit, unclear
from tests.actors.scripted_env import INBOX, ME, NAME, SUPERVISOR, ScriptedDirectory, ScriptedEnv, answers
from tests.engine.arbitrary import any_of
from tests.engine.given import modestly

STREAM = name_of(INBOX)
READY = AccountReady(account=NAME, at=ME)
COMMAND = UUID(int=77)


def cut(events: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[list[Any], int]]:
    """Return histories, each with a place at which a snapshot was taken."""
    histories = st.lists(events, max_size=25)
    return histories.flatmap(lambda history: st.tuples(st.just(history), st.integers(0, len(history))))


def kept(taken: Taken[Any]) -> Restored[Any]:
    """Return what comes back of a state that was saved."""
    snapshot = taken.sealed(log_id=1)
    state = taken.codec.open(snapshot, log_id=1)
    assert state is not None
    return Restored(version=snapshot.version, position=snapshot.position, state=state)


def image_through_a_snapshot(image: AccountImage) -> AccountImage:
    taken = Taken(stream=NAME, version=1, position=1, state=image, codec=ACCOUNT_CODEC)
    restored: AccountImage = kept(taken).state
    return restored


def told(causes: Causes, events: Sequence[Event], *, version: int = 0) -> tuple[NewEvent, ...]:
    """Return how events are written that nobody but their own requests brought about."""
    return causes.seal(events, version=version, command_id=None)


@given(cut(any_of(Event)))
@modestly(60)
def test_a_strategy_account_is_its_snapshot_and_what_came_after(case: tuple[list[Event], int]) -> None:
    events, place = case
    whole, before = Causes(NAME), Causes(NAME)
    sealed = told(whole, events)
    told(before, events[:place])
    image = image_through_a_snapshot(
        AccountImage(state=evolve_account(State(), events[:place]), requests=before.requests)
    )

    after = Causes(NAME)
    after.restore(image.requests)
    assert evolve_account(image.state, events[place:]) == evolve_account(State(), events)
    assert told(after, events[place:], version=place) == sealed[place:]
    assert after.requests == whole.requests


@given(cut(any_of(InboxEvent)))
@modestly(60)
def test_an_inbox_is_its_snapshot_and_what_came_after(case: tuple[list[InboxEvent], int]) -> None:
    events, place = case
    before = evolve_inbox(Inbox(), events[:place])
    restored = kept(Taken(stream=STREAM, version=1, position=1, state=before, codec=INBOX_CODEC)).state

    assert restored == before
    assert evolve_inbox(restored, events[place:]) == evolve_inbox(Inbox(), events)


def test_an_inboxs_snapshot_leaves_nothing_of_it_out() -> None:
    assert Inbox.__struct_fields__ == ("last_sequence", "unfinished", "ids", "bodies")
    assert Marks.__struct_fields__ == ("seen", "order", "first", "end")


def test_only_streams_that_are_opened_again_and_again_have_snapshots() -> None:
    assert codec_of(NAME) is ACCOUNT_CODEC
    assert codec_of(STREAM) is INBOX_CODEC
    assert codec_of("catalogue") is None
    assert codec_of("exchange-account/A1") is None


def account_of(env: ScriptedEnv, loaded: Loaded, *, every: int = 1_000) -> StrategyAccount:
    account = StrategyAccount(
        env=env, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(env), snapshot_every=every
    )
    account.handle(Start())
    account.handle(loaded)
    env.commit_all(account)
    return account


def inbox_of(env: ScriptedEnv, loaded: Loaded, *, every: int = 1_000) -> SignalInbox:
    inbox = SignalInbox(env=env, me=INBOX, supervisor=SUPERVISOR, snapshot_every=every)
    inbox.handle(Start())
    inbox.handle(loaded)
    return inbox


def after_the_snapshot(env: ScriptedEnv, stream: str) -> Loaded:
    snapshot = kept(env.saved[-1])
    tail = env.log.read_stream(stream, after_version=snapshot.version, after_position=snapshot.position)
    return Loaded(events=tuple(tail), snapshot=snapshot)


def life_with_a_doubt() -> tuple[ScriptedEnv, StrategyAccount]:
    """Return an account with one order that rests and one that is in doubt."""
    env = ScriptedEnv()
    account = account_of(env, env.loaded(NAME), every=4)
    account.handle(execute(1))
    env.commit_all(account)
    answers([accepted(env.calls[0][1])], account)
    env.commit_all(account)
    account.handle(execute(2))
    env.commit_all(account)
    answers([unclear(env.calls[1][1])], account)
    env.commit_all(account)
    return env, account


def test_a_strategy_account_takes_a_snapshot_of_what_is_durable_every_so_many_events() -> None:
    env, account = life_with_a_doubt()

    versions = [taken.version for taken in env.saved]
    assert versions == sorted(versions)
    assert all(later - earlier >= 4 for earlier, later in itertools.pairwise(versions))
    assert len(versions) >= 2
    assert versions[0] >= 4
    events = list(env.log.read_stream(NAME))
    assert [events[taken.version - 1].position for taken in env.saved] == [taken.position for taken in env.saved]
    account.handle(Rest())
    assert env.saved[-1].version == len(events)
    assert env.saved[-1].state.state == account._state
    saved = len(env.saved)
    account.handle(Rest())
    assert len(env.saved) == saved


def test_a_strategy_account_begun_from_a_snapshot_writes_the_same_events() -> None:
    env, old = life_with_a_doubt()
    old.handle(Rest())
    env.clock = Micros(env.clock + 40 * SECOND)
    heard = [accepted(call[1]) for call in env.calls[:2]]
    written: list[tuple[Any, ...]] = []
    for loaded in (env.loaded(NAME), after_the_snapshot(env, NAME)):
        again = ScriptedEnv()
        again.clock = env.clock
        account = StrategyAccount(env=again, me=ME, supervisor=SUPERVISOR, directory=ScriptedDirectory(again))
        account.handle(Start())
        account.handle(loaded)
        answers([heard[1]], account)
        written.append((account._state, account._version, account._causes.requests, again.calls, again.appends))

    assert written[0] == written[1]
    assert written[0][4]


def test_a_strategy_account_does_not_keep_what_is_not_durable() -> None:
    env = ScriptedEnv()
    account = account_of(env, env.loaded(NAME))
    account.handle(execute(1))

    account.handle(Rest())

    assert [taken.version for taken in env.saved] == []


def test_an_inbox_takes_a_snapshot_when_the_append_that_it_rests_on_is_durable() -> None:
    env = ScriptedEnv()
    inbox = inbox_of(env, env.loaded(STREAM), every=2)
    for number in range(1, 6):
        inbox.handle(submit(number, key=f"k{number}"))
    assert env.saved == []

    env.commit(inbox)
    assert env.saved == []
    env.commit_all(inbox)

    assert [(taken.version, taken.position, taken.state.last_sequence) for taken in env.saved] == [(2, 2, 2)]
    inbox.handle(Rest())
    assert env.saved[-1].version == 5
    assert env.saved[-1].state == inbox._inbox


def test_an_inbox_that_waits_for_the_log_does_not_keep_what_is_not_durable() -> None:
    env = ScriptedEnv()
    inbox = inbox_of(env, env.loaded(STREAM))
    inbox.handle(submit(1))

    inbox.handle(Rest())

    assert env.saved == []


def test_an_inbox_begun_from_a_snapshot_writes_the_same_events() -> None:
    env = ScriptedEnv()
    inbox = inbox_of(env, env.loaded(STREAM), every=2)
    for number in (1, 2, 3):
        inbox.handle(submit(number, key=f"k{number}"))
        env.commit_all(inbox)
    assert env.saved
    written = []
    for loaded in (env.loaded(STREAM), after_the_snapshot(env, STREAM)):
        again = ScriptedEnv()
        successor = inbox_of(again, loaded)
        successor.handle(READY)
        successor.handle(SignalSettled(account=NAME, sequence=1))
        successor.handle(submit(3, key="k3", body="body 3", ask=4))
        successor.handle(submit(4, ask=5))
        written.append((successor._inbox, again.appends, again.told, again.replies))

    assert written[0] == written[1]
    assert len(written[0][1]) == 2


def test_an_inbox_with_much_to_remember_takes_fewer_snapshots() -> None:
    env = ScriptedEnv()
    rhythm = Rhythm(env, STREAM, every=10)
    rhythm.begin_after(100)

    assert not rhythm.is_due(109)
    assert rhythm.is_due(110)
    assert not rhythm.is_due(110, entries=50)
    assert rhythm.is_due(150, entries=50)


class SlowSnapshots(MemorySnapshots):
    """Snapshots whose store does nothing until it is let."""

    def __init__(self, env: ScriptedEnv) -> None:
        super().__init__(env.log)
        self.let = threading.Event()
        self.saved: list[tuple[str, int]] = []

    def save(self, snapshot: Snapshot) -> bool:
        self.let.wait(20)
        if snapshot.stream == "strategy-account/away":
            message = "the database is away"
            raise StoreUnavailable(message)
        self.saved.append((snapshot.stream, snapshot.version))
        return True


@pytest.fixture
def slow() -> Iterator[SlowSnapshots]:
    store = SlowSnapshots(ScriptedEnv())
    yield store
    store.let.set()


def taken(stream: str, version: int, state: Any = None) -> Taken[Any]:
    image = AccountImage(state=State(), requests={}) if state is None else state
    return Taken(stream=stream, version=version, position=version, state=image, codec=ACCOUNT_CODEC)


def test_what_waits_to_be_saved_is_the_newest_of_each_stream_and_all_of_it_is_saved_at_the_end(
    slow: SlowSnapshots, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    saver = SnapshotSaver(slow)
    saver.save(taken("strategy-account/first", 1))
    for version in range(2, 50):
        saver.save(taken("strategy-account/a", version))
        saver.save(taken("strategy-account/away", version))
    saver.save(taken("strategy-account/broken", 1, state=object()))
    saver.save(taken("strategy-account/b", 7))

    slow.let.set()
    saver.close()

    assert slow.saved == [
        ("strategy-account/first", 1),
        ("strategy-account/a", 49),
        ("strategy-account/b", 7),
    ]
    assert "the database is away" in caplog.text
    assert "strategy-account/broken" in caplog.text
