"""`config show` and `config check`: what is configured, and whether it can be used."""

import typer

from orderwright.cli.options import DEFAULT_DATA, ConfigOption, JsonOption, installation
from orderwright.cli.output import as_builtins, console, print_json, say
from orderwright.config.load import masked

configuration = typer.Typer(
    help="Show or check the configuration: defaults, under a file, under ORDERWRIGHT_SECTION__KEY variables.",
    no_args_is_help=True,
)


@configuration.command()
def show(*, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show every setting in force; secrets are hidden, durations are in seconds."""
    settings = as_builtins(masked(installation(DEFAULT_DATA, config).config))
    if json:
        print_json(settings)
        return
    for key, value in settings.items():
        if isinstance(value, dict):
            console.print(f"\n[{key}]", markup=False)
            for name, item in value.items():
                console.print(f"{name} = {item!r}", markup=False)
        else:
            console.print(f"{key} = {value!r}", markup=False)


@configuration.command()
def check(*, config: ConfigOption = None) -> None:
    """Check the configuration; every fault is told at once, with its key and its cure. Exits with 3 if there is one."""
    installation(DEFAULT_DATA, config)
    say("The configuration is fine.")
