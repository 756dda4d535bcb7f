"""`log`, `replay` and `verify`: what happened, what was known then, and proof that nobody changed it since."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import typer
from msgspec import Struct

from orderwright import bootstrap
from orderwright.cli.options import DEFAULT_DATA, ConfigOption, DataOption, JsonOption, existing_installation
from orderwright.cli.output import console, print_json, say
from orderwright.cli.progress import counted
from orderwright.config.reading import did_you_mean
from orderwright.engine.catalogue.events import Event as CatalogueEvent
from orderwright.engine.inbox import InboxEvent
from orderwright.engine.strategy_account.events import Event as StrategyAccountEvent
from orderwright.eventstore.anchors import check_anchor, read_anchor
from orderwright.eventstore.store import LogReader, StoredEvent
from orderwright.eventstore.verify import verify as verify_chain
from orderwright.moments import Micros, from_datetime, to_iso
from orderwright.readmodels.replay import UnknownStream, full_name, state_as_builtins
from orderwright.readmodels.replay import replay as replay_stream

_FOLLOW_SECONDS = 0.5
_SHORTENED = "strategy-account/"
_TYPES = tuple(
    str(event.__struct_config__.tag)
    for union in (CatalogueEvent, InboxEvent, StrategyAccountEvent)
    for event in get_args(union)
)


class _Wanted(Struct, frozen=True, kw_only=True):
    """Which events are to be shown: those of a stream (None: of all), of a type (None: any)."""

    stream: str | None
    kind: str | None

    def after(self, reader: LogReader, position: int) -> Iterator[StoredEvent]:
        rows = reader.read_all(after_position=position) if self.stream is None else reader.read_stream(self.stream)
        return (row for row in rows if row.position > position and self.kind in (None, row.type))


def log(
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    stream: Annotated[
        str | None, typer.Option(metavar="STREAM", help="Only this stream: test1@A1, inbox/test1, or catalogue.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only events of this type, such as fill_recorded.")
    ] = None,
    after: Annotated[int, typer.Option(metavar="POSITION", help="Only events after this position.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(metavar="N", help="The last so many; all without it.", min=1)] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", metavar="", help="Go on showing what is written, until Ctrl-C.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", metavar="", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Show what happened, event by event, in the one order in which it was written.

    orderwright log --limit 20
    orderwright log --stream test1@A1 --type fill_recorded --json
    """
    if kind is not None and kind not in _TYPES:
        guess = did_you_mean(kind, dict.fromkeys(_TYPES)) or f" Known are: {', '.join(_TYPES)}."
        message = f"there are no events of the type {kind!r}.{guess}"
        raise typer.BadParameter(message, param_hint="--type")
    place = existing_installation(data, config)
    with bootstrap.reading(place) as opened:
        wanted = _Wanted(stream=_existing(opened.reader, stream), kind=kind)
        rows: Iterable[StoredEvent] = wanted.after(opened.reader, after)
        shown_up_to = _show_all(deque(rows, maxlen=limit) if limit else rows, after, json=json)
        try:
            while follow:
                time.sleep(_FOLLOW_SECONDS)
                shown_up_to = _show_all(wanted.after(opened.reader, shown_up_to), shown_up_to, json=json)
        except KeyboardInterrupt:
            return


def _existing(reader: LogReader, stream: str | None) -> str | None:
    if stream is None:
        return None
    name = full_name(stream)
    names = [head.stream for head in reader.streams()]
    if name not in names:
        guess = did_you_mean(name, dict.fromkeys(names))
        message = f"there is no stream {stream}.{guess.replace(_SHORTENED, '')}"
        raise UnknownStream(message)
    return name


def _show_all(rows: Iterable[StoredEvent], position: int, *, json: bool) -> int:
    for row in rows:
        _show(row, json=json)
        position = row.position
    return position


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
    told = " ".join(f"{key}={_short(key, value)}" for key, value in payload.items() if key not in ("type", "at"))
    stream = row.stream.removeprefix(_SHORTENED)
    console.print(
        f"{row.position:>8} {to_iso(row.recorded_at)} {stream} #{row.version} {row.type} {told}",
        soft_wrap=True,
        markup=False,
    )


def _short(key: str, value: object) -> str:
    if isinstance(value, int) and key.endswith(("_at", "_until")):
        return to_iso(Micros(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def replay(
    stream: Annotated[
        str, typer.Argument(metavar="STREAM", help="A strategy account (test1@A1), inbox/STRATEGY, or catalogue.")
    ],
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of this moment: ISO 8601; UTC if it names no zone.")
    ] = None,
    version: Annotated[int | None, typer.Option(metavar="N", help="As of this version of the stream.", min=1)] = None,
    json: JsonOption = False,
) -> None:
    """Show a stream's state, now or at any earlier moment, folded anew from its events.

    orderwright replay test1@A1
    orderwright replay test1@A1 --at 2026-11-21T09:30:00Z
    """
    if at is not None and version is not None:
        message = "choose --at or --version, not both"
        raise typer.BadParameter(message)
    name, moment = full_name(stream), _moment(at)
    place = existing_installation(data, config)
    with bootstrap.reading(place) as opened:
        replayed = replay_stream(name, opened.reader.read_texts(name), version=version, at=moment)
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
        raise typer.BadParameter(message, param_hint="--at") from exc
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def verify(
    *,
    data: DataOption = DEFAULT_DATA,
    config: ConfigOption = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An anchor: the log must still be what it was then. See `anchor`."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="HEX", help="The public key that the anchor must be signed with.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="With an anchor: verify what lies before it, too.")] = False,
    json: JsonOption = False,
) -> None:
    """Recompute the whole hash chain; a changed, missing or added event is found, and its batch is named.

    With an anchor, the chain at its batch must be the anchored one, and what came after is recomputed: quick, and it
    finds a past that was rewritten with all its hashes. Exits with 6 if the log is not what was written. Works while
    the engine runs, and without it.

        orderwright verify --data data
        orderwright verify --data data --since 2026-11-21.anchor
    """
    place = existing_installation(data, config)
    anchor = None if since is None else read_anchor(since, public_key=key)
    with bootstrap.reading(place) as opened:
        after = 0 if anchor is None else check_anchor(opened.reader, anchor)
        total = opened.reader.head_position()
        with counted() as progress:
            task = progress.add_task("verifying", total=total)
            verified = verify_chain(
                opened.reader,
                after_batch=0 if whole else after,
                progress=lambda position: progress.update(task, completed=position),
            )
    if json:
        print_json(
            {
                "ok": True,
                "events": verified.events,
                "batches": verified.batches,
                "chain": verified.chain.hex(),
                **({} if anchor is None else {"since": msgspec.to_builtins(anchor)}),
                "events_per_second": round(verified.events_per_second),
            }
        )
        return
    if anchor is not None:
        say(f"Batch {anchor.batch_no} is the one that was anchored at {anchor.made_at}.")
    if anchor is not None and not verified.events:
        say("Nothing has been written since.")
        return
    say(
        f"The log is what was written: {verified.events} events in {verified.batches} batches, "
        f"{verified.events_per_second:,.0f} events/s. Head of the chain: {verified.chain.hex()}"
    )
