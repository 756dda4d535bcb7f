"""`log`, `replay` and `verify`: what happened, what was known then, and proof that nobody changed it since."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from orderwright import bootstrap
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, installation
from orderwright.cli.output import console, errors, print_json, say
from orderwright.eventstore.store import LogReader, StoredEvent
from orderwright.eventstore.verify import verify as verify_chain
from orderwright.moments import Micros, from_datetime, to_iso
from orderwright.readmodels.replay import full_name, state_as_builtins
from orderwright.readmodels.replay import replay as replay_stream

_FOLLOW_SECONDS = 0.5


def log(
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, e.g. test1@A1 or inbox/test1.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Only events of this type, e.g. fill_recorded.")] = None,
    after: Annotated[int, typer.Option(help="Only events after this position.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(help="The last so many events; all without it.", min=1)] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on showing what is written.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show what happened, event by event, in the one order in which it was written."""
    place = installation(data, config)
    with bootstrap.reading(place) as opened:
        position = after
        rows = [row for row in _events(opened.reader, stream, after) if kind in (None, row.type)]
        for row in rows[-limit:] if limit else rows:
            _show(row, json=json)
            position = max(position, row.position)
        while follow:
            time.sleep(_FOLLOW_SECONDS)
            for row in _events(opened.reader, stream, position):
                position = row.position
                if kind in (None, row.type):
                    _show(row, json=json)


def _events(reader: LogReader, stream: str | None, after: int) -> Iterator[StoredEvent]:
    if stream is None:
        return reader.read_all(after_position=after)
    return (row for row in reader.read_stream(full_name(stream)) if row.position > after)


def _show(row: StoredEvent, *, json: bool) -> None:
    payload = msgspec.json.decode(row.payload)
    if json:
        line: dict[str, Any] = {
            "position": row.position,
            "stream": row.stream,
            "version": row.version,
            "type": row.type,
            "recorded_at": to_iso(row.recorded_at),
            "event_id": row.event_id,
            "causation": row.causation,
            "correlation": row.correlation,
            "payload": payload,
        }
        print_json(line)
        return
    told = " ".join(f"{key}={_short(value)}" for key, value in payload.items() if key not in ("type", "at"))
    console.print(
        f"{row.position:>8} {to_iso(row.recorded_at)} {row.stream} #{row.version} {row.type} {told}",
        soft_wrap=True,
        markup=False,
    )


def _short(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def replay(
    stream: Annotated[str, typer.Argument(help="A strategy account (test1@A1), inbox/STRATEGY, or catalogue.")],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    at: Annotated[str | None, typer.Option(help="As of this moment: ISO 8601; UTC if it names no zone.")] = None,
    version: Annotated[int | None, typer.Option(help="As of this version of the stream.", min=1)] = None,
    json: JsonOption = False,
) -> None:
    """Show a stream's state, now or at any earlier moment, folded anew from its events."""
    if at is not None and version is not None:
        message = "choose --at or --version, not both"
        raise typer.BadParameter(message)
    name = full_name(stream)
    place = installation(data, config)
    with bootstrap.reading(place) as opened:
        replayed = replay_stream(name, opened.reader.read_stream(name), version=version, at=_moment(at))
    shown = {
        "stream": replayed.stream,
        "version": replayed.version,
        "position": replayed.position,
        "recorded_at": to_iso(replayed.recorded_at),
        "state": state_as_builtins(replayed.state),
    }
    if json:
        print_json(shown)
        return
    say(f"{name} after event {replayed.version} (position {replayed.position}, {to_iso(replayed.recorded_at)})")
    console.print_json(msgspec.json.encode(shown["state"]).decode())


def _moment(text: str | None) -> Micros | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        message = f"--at {text!r} is not ISO 8601, like 2026-11-21T09:30:00Z"
        raise typer.BadParameter(message) from exc
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def verify(*, data: DataOption = DEFAULT_DATA, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Recompute the whole hash chain; a changed, missing or added event is found, and its batch is named.

    Exits with 6 if the log is not what was written.
    """
    place = installation(data, config)
    with bootstrap.reading(place) as opened:
        total = opened.reader.head_position()
        with _progress() as progress:
            task = progress.add_task("verifying", total=total)
            verified = verify_chain(opened.reader, progress=lambda position: progress.update(task, completed=position))
    if json:
        print_json(
            {
                "ok": True,
                "events": verified.events,
                "batches": verified.batches,
                "chain": verified.chain.hex(),
                "events_per_second": round(verified.events_per_second),
            }
        )
        return
    say(
        f"The log is what was written: {verified.events} events in {verified.batches} batches, "
        f"{verified.events_per_second:,.0f} events/s. Head of the chain: {verified.chain.hex()}"
    )


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
