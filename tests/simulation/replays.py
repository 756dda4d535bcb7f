"""Invariant (e): what the log folds to is what the actors that are alive believe, and what the gate holds back."""

from collections.abc import Iterator

from orderwright.engine.inbox import Inbox
from orderwright.engine.inbox import evolve as evolve_inbox
from orderwright.engine.strategy_account.evolve import evolve as evolve_account
from orderwright.engine.strategy_account.state import State
from tests.simulation.evidence import Evidence


def differences(evidence: Evidence) -> list[str]:
    """Return where a replay differs from live state."""
    return [f"(e) {wrong}" for wrong in _differences(evidence)]


def _differences(evidence: Evidence) -> Iterator[str]:
    states = dict.fromkeys(evidence.live_accounts, State())
    versions = dict.fromkeys(evidence.live_accounts, 0)
    inboxes = dict.fromkeys(evidence.live_inboxes, Inbox())
    for entry in evidence.entries:
        stream = entry.stored.stream
        if stream in states:
            states[stream] = evolve_account(states[stream], entry.event)  # type: ignore[arg-type]
            versions[stream] = entry.stored.version
        elif stream in inboxes:
            inboxes[stream] = evolve_inbox(inboxes[stream], entry.event)  # type: ignore[arg-type]
    for stream, (state, version) in evidence.live_accounts.items():
        if states[stream] != state:
            yield f"{stream} lives in {state} and replays to {states[stream]}"
        if versions[stream] != version:
            yield f"{stream} believes in version {version} of {versions[stream]}"
        if (stream in evidence.shut) != (state.pause is not None):
            yield f"{stream} has {state.pause}, and among those that the gate holds back are {sorted(evidence.shut)}"
    for stream, inbox in evidence.live_inboxes.items():
        replayed = inboxes[stream]
        if (inbox.last_sequence, inbox.ids, inbox.bodies) != (replayed.last_sequence, replayed.ids, replayed.bodies):
            yield f"{stream} lives in {inbox} and replays to {replayed}"
        if set(inbox.unfinished) != set(replayed.unfinished):
            yield f"{stream} waits for {sorted(inbox.unfinished)}, by its replay for {sorted(replayed.unfinished)}"
