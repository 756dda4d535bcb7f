"""Help that teaches: every command says what it does, shows an example, and explains each of its options."""

import re

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from orderwright.cli import exits
from orderwright.cli.main import app

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
WIDE = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}


def help_of(*words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--help"], env=WIDE, prog_name="orderwright")
    assert done.exit_code == 0
    return done.output


def test_the_first_page_names_every_command_and_every_exit_code() -> None:
    shown = help_of()
    for command in COMMANDS:
        assert re.search(rf"^│ {command} ", shown, re.MULTILINE)
    codes = {value for name, value in vars(exits).items() if name.isupper()}
    listed = re.split(r"\n\s*\n", shown[shown.index("Exit codes:") :])[0]
    assert {int(code) for code in re.findall(r"\b\d+\b", listed)} == codes


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("config", "demo")])
def test_every_command_shows_an_example_of_itself(command: str) -> None:
    assert re.search(rf"^ +orderwright {command}\b", help_of(command), re.MULTILINE)


@pytest.mark.parametrize("words", [(name,) for name in COMMANDS if name != "config"] + [("config", "show")])
def test_every_option_is_explained(words: tuple[str, ...]) -> None:
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{words}: {parameter.name}"


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert re.fullmatch(r"orderwright \d+\.\d+\.\d+\S*\n", done.output)
