"""Adoption: an operator makes what an exchange account holds, and nobody here owns, part of a strategy account."""

from orderwright.engine.money import ZERO, plain
from orderwright.engine.strategy_account.commands import AdoptPosition
from orderwright.engine.strategy_account.events import Event, PositionAdopted
from orderwright.engine.strategy_account.state import Context, State


def adopt(state: State, command: AdoptPosition, context: Context) -> list[Event]:
    """Decide an adoption; the same command again, or one that there is an objection to, comes to nothing."""
    if command.command_id in state.adoptions or adoption_objection(state, command) is not None:
        return []
    return [
        PositionAdopted(
            at=context.now,
            command_id=command.command_id,
            symbol=command.symbol,
            base=command.base,
            quote=command.quote,
            amount=command.amount,
            price=command.price,
            unowned=command.unowned,
            by=command.by,
            why=command.why,
        )
    ]


def adoption_objection(state: State, command: AdoptPosition) -> str | None:
    """Return what speaks against the adoption, as a sentence; None if nothing does, or if it was done before."""
    if command.command_id in state.adoptions:
        return None
    if state.liquidation is not None:
        return "A liquidation is under way: it would sell what is adopted."
    amount, unowned = command.amount, command.unowned
    is_there = amount.copy_abs() <= unowned.copy_abs() and amount.is_signed() == unowned.is_signed()
    if amount and is_there:
        return None
    free = plain(unowned) if unowned else plain(ZERO)
    return (
        f"{plain(amount)} of {command.symbol} cannot be adopted: the exchange account holds {free} that no strategy "
        "account there owns or may be trading."
    )
