"""How somebody outside the actors reaches them: by name, alive or not, and never without a time-out."""

from collections.abc import Callable, Sequence

from orderwright.actors.asks import Asks
from orderwright.actors.messages import (
    AskId,
    Command,
    Deliver,
    Ping,
    Ready,
    Reply,
    Revive,
    Wake,
    name_of,
)
from orderwright.actors.pykka_env import PykkaEnv
from orderwright.actors.supervisor import SUPERVISOR, Supervisor


class Questions:
    """Thread-safe; whoever asks waits on a future of its own."""

    def __init__(self, env: PykkaEnv, asks: Asks, supervisor: Supervisor) -> None:
        self._env = env
        self._asks = asks
        self._supervisor = supervisor

    def send(self, name: str, command: Command) -> None:
        """Put a command into an actor's mailbox; if it is not up, the supervisor sees to it."""
        at = self._supervisor.book.get(name)
        if at is None:
            self._env.tell(Deliver(name=name, mail=command), SUPERVISOR)
        else:
            self._env.tell(command, at)

    def ask(self, names: Sequence[str], question: Callable[[str, AskId], Command], timeout: float) -> tuple[Reply, ...]:
        """Ask many, each by its name; return the replies that came within `timeout` seconds."""
        ask = self._asks.open(expected=len(names))
        try:
            for name in names:
                self.send(name, question(name, ask.id))
            if names:
                ask.wait(timeout)
            return ask.replies
        finally:
            self._asks.close(ask)

    def wake(self, names: Sequence[str], *, timeout: float) -> list[str]:
        """Bring actors to life; return those that were not ready in time."""
        ask = self._asks.open(expected=len(names))
        try:
            for name in names:
                self._env.tell(Wake(name=name, ask=ask.id), SUPERVISOR)
            if names:
                ask.wait(timeout)
            ready = {name_of(reply.at) for reply in ask.replies if isinstance(reply, Ready)}
        finally:
            self._asks.close(ask)
        return [name for name in names if name not in ready]

    def revive(self, name: str, *, timeout: float) -> bool:
        """Let an actor out of quarantine; return whether it was ready in time."""
        ask = self._asks.open(expected=1)
        try:
            self._env.tell(Revive(name=name, ask=ask.id), SUPERVISOR)
            ask.wait(timeout)
            return any(isinstance(reply, Ready) for reply in ask.replies)
        finally:
            self._asks.close(ask)

    def is_supervised(self, *, timeout: float) -> bool:
        """Whether the supervisor deals with what it is told, within `timeout` seconds."""
        ask = self._asks.open(expected=1)
        try:
            self._env.tell(Ping(ask=ask.id), SUPERVISOR)
            return ask.wait(timeout)
        finally:
            self._asks.close(ask)
