"""The `orderwright` command: its subcommands, and what an error looks like to whoever called it."""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from orderwright import __version__
from orderwright.actors.catalogue_desk import CatalogueRefused
from orderwright.actors.declarations import DeclarationRefused
from orderwright.bootstrap import NotSetUp
from orderwright.cli import exits
from orderwright.cli.audit import log, replay, verify
from orderwright.cli.configuration import configuration
from orderwright.cli.control import COMMANDS
from orderwright.cli.decisions import adopt, resolve
from orderwright.cli.demo import demo
from orderwright.cli.engine_client import EngineRefused
from orderwright.cli.operate import apply, setup, status
from orderwright.cli.output import complain
from orderwright.cli.read_models import rebuild_read_models
from orderwright.cli.run import paper_exchange, serve
from orderwright.cli.upkeep import anchor, backup, restore
from orderwright.config.load import ConfigurationError
from orderwright.errors import OrderwrightError
from orderwright.eventstore.connect import LogMissing
from orderwright.eventstore.restore import RestoreRefused
from orderwright.eventstore.store import ChainBroken, LeaseHeld
from orderwright.migrations.migrate import DatabaseOlder

app = typer.Typer(
    name="orderwright",
    help="""Turns trading signals into orders, exactly once, and keeps every decision in a log.

    A first tour is `orderwright demo`. An installation of your own takes three commands, and then a webhook:

        orderwright setup --data data
        orderwright apply declaration.toml --data data
        orderwright serve --data data

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 wrong configuration, 4 not set up, 5 another engine runs on this
    log, 6 the log is not what was written, 7 refused, 130 interrupted.
    """,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
)

_RUN = "Set up and run"
_LOOK = "Look into it"
_CONTROL = "Take control"
_DECIDE = "Decide"
_KEEP = "Keep it"

app.command(rich_help_panel=_RUN)(setup)
app.command(rich_help_panel=_RUN)(apply)
app.command(rich_help_panel=_RUN)(serve)
app.command(name="paper-exchange", rich_help_panel=_RUN)(paper_exchange)
app.add_typer(configuration, name="config", rich_help_panel=_RUN)
app.command(rich_help_panel=_LOOK)(status)
app.command(rich_help_panel=_LOOK)(log)
app.command(rich_help_panel=_LOOK)(replay)
app.command(rich_help_panel=_LOOK)(verify)
app.command(rich_help_panel=_LOOK)(demo)
for command in COMMANDS:
    app.command(rich_help_panel=_CONTROL)(command)
app.command(rich_help_panel=_DECIDE)(adopt)
app.command(rich_help_panel=_DECIDE)(resolve)
app.command(rich_help_panel=_KEEP)(anchor)
app.command(rich_help_panel=_KEEP)(backup)
app.command(rich_help_panel=_KEEP)(restore)
app.command(rich_help_panel=_KEEP)(rebuild_read_models)

_EXITS: tuple[tuple[type[OrderwrightError], int], ...] = (
    (ConfigurationError, exits.BAD_CONFIGURATION),
    (NotSetUp, exits.NOT_SET_UP),
    (LogMissing, exits.NOT_SET_UP),
    (LeaseHeld, exits.LEASE_HELD),
    (ChainBroken, exits.LOG_BROKEN),
    (DeclarationRefused, exits.REFUSED),
    (CatalogueRefused, exits.REFUSED),
    (EngineRefused, exits.REFUSED),
    (RestoreRefused, exits.REFUSED),
)


@app.callback(invoke_without_command=True)
def _root(
    *, version: Annotated[bool, typer.Option("--version", metavar="", help="Show the version and exit.")] = False
) -> None:
    if version:
        sys.stdout.write(f"orderwright {__version__}\n")
        raise typer.Exit


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; a known error becomes a sentence on stderr and its exit code.

    `words` are those after the program's name; None means those that the process was started with.
    """
    try:
        app(words, prog_name="orderwright")
    except OrderwrightError as exc:
        complain(f"orderwright: {exc}")
        sys.exit(_exit_code(exc))
    except OSError as exc:
        place = f"{exc.filename}: " if exc.filename else ""
        complain(f"orderwright: {place}{exc.strerror or exc}")
        sys.exit(exits.FAILED)
    sys.exit(exits.OK)


def _exit_code(error: OrderwrightError) -> int:
    if isinstance(error, DatabaseOlder) and error.is_empty:
        return exits.NOT_SET_UP
    return next((code for kind, code in _EXITS if isinstance(error, kind)), exits.FAILED)
