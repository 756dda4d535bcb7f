"""Loads the configuration: default.toml, under a file, under the environment; all faults are told at once."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from orderwright.config.reading import Fault, read_table
from orderwright.config.schema import Config
from orderwright.errors import OrderwrightError

PREFIX = "ORDERWRIGHT_"
_HIDDEN = "********"


class ConfigurationError(OrderwrightError):
    """The configuration cannot be used; `faults` are all that is wrong, `str()` says it line by line."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def load_config(file: Path | None, environment: Mapping[str, str]) -> Config:
    """Return the configuration from the defaults, then `file`, then `ORDERWRIGHT_SECTION__KEY` variables.

    Raises:
        ConfigurationError: with every fault there is.
    """
    table = defaults()
    faults: list[Fault] = []
    if file is not None:
        _overlay(table, _read_file(file))
    for name, value in environment.items():
        if name.startswith(PREFIX):
            _set(table, name, value, faults)
    config = read_table(Config, table, "")
    if isinstance(config, list):
        faults.extend(config)
    elif config.paper.feed == "file" and not config.paper.file:
        faults.append(Fault(key="paper.file", error='is needed when paper.feed is "file"'))
    if faults or isinstance(config, list):
        raise ConfigurationError(faults)
    return config


def defaults() -> dict[str, Any]:
    """Return the defaults as a table."""
    return tomllib.loads(files("orderwright.config").joinpath("default.toml").read_text("utf-8"), parse_float=Decimal)


def masked(config: Config) -> Config:
    """Return the configuration with every secret hidden, fit to be shown."""
    password = urlsplit(config.database.url).password if "://" in config.database.url else None
    url = config.database.url
    if "password=" in url:
        url = _HIDDEN
    elif password:
        url = url.replace(f":{password}@", f":{_HIDDEN}@")
    return replace(config, database=replace(config.database, url=url))


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"), parse_float=Decimal)
    except OSError as exc:
        raise ConfigurationError([Fault(key=str(file), error=f"cannot be read: {exc.strerror}")]) from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigurationError([Fault(key=str(file), error=f"is not TOML: {exc}")]) from exc


def _overlay(table: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        known = table.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _overlay(known, value)
        else:
            table[key] = value


def _set(table: dict[str, Any], name: str, value: str, faults: list[Fault]) -> None:
    section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
    if not separator:
        table[section] = value
    elif isinstance(table.get(section), dict):
        table[section][key] = value
    else:
        faults.append(
            Fault(key=name, error=f"there is no section [{section}]: {', '.join(_sections(table))} are known")
        )


def _sections(table: Mapping[str, Any]) -> list[str]:
    return [key for key, value in table.items() if isinstance(value, dict)]
