"""`orderwright serve` that notes when each stage of a webhook's life begins and ends, and what the stages cost.

Around some functions of the product stand stopwatches, and nothing is taken away. Twice a second it writes an `Account`
of what it has seen so far to a file, and once more at its end.
"""

import functools
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from orderwright.actors import inbox, strategy_account
from orderwright.actors.asks import Ask
from orderwright.actors.envelopes import Causes
from orderwright.actors.inbox import SignalInbox
from orderwright.actors.strategy_account import StrategyAccount
from orderwright.cli.main import main
from orderwright.engine.outcomes import Effect, Outcome, PlaceOrder
from orderwright.eventstore import writer
from orderwright.eventstore.postgres_sink import PostgresSink
from orderwright.eventstore.store import Append, AppendOutcome
from orderwright.eventstore.writer import GroupCommitWriter
from orderwright.exchanges.paper.gateway import PaperGateway
from orderwright.http import webhooks
from orderwright.http.server import HttpServer
from orderwright.http.webhooks import Webhooks

_EVERY_SECONDS = 0.5
_MOST_MARKS = 20_000


class Cost(Struct):
    """What calls of one function took so far, in seconds: of a CPU on their own threads, and of time."""

    calls: int = 0
    cpu: float = 0.0
    wall: float = 0.0


class Account(Struct, kw_only=True):
    """What was seen: (stage, moment by the monotonic clock), costs by function, kinds of threads by their number."""

    marks: list[tuple[str, float]] = []
    costs: dict[str, Cost] = {}
    threads: dict[int, str] = {}


class Watch:
    """Takes notes, from any thread."""

    def __init__(self) -> None:
        self._marks: list[tuple[str, float]] = []
        self._costs: dict[tuple[str, int], Cost] = {}
        self._kinds: dict[int, str] = {}

    def mark(self, stage: str) -> None:
        """Note that a stage has come to its end, unless that was noted often enough."""
        if len(self._marks) < _MOST_MARKS:
            self._marks.append((stage, time.perf_counter()))

    def around(self, owner: Any, name: str, *, ends: str = "", begins: str = "", kind: str = "") -> None:  # noqa: ANN401
        """Put a stopwatch around a function; `kind` is that of the thread it runs on."""
        inner = getattr(owner, name)
        label = f"{getattr(owner, '__name__', owner).rpartition('.')[2]}.{name}"

        @functools.wraps(inner)
        def watched(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            number = threading.get_native_id()
            if begins:
                self.mark(begins)
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return inner(*given, **named)
            finally:
                cost = self._costs.setdefault((label, number), Cost())
                cost.calls += 1
                cost.cpu += time.thread_time() - cpu
                cost.wall += time.perf_counter() - wall
                if kind:
                    self._kinds[number] = kind
                if ends:
                    self.mark(ends)

        setattr(owner, name, watched)

    def account(self) -> Account:
        """Return what was seen so far."""
        costs: dict[str, Cost] = {}
        for (label, _), cost in list(self._costs.items()):
            total = costs.setdefault(label, Cost())
            total.calls += cost.calls
            total.cpu += cost.cpu
            total.wall += cost.wall
        names = {thread.native_id: thread.name for thread in threading.enumerate() if thread.native_id is not None}
        return Account(marks=list(self._marks), costs=costs, threads=names | self._kinds)


def watch_everything(watch: Watch) -> None:
    """Put the stopwatches where a webhook comes by."""
    watch.around(HttpServer, "_answer", begins="entered", kind="HTTP threads")
    watch.around(webhooks, "parse_webhook", ends="parsed")
    watch.around(Webhooks, "_answer")
    watch.around(Ask, "wait", ends="woken")
    watch.around(Webhooks, "on_post", ends="replied")
    watch.around(SignalInbox, "handle", kind="actors")
    watch.around(StrategyAccount, "handle", kind="actors")
    watch.around(inbox, "receive")
    watch.around(strategy_account, "decide_and_evolve")
    watch.around(Causes, "seal")
    watch.around(writer, "plan_batch")
    watch.around(PostgresSink, "write", kind="log writer")
    _watch_appends(watch)
    _watch_exchange(watch)


def _watch_appends(watch: Watch) -> None:
    inner = GroupCommitWriter.append

    def append(
        self: GroupCommitWriter,
        append: Append,
        done: Callable[[AppendOutcome], None],
        **named: Any,  # noqa: ANN401
    ) -> None:
        first = append.events[0].type
        watch.mark(f"queued {first}")

        def ended(outcome: AppendOutcome) -> None:
            watch.mark(f"durable {first}")
            done(outcome)

        inner(self, append, ended, **named)

    vars_of_class: Any = GroupCommitWriter
    vars_of_class.append = append
    watch.around(GroupCommitWriter, "append")


def _watch_exchange(watch: Watch) -> None:
    inner = PaperGateway.submit

    def submit(self: PaperGateway, effect: Effect, done: Callable[[Outcome], None]) -> None:
        is_order = isinstance(effect, PlaceOrder)
        watch.mark("called" if is_order else "asked")

        def answered(outcome: Outcome) -> None:
            watch.mark("answered" if is_order else "told")
            done(outcome)

        inner(self, effect, answered)

    vars_of_class: Any = PaperGateway
    vars_of_class.submit = submit
    watch.around(PaperGateway, "submit")


def _report(watch: Watch, file: Path) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(watch.account()))
    fresh.replace(file)


def _keep_reporting(watch: Watch, file: Path) -> None:
    while True:
        time.sleep(_EVERY_SECONDS)
        _report(watch, file)


if __name__ == "__main__":
    watch, file = Watch(), Path(sys.argv[1])
    sys.argv = ["orderwright", "serve", *sys.argv[2:]]
    watch_everything(watch)
    threading.Thread(target=_keep_reporting, args=(watch, file), name="watch", daemon=True).start()
    try:
        main()
    finally:
        _report(watch, file)
