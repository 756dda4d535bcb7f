"""`setup`, `apply` and `status`: making an installation, saying what it trades, seeing how it is."""

from pathlib import Path
from typing import Annotated, Any

import typer

from orderwright import bootstrap
from orderwright.cli.engine_client import EngineClient
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, installation
from orderwright.cli.output import as_builtins, print_json, print_table, say
from orderwright.readmodels.overview import overview


def setup(
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make an installation: its database, its first administrator, and the administrator's token.

    The token opens the admin interface. It is shown this once and kept only as a hash: store it where you keep secrets.
    """
    place = installation(data, config)
    token = bootstrap.set_up(place)
    if json:
        print_json({"admin_token": token})
        return
    say(f"Set up in {place.data}.")
    say(f"Admin token (shown only now): {token}")
    say(f"Next: write a declaration and run `orderwright apply FILE --data {data}`.")


def apply(
    file: Annotated[Path, typer.Argument(help="The declaration: users, accounts, strategies, links, as TOML.")],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make the installation what a declaration says; run again, it changes nothing.

    Works on a running engine as well as on a stopped one. Nothing is deleted by being absent from the file. A new
    strategy gives its owner a webhook token, a new subscriber gets one too: each is shown this once.
    """
    place = installation(data, config)
    text = file.read_text("utf-8")
    running = bootstrap.find_running(place)
    applied: dict[str, Any]
    if running is None:
        applied = as_builtins(bootstrap.apply_to_stopped(place, text))
    else:
        applied = EngineClient(running).apply(text)
    if json:
        print_json({"tokens": applied["tokens"], "changed": applied["changed"]})
        return
    for what in applied["changed"]:
        say(f"changed: {what}")
    if not applied["changed"]:
        say("Nothing to change.")
    if applied["tokens"]:
        rows = [(row["strategy"], row["holder"], row["token"]) for row in applied["tokens"]]
        print_table("Webhook tokens (shown only now)", ("strategy", "holder", "token"), rows)


def status(*, data: DataOption = DEFAULT_DATA, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how the engine and each strategy account are.

    Of a stopped engine, it shows what the log says: positions, open orders, and what is in doubt.
    """
    place = installation(data, config)
    running = bootstrap.find_running(place)
    shown: dict[str, Any]
    if running is not None:
        client = EngineClient(running)
        shown = {"engine": running.url, "health": client.health(), "strategy_accounts": client.strategy_accounts()}
    else:
        with bootstrap.reading(place) as log:
            shown = {"engine": None, "health": None, "strategy_accounts": as_builtins(overview(log.reader))}
    if json:
        print_json(shown)
        return
    say(f"Engine: {shown['engine'] or 'not running; this is what the log says'}")
    for part, condition in (shown["health"] or {}).get("parts", {}).items():
        say(f"  {part}: {condition}")
    print_table("Strategy accounts", _COLUMNS, [_row(row) for row in shown["strategy_accounts"]])


_COLUMNS = ("strategy account", "condition", "capital", "positions", "open orders", "in doubt")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    orders = row.get("orders") or []
    return (
        row["account"].partition("/")[2],
        row["condition"],
        ", ".join(f"{amount} {currency}" for currency, amount in (row.get("capital") or {}).items()),
        ", ".join(f"{held['quantity']} {held['symbol']}" for held in row.get("positions") or []),
        str(len(orders)),
        str(sum(order["in_doubt"] for order in orders)),
    )
