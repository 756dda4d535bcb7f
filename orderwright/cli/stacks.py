"""What every thread of the process does right now, for whoever asks why it hangs."""

import sys
import threading
import traceback

import pykka


def stacks() -> str:
    """Return the stack of every thread under its name, which is an actor's while it has its turn; and who is awake.

    Unlike `faulthandler`, which stops after 100 threads and leaves out their names.
    """
    frames = sys._current_frames()  # noqa: SLF001 -- there is no other way
    threads = [thread for thread in threading.enumerate() if thread.ident in frames]
    said = [
        f"Thread {thread.name} (most recent call last):\n{''.join(traceback.format_stack(frames[thread.ident or 0]))}"
        for thread in threads
    ]
    awake = sorted(actor.actor_urn for actor in pykka.ActorRegistry.get_all())
    told = f"{len(awake)} actors are awake: {', '.join(awake)}."
    return "\n".join([*said, told, f"These are all {len(threads)} threads.\n"])
