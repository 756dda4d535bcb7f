"""Invariant (e): what the log folds to is what live actors believe, what the gate shuts, what snapshots lead to."""

from collections.abc import Callable, Iterator
from typing import Any

from orderwright.actors.snapshots import AccountImage
from orderwright.engine.inbox import Inbox
from orderwright.engine.inbox import evolve as evolve_inbox
from orderwright.engine.strategy_account.evolve import evolve as evolve_account
from orderwright.engine.strategy_account.state import State
from tests.simulation.evidence import Evidence


def differences(evidence: Evidence) -> list[str]:
    """Return where a replay differs from live state, or from a snapshot and what came after it."""
    replayed = {stream: _fold(evidence, stream, 0, None) for stream in _streams(evidence)}
    wrongs = (*_of_accounts(evidence, replayed), *_of_inboxes(evidence, replayed), *_of_snapshots(evidence, replayed))
    return [f"(e) {wrong}" for wrong in wrongs]


def _streams(evidence: Evidence) -> set[str]:
    return {*evidence.live_accounts, *evidence.live_inboxes, *(stream for stream, _restored in evidence.snapshots)}


def _fold(evidence: Evidence, stream: str, version: int, begin: Any) -> tuple[Any, int]:
    is_inbox = stream.startswith("inbox/")
    evolve: Callable[[Any, Any], Any] = evolve_inbox if is_inbox else evolve_account
    state = begin if begin is not None else Inbox() if is_inbox else State()
    for entry in evidence.entries:
        if entry.stored.stream == stream and entry.stored.version > version:
            state, version = evolve(state, entry.event), entry.stored.version
    return state, version


def _of_accounts(evidence: Evidence, replayed: dict[str, tuple[Any, int]]) -> Iterator[str]:
    for stream, (state, version) in evidence.live_accounts.items():
        folded, last = replayed[stream]
        if folded != state:
            yield f"{stream} lives in {state} and replays to {folded}"
        if last != version:
            yield f"{stream} believes in version {version} of {last}"
        if (stream in evidence.shut) != (state.pause is not None):
            yield f"{stream} has {state.pause}, and among those that the gate holds back are {sorted(evidence.shut)}"


def _of_inboxes(evidence: Evidence, replayed: dict[str, tuple[Any, int]]) -> Iterator[str]:
    for stream, inbox in evidence.live_inboxes.items():
        folded, _last = replayed[stream]
        if (inbox.last_sequence, inbox.ids, inbox.bodies) != (folded.last_sequence, folded.ids, folded.bodies):
            yield f"{stream} lives in {inbox} and replays to {folded}"
        if set(inbox.unfinished) != set(folded.unfinished):
            yield f"{stream} waits for {sorted(inbox.unfinished)}, by its replay for {sorted(folded.unfinished)}"


def _of_snapshots(evidence: Evidence, replayed: dict[str, tuple[Any, int]]) -> Iterator[str]:
    for stream, restored in evidence.snapshots:
        begin = restored.state.state if isinstance(restored.state, AccountImage) else restored.state
        if _fold(evidence, stream, restored.version, begin) != replayed[stream]:
            yield f"{stream} comes to something else by its snapshot of version {restored.version}"
