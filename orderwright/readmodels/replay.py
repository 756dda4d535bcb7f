"""Replaying a stream: the state that its events led to, now or at any earlier moment."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from orderwright.engine import inbox
from orderwright.engine.catalogue import evolve as catalogue
from orderwright.engine.catalogue.events import Event as CatalogueEvent
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.strategy_account import evolve as strategy_account
from orderwright.engine.strategy_account.events import Event as StrategyAccountEvent
from orderwright.engine.strategy_account.state import State
from orderwright.errors import OrderwrightError
from orderwright.eventstore.codec import EventCodec
from orderwright.eventstore.store import StoredText
from orderwright.moments import Micros


class UnknownStream(OrderwrightError):
    """There is no such stream, or none of a kind that has a state; the message says what there is."""


class UnknownVersion(OrderwrightError):
    """The stream has fewer events than that."""


class Replayed(Struct, frozen=True, kw_only=True):
    """A stream's state after its `version`-th event, which was recorded at `recorded_at`."""

    stream: str
    version: int
    position: int
    recorded_at: Micros
    state: Any


_FOLDS: dict[str, tuple[EventCodec[Any], Callable[[Any, Any], Any], Callable[[], Any]]] = {
    "catalogue": (EventCodec(CatalogueEvent), catalogue.evolve, Catalogue),
    "inbox": (EventCodec(inbox.InboxEvent), inbox.evolve, inbox.Inbox),
    "strategy-account": (EventCodec(StrategyAccountEvent), strategy_account.evolve, State),
}


def full_name(stream: str) -> str:
    """Return the stream that a short name means: `test1@A1` is `strategy-account/test1@A1`."""
    return f"strategy-account/{stream}" if "@" in stream and "/" not in stream else stream


def replay(
    stream: str, events: Iterable[StoredText], *, version: int | None = None, at: Micros | None = None
) -> Replayed:
    """Return the state after the events up to `version`, or up to those recorded at `at`; all of them by default.

    Raises:
        UnknownStream: there are no events, or streams of this kind have no state.
        UnknownVersion: the stream has not come to this version.
    """
    kind = stream.partition("/")[0]
    if kind not in _FOLDS:
        message = f"streams of the kind {kind!r} have no state; known kinds: {', '.join(_FOLDS)}"
        raise UnknownStream(message)
    codec, evolve, begin = _FOLDS[kind]
    state, last, decode = begin(), None, codec.decode
    for stored in events if version is None and at is None else _up_to(events, version, at):
        state, last = evolve(state, decode(stored)), stored
    if last is None:
        message = f"{stream} has no events up to then"
        raise UnknownStream(message)
    if version is not None and last.version < version:
        message = f"{stream} has {last.version} events, not {version}"
        raise UnknownVersion(message)
    return Replayed(
        stream=stream, version=last.version, position=last.position, recorded_at=last.recorded_at, state=state
    )


def _up_to(events: Iterable[StoredText], version: int | None, at: Micros | None) -> Iterator[StoredText]:
    for stored in events:
        if (version is not None and stored.version > version) or (at is not None and stored.recorded_at > at):
            return
        yield stored


def state_as_builtins(state: object) -> Any:  # noqa: ANN401 -- JSON is made of whatever the state is made of
    """Return a state as JSON-ready builtins."""
    return msgspec.to_builtins(state, str_keys=True, enc_hook=_from_persistent_map)


def _from_persistent_map(value: Any) -> Any:  # noqa: ANN401
    return dict(value.items())
