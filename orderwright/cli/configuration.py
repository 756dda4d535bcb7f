"""`config show` and `config check`: what is configured, and whether it can be used."""

import msgspec
import typer
from msgspec import Struct

from orderwright.cli.options import DEFAULT_DATA, ConfigOption, JsonOption, installation
from orderwright.cli.output import as_builtins, print_json, say
from orderwright.config.load import masked
from orderwright.config.reading import Duration, PositiveDuration
from orderwright.moments import SECOND

configuration = typer.Typer(
    help="Show or check the configuration: defaults, under a file, under ORDERWRIGHT_SECTION__KEY variables.",
    no_args_is_help=True,
)

_MILLISECOND = SECOND // 1_000


@configuration.command()
def show(*, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show every setting in force, as TOML that can be used as a file; secrets are hidden.

    orderwright config show --config orderwright.toml
    """
    settings = _shown(masked(installation(DEFAULT_DATA, config).config))
    if json:
        print_json(settings)
        return
    for key, value in settings.items():
        if isinstance(value, dict):
            say(f"\n[{key}]")
            for name, item in value.items():
                say(f"{name} = {_toml(item)}")
        else:
            say(f"{key} = {_toml(value)}")


@configuration.command()
def check(*, config: ConfigOption = None) -> None:
    """Check the configuration; every fault is told at once, with its key and its cure. Exits with 3 if there is one.

    orderwright config check --config orderwright.toml
    """
    installation(DEFAULT_DATA, config)
    say("The configuration is fine.")


def _shown(section: Struct) -> dict[str, object]:
    shown: dict[str, object] = {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Struct):
            shown[field.name] = _shown(value)
        elif field.type in (Duration, PositiveDuration):
            shown[field.name] = _duration(value)
        else:
            shown[field.name] = as_builtins(value)
    return shown


def _duration(micros: int) -> str:
    if micros % SECOND == 0:
        return f"{micros // SECOND}s"
    if micros % _MILLISECOND == 0:
        return f"{micros // _MILLISECOND}ms"
    return f"{micros / SECOND:.6f}s"


def _toml(value: object) -> str:
    # JSON's text and numbers are TOML's too, once DEL is written out.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
