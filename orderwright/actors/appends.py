"""How an incarnation's appends reach the log: only in the writer's generation in which it was born, or not at all."""

from collections.abc import Callable

from orderwright.actors.messages import Address, AppendEnded
from orderwright.eventstore.store import Append, AppendFailed, Fenced, LogWriter, QueueFull, Stale


class Appends:
    """Stands between the actors and the writer; `tell` puts an end into a mailbox."""

    def __init__(self, writer: LogWriter, tell: Callable[[AppendEnded, Address], None]) -> None:
        self._writer = writer
        self._tell = tell
        self._generations: dict[Address, int] = {}

    def begin(self, at: Address) -> None:
        """Note that an incarnation comes to life: what it writes rests on what was written by now."""
        self._generations[at] = self._writer.generation

    def end(self, at: Address) -> None:
        """Note that an incarnation is over: it writes nothing more."""
        self._generations.pop(at, None)

    def write(self, append: Append, ticket: int, to: Address) -> bool:
        """Queue an append; see `Env.append`, which this is the whole of."""
        try:
            self._writer.append(
                append,
                lambda outcome: self._tell(AppendEnded(ticket=ticket, outcome=outcome), to),
                generation=self._generations.get(to, -1),
            )
        except QueueFull:
            return False
        except (Stale, Fenced) as exc:
            self._tell(AppendEnded(ticket=ticket, outcome=AppendFailed(reason=str(exc))), to)
            return False
        return True
