"""What the catalogue decides about halts: of everything, of an account, of a strategy."""

from collections.abc import Iterator

from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue import rules as r
from orderwright.engine.catalogue.state import Catalogue
from orderwright.moments import Micros


def check_halt(catalogue: Catalogue, command: c.HaltTrading | c.LiftHalt) -> Iterator[r.Refusal]:
    """Yield what is wrong with the scope of a halt, or with lifting it now."""
    halted = catalogue.halts.get((command.scope, command.name))
    is_to_be_examined = halted is not None and halted.until_examined
    if is_to_be_examined and isinstance(command, c.LiftHalt) and command.drift is e.Drift.UNEXAMINED:
        error = "Whether log and exchanges agree is to be examined before this halt is lifted."
        yield r.Refusal(code="drift_unexamined", field="drift", error=error)
    match command.scope:
        case e.HaltScope.ACCOUNT:
            if command.name not in catalogue.accounts:
                yield r.unknown(
                    "account_not_found", "name", what="account", name=command.name, known=catalogue.accounts
                )
        case e.HaltScope.STRATEGY:
            if command.name not in catalogue.strategies:
                known = catalogue.strategies
                yield r.unknown("strategy_not_found", "name", what="strategy", name=command.name, known=known)
        case e.HaltScope.EVERYTHING:
            if command.name:
                yield r.invalid(
                    "name", "A halt of everything has no name: leave it out, or say what it is the name of."
                )


def halt(catalogue: Catalogue, command: c.HaltTrading, now: Micros) -> Iterator[e.Event]:
    """Yield the halt, unless there is one that asks for as much."""
    known = catalogue.halts.get((command.scope, command.name))
    if known is None or (command.until_examined and not known.until_examined):
        yield e.TradingHalted(
            at=now,
            by=command.by,
            why=command.why,
            scope=command.scope,
            name=command.name,
            until_examined=command.until_examined,
        )


def lift_halt(catalogue: Catalogue, command: c.LiftHalt, now: Micros) -> Iterator[e.Event]:
    """Yield the end of the halt, if there is one."""
    halted = catalogue.halts.get((command.scope, command.name))
    if halted is not None:
        drift = command.drift if halted.until_examined else None
        yield e.HaltLifted(at=now, by=command.by, why=command.why, scope=command.scope, name=command.name, drift=drift)
