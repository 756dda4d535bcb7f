"""Opening one strategy account in a very long log, beside opening an equal one in a short log."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.declared import declared_links
from bench.figures import Bar, Finding, Round, compared
from bench.installation import Link, ProcessFailed, install, temporary_folder
from bench.long_log import LongLog
from bench.scale import Scale
from orderwright.actors.lifecycle import Engine
from orderwright.actors.messages import strategy_account_name
from orderwright.clock import SystemClock
from orderwright.engine.catalogue.state import Catalogue
from orderwright.engine.ids import time_ordered_id
from orderwright.engine.strategy_account.state import Rules
from orderwright.eventstore.connect import LogPlace, open_log_for_writing
from orderwright.exchanges.factory import GatewayFactory
from orderwright.exchanges.gateway import Gateway
from orderwright.moments import DAY, Micros

_BAR: Final = Bar(text="<= 1.5 x short log", at_most=1.5, is_ratio=True)
_WATCHED = "watched"
_EVENTS_PER_ORDER = 6
_BYTES_PER_EVENT = 1_500
_SPARE_BYTES = 3_000_000_000
_DAYS = 365
_SETTLE_SECONDS = 2.0
_PATIENCE = 30.0
_TOLD_EVERY = 1_000_000


def measure(scale: Scale) -> Finding:
    """Return how long opening a strategy account takes in a long log, beside a short one: from events, from a snapshot.

    Raises:
        ProcessFailed: a strategy account could not be opened, or the disk has no room for such a log.
    """
    names = [strategy_account_name(_WATCHED, f"W{number:03}") for number in range(scale.opened_accounts)]
    with temporary_folder() as folder:
        _require_room(folder, scale.opening_events)
        short, _ = _made(folder / "short", scale, scale.short_events)
        long, seconds = _made(folder / "long", scale, scale.opening_events)
        size = sum(file.stat().st_size for file in (folder / "long" / "postgres" / "cluster" / "base").rglob("*"))
        from_events = _opened(folder, names)
        from_snapshots = _opened(folder, names)
    name, unit, reference = f"in a log of {long:,} events", "ms", f"in one of {short:,}"
    figures = tuple(
        compared(rounds, name=f"opening a strategy account {way} {name}", unit=unit, reference_name=reference, bar=_BAR)
        for way, rounds in (("from its events", from_events), ("from its snapshot", from_snapshots))
    )
    events = 1 + scale.opened_orders * _EVENTS_PER_ORDER
    note = (
        f"Making the long log took {seconds:.0f} s and {size / 1e9:.1f} GB. {len(names)} strategy accounts of one "
        f"strategy, each with {events:,} events of {scale.opened_orders} orders that lie evenly over the whole log, "
        "are opened one after the other, in the one log and the other in turn: from the wish to see one to its answer, "
        "by an engine in this process whose exchange answers at once. Medians. The snapshots are those that the "
        "engines left when they stopped. The disk's cache was warm."
    )
    return Finding(title="Opening", figures=figures, note=note)


def _require_room(folder: Path, events: int) -> None:
    needed = events * _BYTES_PER_EVENT + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = (
            f"a log of {events:,} events may take {needed / 1e9:.0f} GB, and {folder} has {free / 1e9:.0f} GB free"
        )
        raise ProcessFailed(message)


def _made(data: Path, scale: Scale, events: int) -> tuple[int, float]:
    """Make an installation with a log of so many events; return how many they are, and the seconds that took."""
    crowd = declared_links(scale.crash_accounts, scale.accounts_per_group)
    watched = [Link(strategy=_WATCHED, account=f"W{number:03}") for number in range(scale.opened_accounts)]
    others = [name for name in install(data, [*crowd, *watched]) if name != _WATCHED]
    began = time.perf_counter()
    signals = list(_signals(others, scale, events))
    step = _DAYS * DAY // len(signals)
    first = SystemClock().now() - step * len(signals)
    with LongLog(data) as log:
        log.extend(signals, (Micros(first + number * step) for number in range(len(signals))), _Told(events))
        log.settle()
        return log.position, time.perf_counter() - began


def _signals(others: Sequence[str], scale: Scale, events: int) -> Iterator[str]:
    """Yield the strategies of signals in turn, and evenly among them those of the one that is watched."""
    watched = scale.opened_orders * (2 + scale.opened_accounts * _EVENTS_PER_ORDER)
    each = max(1, (events - watched) // (2 + scale.accounts_per_group * _EVENTS_PER_ORDER) // scale.opened_orders)
    for order in range(scale.opened_orders):
        yield _WATCHED
        for number in range(each):
            yield others[(order * each + number) % len(others)]


class _Told:
    """Tells on standard error how far a long log has come."""

    def __init__(self, events: int) -> None:
        self._events = events
        self._next = _TOLD_EVERY

    def __call__(self, position: int) -> None:
        if position >= self._next:
            self._next += _TOLD_EVERY
            print(f"  made {position:,} of {self._events:,} events", file=sys.stderr, flush=True)


def _opened(folder: Path, names: Sequence[str]) -> list[Round]:
    with ExitStack() as stack:
        short = stack.enter_context(_engine(folder / "short"))
        long = stack.enter_context(_engine(folder / "long"))
        time.sleep(_SETTLE_SECONDS)
        return [Round(reference=_open(short, name), reached=_open(long, name)) for name in names]


def _open(engine: Engine, name: str) -> float:
    began = time.perf_counter()
    views = engine.describe([name], timeout=_PATIENCE)
    seconds = time.perf_counter() - began
    if views[name] is None:
        message = f"{name} could not be opened"
        raise ProcessFailed(message)
    return seconds * 1_000


@contextmanager
def _engine(data: Path) -> Iterator[Engine]:
    clock = SystemClock()
    with ExitStack() as stack:
        log = stack.enter_context(open_log_for_writing(LogPlace(directory=data), clock=clock, on_fenced=print))
        factory = GatewayFactory(books_dir=data, clock=clock)
        stack.callback(factory.close)

        def make_gateway(_catalogue: Catalogue, account: str) -> Gateway:
            return factory.make("paper", account=account)

        engine = Engine(
            clock=clock,
            reader=log.reader,
            writer=log.writer,
            make_gateway=make_gateway,
            new_id=lambda: time_ordered_id(clock.now(), os.urandom(10)),
            rules=Rules(),
            snapshots=log.snapshots,
        )
        stack.callback(engine.stop)
        engine.start()
        yield engine
