"""`anchor`, `backup` and `restore`: what it takes that a log can be trusted, and outlives its disk."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from orderwright.cli.archives import make_anchor, make_backup, restore_installation
from orderwright.cli.options import (
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    JsonOption,
    existing_installation,
    installation,
)
from orderwright.cli.output import print_json, say
from orderwright.cli.progress import Steps, in_steps


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
    signed = make_anchor(place, file)
    if json:
        print_json({"anchor": msgspec.to_builtins(signed.anchor), "public_key": signed.public_key})
        return
    made = signed.anchor
    say(f"{file}: the log of {place.data} up to event {made.position} (batch {made.batch_no}), as of {made.made_at}.")
    say(f"Signed with the key {signed.public_key}. Keep the file away from this machine.")


def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to make; it must not exist yet.")],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    check: Annotated[
        bool,
        typer.Option("--check/--no-check", help="Restore the backup in a temporary place, and verify it there."),
    ] = True,
    json: JsonOption = False,
) -> None:
    """Write the whole log into a folder that can be restored elsewhere; the engine may be at work meanwhile.

    The backup is of one moment. It is then restored in a temporary place (TMPDIR) and every hash of it recomputed: a
    backup that was never restored is only a hope. Exchange keys and the configuration are not in it.

        orderwright backup backups/2026-11-21 --data data
    """
    place = existing_installation(data, config)
    with in_steps() as progress:
        note = make_backup(place, folder, is_tried=check, report=Steps(progress))
    if json:
        print_json({"folder": str(folder), "checked": check, **msgspec.to_builtins(note)})
        return
    told = "restored in a temporary place and verified" if check else "not checked"
    say(f"{folder}: {note.events} events, {note.dump_bytes / 1e6:,.1f} MB, as of {note.made_at}; {told}.")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that `backup` has made.")],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make an installation from a backup, where there is none yet, and verify all of its log.

    Never writes over anything: exits with 7 if there is an installation. The log is checked against the backup's
    anchor, and every hash is recomputed; exits with 6 if it is not what was backed up, and nothing is left of it then.
    What was traded after the backup is not in its log: everything is halted in it until you `lift` that, see `drift`.

        orderwright restore backups/2026-11-21 --data restored
    """
    place = installation(data, config)
    with in_steps() as progress:
        verified = restore_installation(place, folder, report=Steps(progress))
    if json:
        print_json({"events": verified.events, "batches": verified.batches, "chain": verified.chain.hex()})
        return
    say(f"{place.data} has the log of {folder}: {verified.events} events in {verified.batches} batches, all verified.")
    say(
        "Everything is halted in it: start it, look at `orderwright drift`, put right what differs, then lift the halt."
    )
