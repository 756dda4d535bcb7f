"""`adopt` and `resolve`: what an operator decides in person, by name and reason, about a strategy account."""

from typing import Annotated, Any

import typer

from orderwright.cli.engine_client import EngineClient
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption
from orderwright.cli.output import print_json, say
from orderwright.cli.reaching import StreamArgument, WhyOption, parts, running_engine
from orderwright.engine.strategy_account.events import Decision


def adopt(
    stream: StreamArgument,
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
    why: WhyOption,
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
    strategy, account = parts(stream)
    running = running_engine(data, config)
    wanted = {"symbol": symbol, "amount": amount, "price": price, "why": why}
    if key is not None:
        wanted["id"] = key
    _told(EngineClient(running).adopt(strategy, account, wanted), f"{amount} {symbol} adopted", json=json)


def resolve(
    stream: StreamArgument,
    order_id: Annotated[
        str, typer.Argument(metavar="ORDER", help="The engine's id of the order in doubt.", show_default=False)
    ],
    decision: Annotated[
        Decision, typer.Argument(metavar="DECISION", help="placed, never_placed or cancelled.", show_default=False)
    ],
    *,
    why: WhyOption,
    exchange_order_id: Annotated[
        str | None, typer.Option("--exchange-order-id", metavar="ID", help="The exchange's id; needed for placed.")
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Take the exchange's id on your word if the exchange cannot be asked.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Decide what became of an order in doubt, where the exchange gives no evidence.

    Look at the exchange first: what is decided here is believed. Of `placed` the exchange is asked, and it is refused
    if the exchange says otherwise, or cannot be asked and you did not say `--unchecked`. `cancelled` is for a cancel
    that is in doubt, and for an order that the exchange had accepted and does not know any more: it ends with what is
    booked of it. An order that turns out to be open all the same is taken back into the books, and pauses the strategy
    account.

        orderwright resolve test1@A1 k3x9q00007u888zru08c80hsrczvzzxs never_placed --why "not on their site" --data data
    """
    strategy, account = parts(stream)
    running = running_engine(data, config)
    decided: dict[str, Any] = {"decision": decision.value, "why": why}
    if exchange_order_id is not None:
        decided["exchange_order_id"] = exchange_order_id
    if unchecked:
        decided["unchecked"] = True
    answer = EngineClient(running).resolve(strategy, account, order_id, decided)
    _told(answer, f"{order_id} counts as {decision.value.replace('_', ' ')}", json=json)


def _told(answer: dict[str, Any], done: str, *, json: bool) -> None:
    if json:
        print_json(answer)
    elif not answer["done"]:
        say(str(answer.get("note") or "There was no answer in time."))
    else:
        say(f"{done}." if answer.get("changed") else "That was done before.")
