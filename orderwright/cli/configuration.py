"""`config show` and `config check`: what is configured, and whether it can be used."""

import msgspec
import typer

from orderwright.cli.options import DEFAULT_DATA, ConfigOption, JsonOption, installation
from orderwright.cli.output import as_builtins, print_json, say
from orderwright.config.load import shown

configuration = typer.Typer(
    help="Show or check the configuration: defaults, under a file, under ORDERWRIGHT_SECTION__KEY variables.",
    no_args_is_help=True,
)


@configuration.command()
def show(*, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show every setting in force, as TOML that can be used as a file; secrets are hidden.

    orderwright config show --config orderwright.toml
    """
    settings = as_builtins(shown(installation(DEFAULT_DATA, config).config))
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


def _toml(value: object) -> str:
    # JSON's text and numbers are TOML's too, once DEL is written out.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
