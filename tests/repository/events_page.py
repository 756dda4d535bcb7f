"""Makes the page of events from the events themselves: `python -m tests.repository.events_page` writes it anew."""

from collections.abc import Iterator
from typing import Any, get_args

from orderwright.engine.catalogue.events import Event as CatalogueEvent
from orderwright.engine.inbox import InboxEvent
from orderwright.engine.strategy_account.events import Event as StrategyAccountEvent
from tests.repository.walk import ROOT

PAGE = ROOT / "docs" / "reference" / "events.md"

_INTRODUCTION = """\
# Events

Everything that happens is an event in a stream, and is never changed. `orderwright log --json` shows each with its
place:

| member | meaning |
|---|---|
| `position` | its number in the log, without gaps |
| `stream`, `version` | its stream, and its number there |
| `type` | one of those below; a type never changes its meaning |
| `recorded_at` | when the writer took it, ISO 8601, UTC |
| `event_id` | a function of the cause, the stream and the version: the same cause never writes twice |
| `causation` | the message that brought it about |
| `correlation` | the signal, or the operator's command, at the beginning of it all |
| `payload` | what is listed below, with `at`, the moment of the decision |

In payloads, amounts are decimal text, moments are microseconds since 1970 in UTC, and absent members have their
defaults. The text of a payload is stored, and hashed, exactly as it is shown.
"""

_STREAMS: dict[str, Any] = {
    "Stream `catalogue`": CatalogueEvent,
    "Streams `inbox/STRATEGY`": InboxEvent,
    "Streams `strategy-account/STRATEGY@ACCOUNT`": StrategyAccountEvent,
}


def events_page() -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION, *(part for title, union in _STREAMS.items() for part in _section(title, union))])


def _section(title: str, union: Any) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| type | payload | means |\n|---|---|---|"
    for event in get_args(union):
        fields = " ".join(f"`{name}`" for name in event.__struct_fields__ if name != "at")
        meaning = " ".join(event.__doc__.strip().split("\n\n")[0].split())
        yield f"| `{event.__struct_config__.tag}` | {fields} | {meaning} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(events_page(), "utf-8")
