"""`anchor`, `backup` and `restore`: what it takes that a log can be trusted, and outlives its disk."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from orderwright import bootstrap
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, existing_installation
from orderwright.cli.output import print_json, say


def anchor(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not exist yet.")],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write the log's head, signed, into a small file: proof of what the log was by now.

    Keep the file where whoever can change this machine's log cannot change the file. `verify --since FILE` then finds
    a past that was rewritten. The key is made at the first use; note the public key, it is what the signature is
    checked against.

        orderwright anchor 2026-11-21.anchor --data data
    """
    place = existing_installation(data, config)
    signed = bootstrap.make_anchor(place, file)
    if json:
        print_json({"anchor": msgspec.to_builtins(signed.anchor), "public_key": signed.public_key})
        return
    made = signed.anchor
    say(f"{file}: the log of {place.data} up to event {made.position} (batch {made.batch_no}), as of {made.made_at}.")
    say(f"Signed with the key {signed.public_key}. Keep the file away from this machine.")
