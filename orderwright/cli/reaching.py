"""How commands that need a running engine find it, and how they take the strategy account that they are about."""

from pathlib import Path
from typing import Annotated

import typer

from orderwright import bootstrap
from orderwright.bootstrap import RunningEngine
from orderwright.cli.engine_client import EngineUnreachable
from orderwright.cli.options import existing_installation

StreamArgument = Annotated[
    str, typer.Argument(metavar="STRATEGY@ACCOUNT", help="The strategy account, such as test1@A1.", show_default=False)
]
WhyOption = Annotated[
    str, typer.Option("--why", metavar="TEXT", help="The reason; it stands in the log.", show_default=False)
]


def running_engine(data: Path, config: Path | None) -> RunningEngine:
    """Return the engine at work on a data directory.

    Raises:
        EngineUnreachable: none is.
    """
    running = bootstrap.find_running(existing_installation(data, config))
    if running is None:
        message = f"no engine runs on {data}: start it with `orderwright serve --data {data}`"
        raise EngineUnreachable(message)
    return running


def parts(stream: str) -> tuple[str, str]:
    """Return the strategy and the account of STRATEGY@ACCOUNT.

    Raises:
        typer.BadParameter: it is none.
    """
    strategy, at, account = stream.rpartition("@")
    if not (strategy and at and account):
        message = f"{stream} is no STRATEGY@ACCOUNT"
        raise typer.BadParameter(message)
    return strategy, account
