"""From what was loaded of a stream to what its actor begins with."""

from orderwright.actors.envelopes import Causes
from orderwright.actors.messages import Loaded
from orderwright.actors.snapshots import AccountImage
from orderwright.engine.strategy_account.events import Event
from orderwright.engine.strategy_account.evolve import evolve
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.codec import EventCodec

CODEC: EventCodec[Event] = EventCodec(Event)


def fold_account(loaded: Loaded, causes: Causes) -> tuple[State, int, int]:
    """Return a strategy account's state, its stream's version and the last event's position; `causes` learns them too.

    Raises:
        UndecodableEvent: the stream cannot be read by this code.
    """
    state, version, position = State(), 0, 0
    if loaded.snapshot is not None:
        image: AccountImage = loaded.snapshot.state
        state, version, position = image.state, loaded.snapshot.version, loaded.snapshot.position
        causes.restore(image.requests)
    for stored in loaded.events:
        event = CODEC.decode(stored)
        state = evolve(state, event)
        causes.note(stored, event)
        version, position = stored.version, stored.position
    return state, version, position
