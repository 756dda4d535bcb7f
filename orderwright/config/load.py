"""Loads the configuration: default.toml, under a file, under the environment; all faults are told at once."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from orderwright.config.reading import (
    Duration,
    Fault,
    PositiveDuration,
    did_you_mean,
    duration_text,
    read_table,
)
from orderwright.config.schema import Config
from orderwright.config.zones import find_zone
from orderwright.errors import OrderwrightError
from orderwright.moments import SECOND

PREFIX = "ORDERWRIGHT_"
"""What the names of environment variables begin with: ORDERWRIGHT_HTTP__PORT is `port` in `[http]`."""

_HIDDEN = "********"
_URL = re.compile(r"postgres(ql)?://\S*|(\s*[a-z_]+\s*=.*)", re.DOTALL)
_PASSWORD_IN_URL = re.compile(r"(://[^/?#@:]*:).*(?=@)", re.DOTALL)
_PASSWORD_AS_KEY = re.compile(r"((?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&]*)", re.DOTALL)


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
    origins: dict[str, str] = {}
    for name, value in environment.items():
        if name.startswith(PREFIX):
            _set(table, name, value, origins, faults)
    config = read_table(Config, table, "")
    if isinstance(config, list):
        faults.extend(_with_origin(fault, origins) for fault in config)
        raise ConfigurationError(faults)
    faults.extend(_with_origin(fault, origins) for fault in _contradictions(config))
    if faults:
        raise ConfigurationError(faults)
    return config


def defaults() -> dict[str, Any]:
    """Return the defaults as a table."""
    return tomllib.loads(files("orderwright.config").joinpath("default.toml").read_text("utf-8"), parse_float=Decimal)


def masked(config: Config) -> Config:
    """Return the configuration with every secret hidden, fit to be shown."""
    url = _PASSWORD_IN_URL.sub(rf"\1{_HIDDEN}", config.database.url)
    url = _PASSWORD_AS_KEY.sub(rf"\1{_HIDDEN}", url)
    return replace(config, database=replace(config.database, url=url))


def shown(config: Config) -> dict[str, Any]:
    """Return the configuration as a table that could be written to a file: secrets hidden, durations as text."""
    return _as_table(masked(config))


def _as_table(section: Struct) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Struct):
            table[field.name] = _as_table(value)
        elif field.type is Duration or field.type is PositiveDuration:
            table[field.name] = duration_text(value)
        else:
            table[field.name] = value
    return table


def _contradictions(config: Config) -> Iterator[Fault]:
    if config.database.url and not _URL.fullmatch(config.database.url):
        error = 'must be empty, postgresql://user@host/database, or text like "host=... dbname=..."'
        yield Fault(key="database.url", error=error)
    if config.http.channel_timeout < SECOND:
        yield Fault(key="http.channel_timeout", error="must be at least 1s")
    if find_zone(config.jobs.zone) is None:
        yield Fault(key="jobs.zone", error="must be a time zone that this machine knows, such as UTC or Asia/Seoul")
    if config.paper.feed == "file" and not config.paper.file:
        yield Fault(key="paper.file", error='is needed when paper.feed is "file"')
    for key, fee in (("paper.maker_fee", config.paper.maker_fee), ("paper.taker_fee", config.paper.taker_fee)):
        if not 0 <= fee < 1:
            yield Fault(key=key, error='must be a fraction from 0 to below 1: 0.1 % is "0.001"')


def _with_origin(fault: Fault, origins: Mapping[str, str]) -> Fault:
    variable = origins.get(fault.key)
    return fault if variable is None else replace(fault, key=f"{fault.key} (from {variable})")


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"), parse_float=Decimal)
    except OSError as exc:
        raise ConfigurationError([Fault(key=str(file), error=f"cannot be read: {exc.strerror}")]) from exc
    except (ValueError, RecursionError) as exc:
        # Besides its own error, tomllib lets those of absurd numbers and of absurd nesting through.
        raise ConfigurationError([Fault(key=str(file), error=f"is not TOML: {exc}")]) from exc


def _overlay(table: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        known = table.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _overlay(known, value)
        else:
            table[key] = value


def _set(table: dict[str, Any], name: str, value: str, origins: dict[str, str], faults: list[Fault]) -> None:
    section, separator, key = name.removeprefix(PREFIX).lower().partition("__")
    if not separator:
        if isinstance(table.get(section), dict):
            faults.append(Fault(key=name, error=f"names a section: write {name}__KEY"))
            return
        table[section] = value
        origins[section] = name
    elif isinstance(table.get(section), dict):
        table[section][key] = value
        origins[f"{section}.{key}"] = name
    else:
        sections = {key: value for key, value in table.items() if isinstance(value, dict)}
        guess = did_you_mean(section, sections) or f" Known are: {', '.join(sections)}."
        faults.append(Fault(key=name, error=f"there is no section [{section}].{guess}"))
