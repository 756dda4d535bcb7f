"""`setup`, `apply` and `status`: making an installation, saying what it trades, seeing how it is."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from orderwright import bootstrap
from orderwright.actors.catalogue_desk import load_catalogue
from orderwright.actors.messages import strategy_account_name
from orderwright.cli.engine_client import EngineClient
from orderwright.cli.options import (
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    JsonOption,
    existing_installation,
    installation,
)
from orderwright.cli.output import as_builtins, print_json, print_table, say
from orderwright.engine.money import plain
from orderwright.engine.strategy_account.state import State
from orderwright.eventstore.store import LogReader
from orderwright.readmodels.account_view import EXCHANGE_UNREACHABLE, view
from orderwright.readmodels.overview import overview


def setup(
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make an installation: its database, its first administrator, and the administrator's token.

    The token opens the admin interface. It is shown this once and kept only as a hash: store it where you keep secrets.

        orderwright setup --data data
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
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The declaration: users, accounts, strategies, links, as TOML.")
    ],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make the installation what a declaration says; run again, it changes nothing.

    Works on a running engine as well as on a stopped one. Nothing is deleted by being absent from the file. A new
    strategy gives its owner a webhook token, a new subscriber gets one too: each is shown this once.

        orderwright apply declaration.toml --data data
    """
    place = existing_installation(data, config)
    text = _read(file)
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


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as exc:
        message = f"{file} is not UTF-8 text"
        raise typer.BadParameter(message) from exc


def status(*, data: DataOption = DEFAULT_DATA, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how the engine, its jobs and each strategy account are.

    Of a stopped engine, it shows what the log says: positions, open orders, and what is in doubt.

        orderwright status --data data
    """
    place = existing_installation(data, config)
    running = bootstrap.find_running(place)
    shown: dict[str, Any]
    if running is not None:
        client = EngineClient(running)
        shown = {
            "engine": running.url,
            "health": client.health(),
            "jobs": client.jobs(),
            "strategy_accounts": client.strategy_accounts(),
        }
    else:
        with bootstrap.reading(place) as log:
            shown = {"engine": None, "health": None, "jobs": [], "strategy_accounts": _from_log(log.reader)}
    if json:
        print_json(shown)
        return
    say(f"Engine: {shown['engine'] or 'not running; this is what the log says'}")
    for part, condition in (shown["health"] or {}).get("parts", {}).items():
        say(f"  {part}: {condition}")
    rows = [_row(row) for row in shown["strategy_accounts"]]
    if rows:
        print_table("Strategy accounts", _COLUMNS, rows)
    else:
        say("No strategy is linked to an account yet: `orderwright apply` a declaration.")
    if shown["jobs"]:
        print_table("Jobs", ("job", "last run", "took", "next run", "came to"), map(_job, shown["jobs"]))


def _from_log(reader: LogReader) -> list[dict[str, Any]]:
    catalogue, _ = load_catalogue(reader)
    views = {seen.account: seen for seen in overview(reader)}
    rows = []
    for link in catalogue.links.values():
        name = strategy_account_name(link.strategy, link.account)
        # One that the engine has not begun yet has no events, and trades with what was declared.
        halt = catalogue.halt_on(link.strategy, link.account)
        seen = views.get(name) or view(name, State(capital=link.capital), version=0, condition="")
        rows.append(
            {
                "strategy": link.strategy,
                "account_name": link.account,
                "exchange": catalogue.accounts[link.account].exchange,
                "market_type": catalogue.strategies[link.strategy].market_type.value,
                "active": catalogue.strategies[link.strategy].active,
                "leverage": plain(link.leverage),
                "halted": None if halt is None else halt.sentence,
                "exchange_trouble": None,
                **as_builtins(seen),
            }
        )
    return rows


def _job(row: dict[str, Any]) -> tuple[str, ...]:
    took = "" if row["took_ms"] is None else f"{row['took_ms']:,.0f} ms"
    came_to = f"failed: {row['error']}" if row["error"] else row["said"] or ""
    return (
        row["name"],
        _second(row["began_at"]),
        "running" if row["is_running"] else took,
        _second(row["next_at"]),
        came_to,
    )


def _second(moment: str | None) -> str:
    # 2026-11-21T09:30:00.123456Z is more than a person wants to know of a job.
    return "" if moment is None else moment[:19] + "Z"


_COLUMNS = ("strategy account", "condition", "capital", "positions", "open orders", "in doubt")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    orders = row.get("orders") or []
    condition = row["condition"] if row["active"] else f"{row['condition']}, strategy off"
    if row.get("exchange_trouble") and row["condition"] != EXCHANGE_UNREACHABLE:
        condition = f"exchange unreachable, {condition}"
    if row["halted"]:
        condition = f"halted, {condition}"
    return (
        f"{row['strategy']}@{row['account_name']}",
        f"{condition}: {row['why']}" if row.get("why") else condition,
        "\n".join(f"{amount} {currency}" for currency, amount in (row.get("capital") or {}).items()),
        "\n".join(filter(None, map(_position, row.get("positions") or []))),
        str(len(orders)),
        str(sum(order["in_doubt"] for order in orders)),
    )


def _position(held: dict[str, Any]) -> str:
    quantity = Decimal(held["quantity"])
    if not quantity:
        return ""
    return f"{'long' if quantity > 0 else 'short'} {plain(quantity.copy_abs())} {held['symbol']}"
