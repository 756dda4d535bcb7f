"""What is decided in one go and written with one append: a message, and the signals that waited right behind it."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from orderwright.actors.messages import NOBODY, AskId, Execute, Mail, Operate, Operated
from orderwright.engine.strategy_account.commands import Message
from orderwright.engine.strategy_account.decide import decide_and_evolve
from orderwright.engine.strategy_account.progress import Decided
from orderwright.engine.strategy_account.state import Context, State

MOST_SIGNALS = 16


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided, and the command that brought it about, if one did."""

    decided: Decided
    command_id: UUID | None


class Pending(Struct, frozen=True, kw_only=True):
    """What becomes true when the append under way is durable; `answer` is for `reply_to`, if somebody waits for it."""

    decided: Decided
    reply_to: AskId = NOBODY
    answer: Operated | None = None


class Postponed(Struct, frozen=True, kw_only=True):
    """What is to be decided again when the log takes more; `by` has it from an operator."""

    message: Message
    command_id: UUID | None
    by: Operate | None


def decide_waiting(state: State, waiting: Sequence[Mail], context: Context) -> list[tuple[Execute, Decision]]:
    """Decide the signals at the head of what waits, each on the state that the one before it left.

    Stops before whatever is no signal, or one that was here before.
    """
    taken: list[tuple[Execute, Decision]] = []
    for mail in waiting:
        if not isinstance(mail, Execute) or len(taken) == MOST_SIGNALS:
            break
        decided = decide_and_evolve(state, mail.command, context)
        if not decided.events:
            break
        taken.append((mail, Decision(decided=decided, command_id=mail.command.signal_id)))
        state = decided.state
    return taken


def together(decisions: Sequence[Decision]) -> Decided:
    """Return decisions that follow upon each other as one."""
    if len(decisions) == 1:
        return decisions[0].decided
    return Decided(
        events=[event for decision in decisions for event in decision.decided.events],
        state=decisions[-1].decided.state,
        ended=tuple(run for decision in decisions for run in decision.decided.ended),
    )
