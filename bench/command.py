"""The command line of the benchmarks."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from bench import (
    appends,
    cancel_all,
    crash,
    declared,
    latency,
    life,
    memory,
    opening,
    overload,
    paper,
    replays,
    results,
    webhooks,
)
from bench.figures import Finding, missed, table
from bench.scale import TINY, USUAL, Scale

BENCHMARKS: Mapping[str, Callable[[Scale], Finding]] = {
    "webhooks": webhooks.measure,
    "latency": latency.measure,
    "appends": appends.measure,
    "replay": replays.measure,
    "paper": paper.measure,
    "cancel-all": cancel_all.measure,
    "memory": memory.measure,
    "overload": overload.measure,
    "declared": declared.measure,
    "crash": crash.measure,
    "opening": opening.measure,
    "life": life.measure,
}

LONG = ("opening",)
"""Those that take minutes, which run when they are named or the whole is asked for."""

PROFILES = ("life",)
"""Those that look into what others measure, which run when they are named."""

_EPILOG = """\
benchmarks:
  webhooks   durable webhooks per second, many strategies and one, against a bare Falcon + waitress endpoint that parses
             the same body; one webhook fanned out to 100 accounts
  latency    what the engine adds at 50 webhooks a second, without the exchange's own time: p50 and p99
  appends    appended events per second from 64 actors against the saves of the `eventsourcing` library; verification
  replay     replayed events per second against `eventsourcing` rebuilding an equal aggregate
  paper      what an accepted market order takes at the in-process paper exchange
  cancel-all how long it takes over 10 accounts at an exchange that answers in 100 ms, against one account
  memory     of an idle strategy account, and of the whole engine with 1,000 of them
  overload   webhooks at 5 times the capacity: what becomes of them, of the memory, and when all is as before
  declared   memory and start time with 10,000 strategy accounts declared and 200 active
  crash      how soon an engine with 1,000 strategy accounts and 1,000,000 events is ready again after kill -9
  opening    one strategy account in a log of 10,000,000 events, against one in a log of 100,000; takes about five
             minutes and up to 18 GB of disk, so it runs when it is named, or with --whole; --events makes it smaller
  life       one webhook's life, stage by stage, and what each part costs the processors under load: a profile for
             docs/explanation/performance.md, which runs when it is named

Everything is started in a temporary folder, on the loopback interface, with PostgreSQL as the product starts it (fsync
on), and is gone afterwards. A run takes about six minutes, twelve with --whole. Machines are noisy: a figure means
something beside its reference of the same run; repeat a run before you believe a difference. The load average, and how
busy others kept the machine right before each benchmark, stand beside the figures. A bar that is not reached is said at
the end and fails nothing: the exit code is not 0 only if something could not be measured.

examples:
  python -m bench                     all but the long one, and put the run on top of bench/RESULTS.md
  python -m bench --whole             really all
  python -m bench replay appends      these two
  python -m bench --dry               all, shown only
"""


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks that are named, show what they found, and record it."""
    given = _parser().parse_args(arguments)
    # What was started is stopped on the way out, also when a time-out ends the run.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    names = given.names or [name for name in BENCHMARKS if name not in PROFILES and (given.whole or name not in LONG)]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        _parser().error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    scale = TINY if given.tiny else USUAL
    run = run_all(names, scale if given.events is None else structs.replace(scale, opening_events=given.events))
    if not given.dry:
        results.record(run, given.results)
        print(f"recorded in {given.results}")


def run_all(names: list[str], scale: Scale) -> results.Run:
    """Run these benchmarks, showing each finding as it comes."""
    at, machine, began = results.begun_now(), results.machine(), time.perf_counter()
    print(f"{machine}\n")
    findings = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        others = results.busy_share()
        finding = BENCHMARKS[name](scale)
        findings.append(structs.replace(finding, note=f"{finding.note} {others}"))
        print(table(finding.figures), findings[-1].note, "", sep="\n", flush=True)
    run = results.Run(at=at, machine=machine, seconds=time.perf_counter() - began, findings=tuple(findings))
    print(table(run.figures), "", missed(run.figures), sep="\n", flush=True)
    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the product, each figure beside a reference measured in the same run.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which benchmarks to run (default: all, see below)")
    parser.add_argument("--whole", action="store_true", help="run the long ones too")
    parser.add_argument("--events", type=int, metavar="N", help="the length of the long log of `opening`")
    parser.add_argument("--dry", action="store_true", help="show the figures, record nothing")
    parser.add_argument("--tiny", action="store_true", help="only show that everything works; the figures mean nothing")
    parser.add_argument(
        "--results", type=Path, default=results.FILE, metavar="FILE", help=f"where to record (default: {results.FILE})"
    )
    return parser
