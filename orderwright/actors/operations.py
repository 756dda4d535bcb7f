"""What an operator is told of a command to a strategy account: that it was carried out, or why not."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from orderwright.actors.messages import Operate, Operated, OperatorCommand
from orderwright.engine.strategy_account import commands as c
from orderwright.engine.strategy_account import events as e
from orderwright.engine.strategy_account.decide import objection
from orderwright.engine.strategy_account.state import Context, State

_CARRIED_OUT: Mapping[type[Any], type[Any]] = {
    c.PauseTrading: e.TradingPaused,
    c.ResumeTrading: e.TradingResumed,
    c.AllocateCapital: e.CapitalAllocated,
    c.AdoptPosition: e.PositionAdopted,
    c.ResolveDoubt: e.DoubtResolved,
    c.CancelOrders: e.CancellationOrdered,
    c.LiquidatePositions: e.LiquidationStarted,
}


def cause_of(mail: Operate) -> UUID:
    """Return what the command's events name as their cause; of one that has an end of its own, the end names it too."""
    if isinstance(mail.command, c.CancelOrders | c.LiquidatePositions):
        return mail.command.command_id
    return mail.command_id


def answer_to(
    account: str, command: OperatorCommand, events: Sequence[e.Event], state: State, context: Context
) -> Operated | None:
    """Return what is told of a command once `events`, decided on `state`, are durable; None: its end is to come.

    What became possible meanwhile is decided with it: that there are events does not mean that it was carried out.
    """
    is_carried_out = any(isinstance(event, _CARRIED_OUT[type(command)]) for event in events)
    if isinstance(command, c.CancelOrders | c.LiquidatePositions):
        under_way = Operated(account=account, done=False, changed=False, note="already under way")
        return None if is_carried_out else under_way
    note = "" if is_carried_out else objection(state, command, context)
    return Operated(account=account, done=not note, changed=is_carried_out, note=note)
