"""`adopt` and `resolve`: what an operator decides in person, by name and reason, about a strategy account."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orderwright import bootstrap
from orderwright.bootstrap import RunningEngine
from orderwright.cli.engine_client import EngineClient, EngineUnreachable
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, existing_installation
from orderwright.cli.output import print_json, say
from orderwright.engine.strategy_account.events import Decision

_Stream = Annotated[
    str, typer.Argument(metavar="STRATEGY@ACCOUNT", help="The strategy account, such as test1@A1.", show_default=False)
]
_Why = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="The reason; it stands in the log.", show_default=False)
]


def adopt(
    stream: _Stream,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The market, such as BTC/USDT.", show_default=False)],
    amount: Annotated[
        str,
        typer.Argument(
            metavar="AMOUNT",
            help="How much, in the base currency; after `--` negative for a short.",
            show_default=False,
        ),
    ],
    *,
    price: Annotated[
        str, typer.Option("--price", metavar="NUMBER", help="What it counts as bought at.", show_default=False)
    ],
    why: _Why,
    key: Annotated[
        str | None, typer.Option("--id", metavar="TEXT", help="The same id adopts once, however often it is sent.")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make what the exchange account holds, and nobody here owns, part of a strategy account's position.

    At most what is there less what the strategy accounts on that exchange account own, or may be buying.

        orderwright adopt test1@A1 BTC/USDT 0.5 --price 60000 --why "bought by hand" --data data
    """
    strategy, account = _parts(stream)
    running = _running(data, config)
    wanted = {"symbol": symbol, "amount": amount, "price": price, "why": why}
    if key is not None:
        wanted["id"] = key
    _told(EngineClient(running).adopt(strategy, account, wanted), f"{amount} {symbol} adopted", json=json)


def resolve(
    stream: _Stream,
    order_id: Annotated[
        str, typer.Argument(metavar="ORDER", help="The engine's id of the order in doubt.", show_default=False)
    ],
    decision: Annotated[
        Decision, typer.Argument(metavar="DECISION", help="placed, never_placed or cancelled.", show_default=False)
    ],
    *,
    why: _Why,
    exchange_order_id: Annotated[
        str | None, typer.Option("--exchange-order-id", metavar="ID", help="The exchange's id; needed for placed.")
    ] = None,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Decide what became of an order in doubt, where the exchange gives no evidence.

    Look at the exchange first: what is decided here is believed. An order that turns out to be open all the same is
    taken back into the books, and pauses the strategy account.

        orderwright resolve test1@A1 k3x9q00007u888zru08c80hsrczvzzxs never_placed --why "not on their site" --data data
    """
    strategy, account = _parts(stream)
    running = _running(data, config)
    decided = {"decision": decision.value, "why": why}
    if exchange_order_id is not None:
        decided["exchange_order_id"] = exchange_order_id
    answer = EngineClient(running).resolve(strategy, account, order_id, decided)
    _told(answer, f"{order_id} counts as {decision.value.replace('_', ' ')}", json=json)


def _running(data: Path, config: Path | None) -> RunningEngine:
    running = bootstrap.find_running(existing_installation(data, config))
    if running is None:
        message = f"no engine runs on {data}: start it with `orderwright serve --data {data}`"
        raise EngineUnreachable(message)
    return running


def _parts(stream: str) -> tuple[str, str]:
    strategy, at, account = stream.rpartition("@")
    if not (strategy and at and account):
        message = f"{stream} is no STRATEGY@ACCOUNT"
        raise typer.BadParameter(message)
    return strategy, account


def _told(answer: dict[str, Any], done: str, *, json: bool) -> None:
    if json:
        print_json(answer)
    elif not answer["done"]:
        say(str(answer.get("note") or "There was no answer in time."))
    else:
        say(f"{done}." if answer.get("changed") else "That was done before.")
