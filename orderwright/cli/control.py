"""What an operator tells a running engine to do or to leave: pause, cancel, liquidate, halt, and what to look at."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from orderwright.cli.engine_client import EngineClient
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption
from orderwright.cli.output import print_json, print_table, say
from orderwright.cli.reaching import StreamArgument, WhyOption, parts, running_engine
from orderwright.engine.catalogue.events import HaltScope

_AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Only this exchange account.", show_default=False)
]
_StrategyOption = Annotated[
    str | None, typer.Option("--strategy", metavar="NAME", help="Only this strategy.", show_default=False)
]


def pause(
    stream: StreamArgument,
    *,
    why: WhyOption,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let a strategy account send nothing that could raise its position; cancels and closes go on.

    orderwright pause test1@A1 --why "maintenance at the exchange" --data data
    """
    strategy, account = parts(stream)
    answer = EngineClient(running_engine(data, config)).operate(strategy, account, "pause", {"why": why})
    _tell(answer, f"{stream} is paused.", json=json)


def resume(
    stream: StreamArgument,
    *,
    why: WhyOption,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let a paused strategy account trade again.

    orderwright resume test1@A1 --why "the exchange is back" --data data
    """
    strategy, account = parts(stream)
    answer = EngineClient(running_engine(data, config)).operate(strategy, account, "resume", {"why": why})
    _tell(answer, f"{stream} trades again.", json=json)


def cancel_all(
    stream: StreamArgument,
    *,
    why: WhyOption,
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="SYMBOL", help="Only orders of this market.")
    ] = None,
    side: Annotated[str | None, typer.Option("--side", metavar="SIDE", help="Only buy, or only sell orders.")] = None,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Cancel the orders of a strategy account, each by its own id, also those in doubt.

    orderwright cancel-all test1@A1 --symbol BTC/USDT --why "wrong prices" --data data
    """
    strategy, account = parts(stream)
    wanted = {"why": why} | {key: value for key, value in (("symbol", symbol), ("side", side)) if value is not None}
    answer = EngineClient(running_engine(data, config)).operate(strategy, account, "cancel-all", wanted)
    counts = ", ".join(
        f"{answer.get(name, 0)} {name.replace('_', ' ')}" for name in ("cancelled", "failed", "in_doubt")
    )
    _tell(answer, f"{stream}: {counts}.", json=json)


def liquidate(
    stream: StreamArgument,
    *,
    why: WhyOption,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Cancel the orders of a strategy account and close what it holds, until it is flat, also through a restart.

    orderwright liquidate test1@A1 --why "end of the month" --data data
    """
    strategy, account = parts(stream)
    answer = EngineClient(running_engine(data, config)).operate(strategy, account, "liquidate", {"why": why})
    _tell(answer, f"{stream} holds nothing any more.", json=json)


def halt(
    *,
    why: WhyOption,
    account: _AccountOption = None,
    strategy: _StrategyOption = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel the orders there are, too.")] = False,
    liquidate: Annotated[bool, typer.Option("--liquidate", help="Cancel, and close what is held, too.")] = False,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let nothing more leave the engine: for everything, an exchange account or a strategy. It survives restarts.

    Says which orders had left and were not answered yet, and which are in doubt. A liquidation that was begun earlier
    goes on, and is named. What signals want meanwhile is refused
    for good, closes included, also one that was waiting for its turn: nothing is made up for when the halt ends.

        orderwright halt --why "something is wrong" --data data
    """
    wanted = _scope(account, strategy) | {"why": why, "cancel": cancel, "liquidate": liquidate}
    answer = EngineClient(running_engine(data, config)).halt(wanted)
    if json:
        print_json(answer)
        return
    say(_nothing_leaves(answer, _named(account, strategy)))
    if not liquidate:
        say("Closes are refused as well, for good; what is held stays held, unless it is liquidated.")
    for field, said in (
        ("on_the_wire", "not answered by the exchange yet"),
        ("in_doubt", "in doubt"),
        ("unanswered", "strategy accounts of which nothing is known"),
    ):
        if answer[field]:
            say(f"{len(answer[field])} {said}: {', '.join(answer[field])}")
    for row in answer.get("strategy_accounts", []):
        say(f"{row['account']}: {'done' if row['done'] else 'goes on'}")


def lift(
    *,
    why: WhyOption,
    account: _AccountOption = None,
    strategy: _StrategyOption = None,
    accept_drift: Annotated[
        bool, typer.Option("--accept-drift", help="After a restore: also where log and exchange differ.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """End a halt of the same scope; another one that covers it goes on.

    The halt that `restore` leaves is lifted only when the log and every exchange account agree (see `drift`), or with
    `--accept-drift`, which the log then says.

        orderwright lift --why "it was a false alarm" --data data
    """
    wanted = _scope(account, strategy) | {"why": why} | ({"accept_drift": True} if accept_drift else {})
    left = EngineClient(running_engine(data, config)).lift(wanted)
    if json:
        print_json(left)
        return
    say(f"The halt of {_named(account, strategy)} is over.")
    for row in left["halts"]:
        say(f"Still halted: {row['scope']} {row['name'] or ''} by {row['by']}: {row['why']}")


def revive(
    stream: StreamArgument,
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let a strategy account out of quarantine, into which it came by failing again and again.

    orderwright revive test1@A1 --data data
    """
    strategy, account = parts(stream)
    answer = EngineClient(running_engine(data, config)).operate(strategy, account, "revive", {})
    _tell(answer, f"{stream} takes commands again.", json=json)


def alarms(*, data: DataOption = DEFAULT_DATA, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show what somebody should look at: doubts, orders of nobody here, dead exchanges, quarantines, failed jobs.

    orderwright alarms --data data
    """
    rows = EngineClient(running_engine(data, config)).alarms()
    if json:
        print_json(rows)
        return
    on = [row for row in rows if row["cleared"] is None]
    if not on:
        say("No alarm is on.")
        return
    cells = ((row["kind"], row["what"], row["why"], row["since"][:19] + "Z", str(row["count"])) for row in on)
    print_table("Alarms", ("kind", "of", "why", "since", "times"), cells)


def drift(*, data: DataOption = DEFAULT_DATA, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Compare what the log says of every exchange account with what the exchange shows now.

    Positions on margin must be what the exchange holds, coins at least what strategies own of them. `unowned` is what
    nobody here owns: somebody else's, or traded after the backup that this log was restored from.

        orderwright drift --data data
    """
    rows = EngineClient(running_engine(data, config)).drift()
    if json:
        print_json(rows)
        return
    odd = [row for row in rows if not row["settled"]]
    cells = [cell for row in odd for cell in _drift_cells(row)]
    if cells:
        print_table("Drift", ("account", "of", "in the log", "at the exchange", "verdict"), cells)
    say(f"{len(rows) - len(odd)} of {len(rows)} exchange accounts agree with the log.")


def _drift_cells(row: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    account = row["account_name"]
    if row["problem"]:
        yield account, "", "", "", f"not compared: {row['problem']}"
    for holding in row["holdings"]:
        if holding["verdict"] != "agrees":
            amounts = (holding["in_log"], holding["at_exchange"])
            yield account, f"{holding['market_type']} {holding['name']}", *amounts, holding["verdict"].replace("_", " ")
    for order in row["orders"]:
        is_there = order["open_in"] == "exchange"
        shown = ("not open", "open") if is_there else ("open", "not open")
        yield account, f"order {order['order_id']} of {order['symbol']}", *shown, "differs"


def _scope(account: str | None, strategy: str | None) -> dict[str, Any]:
    if account is not None and strategy is not None:
        message = "name --account or --strategy, not both"
        raise typer.BadParameter(message)
    if account is not None:
        return {"scope": HaltScope.ACCOUNT.value, "name": account}
    if strategy is not None:
        return {"scope": HaltScope.STRATEGY.value, "name": strategy}
    return {"scope": HaltScope.EVERYTHING.value}


def _named(account: str | None, strategy: str | None) -> str:
    if account is not None:
        return f"account {account}"
    return "everything" if strategy is None else f"strategy {strategy}"


def _nothing_leaves(answer: dict[str, Any], of: str) -> str:
    going_on = ", ".join(answer["liquidating"])
    but = f", but for what liquidations begun earlier send: {going_on}" if going_on else ""
    return f"Nothing more leaves for {of}{but}."


def _tell(answer: dict[str, Any], done: str, *, json: bool) -> None:
    if json:
        print_json(answer)
    else:
        say(
            done
            if answer["done"]
            else str(answer.get("note") or "It goes on; `orderwright status` shows how far it is.")
        )


COMMANDS: tuple[Callable[..., None], ...] = (pause, resume, cancel_all, liquidate, halt, lift, revive, alarms, drift)
"""In the order in which `--help` lists them."""
