"""The options that most commands share, and the installation they lead to."""

import os
from pathlib import Path
from typing import Annotated

import typer

from orderwright.bootstrap import Installation, NotSetUp
from orderwright.config.load import load_config
from orderwright.eventstore.embedded import EmbeddedPostgres
from orderwright.logs import configure_logging

DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data directory: the log, the paper exchange's books.",
        envvar="ORDERWRIGHT_DATA",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A TOML file with settings that differ from the defaults."),
]
JsonOption = Annotated[bool, typer.Option("--json", metavar="", help="Write one JSON document, for programs to read.")]

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


def existing_installation(data: Path, config: Path | None, *, port: int | None = None) -> Installation:
    """Return the installation in `data`; unlike what would write there, this makes no database where there is none.

    Raises:
        ConfigurationError: with everything that is wrong with the configuration.
        NotSetUp: nothing was ever set up there.
    """
    place = installation(data, config, port=port)
    if not place.config.database.url and not EmbeddedPostgres(place.data).exists():
        message = f"{place.data} is not set up: run `orderwright setup --data {data}` first"
        raise NotSetUp(message)
    return place
