"""What the catalogue decides about halts: of everything, of an account, of a strategy."""

from collections.abc import Iterator

from orderwright.engine.catalogue import commands as c
from orderwright.engine.catalogue import events as e
from orderwright.engine.catalogue import rules as r
from orderwright.engine.catalogue.state import Catalogue
from orderwright.moments import Micros


def check_halt(catalogue: Catalogue, command: c.HaltTrading | c.LiftHalt) -> Iterator[r.Refusal]:
    """Yield what is wrong with the scope of a halt."""
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
    """Yield the halt, unless there is one."""
    if (command.scope, command.name) not in catalogue.halts:
        yield e.TradingHalted(at=now, by=command.by, why=command.why, scope=command.scope, name=command.name)


def lift_halt(catalogue: Catalogue, command: c.LiftHalt, now: Micros) -> Iterator[e.Event]:
    """Yield the end of the halt, if there is one."""
    if (command.scope, command.name) in catalogue.halts:
        yield e.HaltLifted(at=now, by=command.by, why=command.why, scope=command.scope, name=command.name)
