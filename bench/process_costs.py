"""What processes have taken of the processors so far, thread by thread, and how often they were switched."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import psutil
from msgspec import Struct

_NANOSECONDS = 1_000_000_000


class ThreadCost(Struct, frozen=True, kw_only=True):
    """One thread: seconds of a CPU, and how often it gave the CPU away by itself or had it taken away."""

    cpu: float
    given: int
    taken: int


def thread_costs(pid: int) -> dict[int, ThreadCost]:
    """Return what each thread of a process has taken so far, by the thread's number."""
    costs = {}
    for folder in Path(f"/proc/{pid}/task").iterdir():
        try:
            nanoseconds = int((folder / "schedstat").read_text().split()[0])
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        except OSError:
            # It has just ended.
            continue
        costs[int(folder.name)] = ThreadCost(
            cpu=nanoseconds / _NANOSECONDS,
            given=int(status["voluntary_ctxt_switches"]),
            taken=int(status["nonvoluntary_ctxt_switches"]),
        )
    return costs


def process_cpu(pid: int) -> float:
    """Return the seconds of a CPU that a process has taken so far, also by threads that have ended."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def family_cpu(pid: int) -> float:
    """Return the seconds of a CPU that a process and its children have taken so far."""
    parent = psutil.Process(pid)
    return sum(times.user + times.system for times in (one.cpu_times() for one in [parent, *parent.children()]))


def between(
    before: Mapping[int, ThreadCost], after: Mapping[int, ThreadCost], kinds: Mapping[int, str]
) -> defaultdict[str, float]:
    """Return the seconds of a CPU that each kind of thread took between two readings."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for number, cost in after.items():
        earlier = before.get(number)
        seconds[kinds.get(number, "others")] += cost.cpu - (earlier.cpu if earlier else 0.0)
    return seconds


def switches(before: Mapping[int, ThreadCost], after: Mapping[int, ThreadCost]) -> tuple[int, int]:
    """Return how often threads gave the CPU away, and had it taken away, between two readings."""
    given = sum(cost.given for cost in after.values()) - sum(cost.given for cost in before.values())
    taken = sum(cost.taken for cost in after.values()) - sum(cost.taken for cost in before.values())
    return given, taken
