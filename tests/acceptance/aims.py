"""Ways to kill an engine in the middle of a burst, each meant to catch it at one stage; what it caught, evidence tells.

None of them needs the engine's help: they stall the log by a lock in the database, hold what is on the wire, or let no
connection to the exchange come about.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from threading import Event

from tests.acceptance.ordeal import Ordeal
from tests.acceptance.senders import Burst
from tests.acceptance.stages import Kill, Stage
from tests.acceptance.wire import Dropped, Passage
from tests.processes import wait_until

Aim = Callable[[Ordeal, Burst], Kill]

_LONGEST_HOLD = 30.0
_CHANGES = {"place", "cancel"}


def at_any_moment(ordeal: Ordeal, burst: Burst) -> Kill:
    """Kill at a random moment, at an exchange that is not well."""
    for kind in ("error_after", "drop_after", "drop_before", "cut_after"):
        ordeal.exchange.fault("place", kind, count=5, probability=0.1, seed=ordeal.random.randint(0, 9_999))
        ordeal.exchange.fault("cancel", kind, count=5, probability=0.1, seed=ordeal.random.randint(0, 9_999))
    burst.start()
    time.sleep(ordeal.random.uniform(0.02, 0.3))
    return ordeal.kill()


def before_an_intent(ordeal: Ordeal, burst: Burst) -> Kill:
    """Kill while nothing can be committed."""
    burst.start()
    time.sleep(ordeal.random.uniform(0.0, 0.1))
    with ordeal.database.stalled():
        time.sleep(ordeal.random.uniform(0.03, 0.15))
        return ordeal.kill()


def before_a_send(ordeal: Ordeal, burst: Burst) -> Kill:
    """Kill while no connection to the exchange comes about."""
    ordeal.wire.shut()
    burst.start()
    with suppress(AssertionError):
        wait_until(ordeal.has_unsent, within=3)
    time.sleep(ordeal.random.uniform(0.0, 0.1))
    kill = ordeal.kill()
    ordeal.wire.open()
    return kill


def before_an_answer(ordeal: Ordeal, burst: Burst) -> Kill:
    """Kill while requests, or their answers, are held on the wire; they go on at once, later, or never."""
    point = ordeal.random.choice(("came", "answered"))
    goes_on = ordeal.random.random() < 0.7
    is_held, release = Event(), ordeal.release
    nth, numbers = ordeal.random.randint(1, 8), count(1)

    def watch(passage: Passage, at: str) -> None:
        if at == point and passage.operation in _CHANGES and next(numbers) >= nth:
            is_held.set()
            release.wait(_LONGEST_HOLD)
            if not goes_on:
                raise Dropped

    ordeal.wire.watch = watch
    burst.start()
    is_held.wait(3)
    time.sleep(ordeal.random.uniform(0.0, 0.05))
    kill = ordeal.kill()
    if ordeal.random.random() < 0.5:
        # Else what was on its way arrives only when the next engine has already looked.
        release.set()
    return kill


def before_an_outcome(ordeal: Ordeal, burst: Burst) -> Kill:
    """Kill the moment an answer has been delivered."""
    kills: list[Kill] = []
    nth, numbers = ordeal.random.randint(1, 8), count(1)

    def watch(passage: Passage, at: str) -> None:
        if at == "delivered" and passage.operation in _CHANGES and next(numbers) == nth:
            kills.append(ordeal.kill())

    ordeal.wire.watch = watch
    burst.start()
    with suppress(AssertionError):
        return wait_until(lambda: kills[0] if kills else None, within=3)
    return ordeal.kill()


def during_recovery(ordeal: Ordeal, burst: Burst) -> Kill:
    """Kill with something under way, and kill the next engine while it asks the exchange what became of that."""
    ordeal.count(before_an_answer(ordeal, burst), burst)
    ordeal.release.set()
    is_looking, release = Event(), Event()
    since = time.monotonic()

    def watch(passage: Passage, at: str) -> None:
        if passage.came > since and at == "answered" and passage.operation == "look":
            is_looking.set()
            release.wait(_LONGEST_HOLD)
            raise Dropped

    ordeal.wire.watch = watch
    engine = ordeal.start()
    wait_until(lambda: ordeal.has_lease() or not engine.is_running, what="the lease")
    is_looking.wait(0.5)
    time.sleep(ordeal.random.uniform(0.0, 0.05))
    kill = ordeal.kill(in_recovery=ordeal.has_lease() and not engine.url)
    release.set()
    return kill


AIMS: Mapping[Stage, Aim] = {
    Stage.BEFORE_INTENT: before_an_intent,
    Stage.COMMITTED: before_a_send,
    Stage.SENT: before_an_answer,
    Stage.ANSWERED: before_an_outcome,
    Stage.RECOVERY: during_recovery,
}
