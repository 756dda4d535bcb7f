"""The options that most commands share, and the installation they lead to."""

import os
from pathlib import Path
from typing import Annotated

import typer

from orderwright.bootstrap import Installation
from orderwright.config.load import load_config
from orderwright.logs import configure_logging

DataOption = Annotated[
    Path,
    typer.Option("--data", help="The data directory: the log, the paper exchange's books.", envvar="ORDERWRIGHT_DATA"),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with settings that differ from the defaults.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON document for programs to read.")]

DEFAULT_DATA = Path("data")


def installation(data: Path, config: Path | None, *, port: int | None = None) -> Installation:
    """Return the installation in `data`, with logging set up as configured.

    Raises:
        ConfigurationError: with everything that is wrong with the configuration.
    """
    environment = {name: value for name, value in os.environ.items() if name != "ORDERWRIGHT_DATA"}
    if port is not None:
        environment["ORDERWRIGHT_HTTP__PORT"] = str(port)
    settings = load_config(config, environment)
    configure_logging(settings.logging.level, settings.logging.format)
    return Installation(data=data.absolute(), config=settings)
