"""The job behind the 30-second look at unfinished orders: it finds those that nobody looks at.

A strategy account that is awake polls its own orders by a timer of its own, which begins with its first order and ends
with its last: so the looks of thousands of accounts spread over time instead of meeting an exchange's rate limit
together, and the simulation proves them. What is left for the job is whoever should be awake and is not.
"""

from collections.abc import Sequence
from typing import Protocol


class Watch(Protocol):
    """The engine, as far as this job needs it."""

    def wake_unfinished(self) -> Sequence[str]:
        """Bring to life whoever has unfinished business and no actor; return their names.

        Raises:
            StoreUnavailable: the log cannot be read.
        """
        ...


def find_unwatched(watch: Watch) -> str:
    """See to it that everybody with unfinished business is awake, and so looks at every order of theirs.

    Raises:
        StoreUnavailable: the log cannot be read.
    """
    woken = watch.wake_unfinished()
    return f"woke {', '.join(sorted(woken))}" if woken else "everybody with unfinished orders looks after them"
