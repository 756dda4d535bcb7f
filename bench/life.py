"""One webhook's life, stage by stage while nothing else happens, and what it costs the processors under full load."""

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct, structs

from bench.figures import Figure, Finding, percentile
from bench.flood import Flood, Flowing, Told
from bench.installation import Link, ProcessFailed, Served, install, process, temporary_folder
from bench.load import Load, Sender, run_load
from bench.process_costs import between, family_cpu, process_cpu, switches, thread_costs
from bench.scale import Scale
from bench.watched_serve import Account
from orderwright.eventstore.connect import LogPlace, open_log
from orderwright.eventstore.postmaster import find_postmaster

_RATE = 20.0
_MILLISECONDS = 1_000
_SLOW = 0.9
_REPORTED_WITHIN = 1.2
_STORED = "durable signal_received"
_ASKED = "queued order_requested"

_STAGES: Sequence[tuple[str, str]] = (
    ("reach the server and a thread of it", "entered"),
    ("read and parse", "parsed"),
    ("admit, and queue the signal's append", "queued signal_received"),
    ("wake the strategy account; decide; queue the order's append", "queued signal_accepted"),
    ("append the order until it is durable", "durable signal_accepted"),
    ("wake the strategy account, and reach the exchange", "called"),
    ("exchange", "answered"),
    ("wake the strategy account; decide; queue the outcome's append", "queued order_accepted"),
    ("append the outcome until it is durable", "durable order_accepted"),
    ("wake the HTTP thread", "woken"),
    ("build the reply", "replied"),
)
"""What happens, and the mark at its end; each begins where the one before ends."""

_LAST = "send the reply, and read it"

_COSTS: Sequence[tuple[str, str]] = (
    ("HttpServer._answer", "HTTP, Falcon included"),
    ("webhooks.parse_webhook", "  of it: parse"),
    ("Webhooks._answer", "  of it: build the reply"),
    ("SignalInbox.handle", "inbox"),
    ("StrategyAccount.handle", "strategy account"),
    ("strategy_account.decide_and_evolve", "  of it: decide and evolve"),
    ("Causes.seal", "  of it: encode and name events"),
    ("PaperGateway.submit", "  of it: the paper exchange"),
    ("writer.plan_batch", "writer: positions and hashes"),
    ("PostgresSink.write", "writer: the database's driver"),
)


class _Loaded(Struct, frozen=True, kw_only=True):
    """What full load cost: webhooks, seconds, CPU seconds by kind of thread and of others, switches, commits."""

    webhooks: int
    seconds: float
    threads: Mapping[str, float]
    costs: dict[str, float]
    database: float
    bare: float
    given: int
    taken: int
    commits: int
    events: int


def measure(scale: Scale) -> Finding:
    """Return the time of each stage of a webhook's life, and the CPU time of each part under full load.

    Raises:
        ProcessFailed: no webhook came by all the marks.
    """
    links = [Link(strategy=f"s{number:02}", account=f"A{number:02}") for number in range(scale.strategies)]
    with temporary_folder() as folder:
        senders = tuple(install(folder / "data", links).values())
        notes = folder / "account.json"
        with (
            process(["bench.watched_serve", str(notes), "--data", str(folder / "data"), "--port", "0"]) as served,
            process(["bench.bare"]) as bare,
        ):
            for port in (served.port, bare.port):
                run_load(Load(port=port, senders=senders, connections=1, seconds=60.0, most=4 * len(senders)))
            told = _one_at_a_time(served, senders, scale)
            lives = list(_lives(told, _reported(notes).marks))
            loaded = _under_load(served, bare, senders, scale, folder)
    if not lives:
        message = "no webhook came by all the marks: the product has changed, and the marks have not"
        raise ProcessFailed(message)
    figures = (*_stage_figures(lives), *_cost_figures(loaded))
    return Finding(title="Life", figures=figures, note=_note(lives, told, loaded))


def _one_at_a_time(served: Served, senders: tuple[Sender, ...], scale: Scale) -> list[Told]:
    flood = Flood(port=served.port, senders=senders, connections=1, seconds=scale.life_seconds, rate=_RATE)
    return Flowing(flood).told()


def _reported(notes: Path) -> Account:
    time.sleep(_REPORTED_WITHIN)
    return msgspec.json.decode(notes.read_bytes(), type=Account)


class _Life(Struct, frozen=True, kw_only=True):
    """Seconds of each stage, of storing the signal (beside some of them), and of the whole."""

    stages: list[float]
    storing: float
    whole: float


def _lives(told: Sequence[Told], marks: Sequence[tuple[str, float]]) -> Iterator[_Life]:
    ordered = sorted(marks, key=lambda mark: mark[1])
    moments = [moment for _, moment in ordered]
    for each in told:
        ends = each.due + each.seconds
        here = ordered[bisect_left(moments, each.due) : bisect_left(moments, ends)]
        first = dict(reversed(here))
        points = [each.due, *(first.get(mark, 0.0) for _, mark in _STAGES), ends]
        stages = [later - earlier for earlier, later in pairwise(points)]
        # One that had to ask for a price first has a longer life.
        if min(stages) >= 0 and _STORED in first and _ASKED not in first:
            storing = first[_STORED] - first["queued signal_received"]
            yield _Life(stages=stages, storing=storing, whole=each.seconds)


def _under_load(served: Served, bare: Served, senders: tuple[Sender, ...], scale: Scale, folder: Path) -> _Loaded:
    load = Load(port=served.port, senders=senders, connections=scale.connections, seconds=scale.round_seconds)
    server = find_postmaster(folder / "data" / "postgres" / "cluster")
    if server is None:
        message = "there is no PostgreSQL"
        raise ProcessFailed(message)
    run_load(load)
    earlier, batches, events = _reported(folder / "account.json"), *_log_size(folder / "data")
    whole, before, database = process_cpu(served.pid), thread_costs(served.pid), family_cpu(server.pid)
    answered = run_load(load)
    whole, after, database = (
        process_cpu(served.pid) - whole,
        thread_costs(served.pid),
        family_cpu(server.pid) - database,
    )
    later, commits, appended = _reported(folder / "account.json"), *_log_size(folder / "data")
    given, taken = switches(before, after)
    threads = between(before, after, later.threads)
    # Only a hand of the actors ends under load, when it was held up and another one has taken over.
    threads["actors"] += max(0.0, whole - sum(threads.values()))
    return _Loaded(
        webhooks=answered.taken,
        seconds=answered.seconds,
        threads=threads,
        costs={name: cost.cpu - earlier.costs[name].cpu for name, cost in later.costs.items() if name in earlier.costs},
        database=database,
        bare=_bare_cpu(bare, load),
        given=given,
        taken=taken,
        commits=commits - batches,
        events=appended - events,
    )


def _bare_cpu(bare: Served, load: Load) -> float:
    """Return the CPU seconds that the bare endpoint takes for one webhook of the load."""
    before = family_cpu(bare.pid)
    answered = run_load(structs.replace(load, port=bare.port))
    return (family_cpu(bare.pid) - before) / answered.taken


def _log_size(data: Path) -> tuple[int, int]:
    with open_log(LogPlace(directory=data)) as log:
        last = log.reader.last_batch()
        return (0, 0) if last is None else (last.batch_no, last.last_position)


def _stage_figures(lives: Sequence[_Life]) -> tuple[Figure, ...]:
    columns = [(name, [life.stages[place] for life in lives]) for place, name in enumerate(_names())]
    columns.append(("whole", [life.whole for life in lives]))
    columns.append(("beside: the signal's append until it is durable", [life.storing for life in lives]))
    return tuple(
        Figure(
            name=f"life: {name}",
            unit="ms",
            reached=median(seconds) * _MILLISECONDS,
            reference=percentile(seconds, _SLOW) * _MILLISECONDS,
            reference_name="in the slowest tenth, at least",
        )
        for name, seconds in columns
    )


def _names() -> list[str]:
    return [*(name for name, _ in _STAGES), _LAST]


def _cost_figures(loaded: _Loaded) -> tuple[Figure, ...]:
    def cost(name: str, seconds: float) -> Figure:
        return Figure(name=f"CPU: {name}", unit="ms", reached=seconds / loaded.webhooks * _MILLISECONDS)

    engine_whole = sum(loaded.threads.values()) / loaded.webhooks
    whole = Figure(
        name="CPU: engine, whole",
        unit="ms",
        reached=engine_whole * _MILLISECONDS,
        reference=loaded.bare * _MILLISECONDS,
        reference_name="bare endpoint, whole",
        ratio=engine_whole / loaded.bare,
    )
    kinds = [cost(f"threads: {kind}", seconds) for kind, seconds in _gathered(loaded.threads)]
    parts = [cost(name, loaded.costs.get(label, 0.0)) for label, name in _COSTS]
    return (whole, *kinds, *parts, cost("PostgreSQL's processes", loaded.database))


def _gathered(threads: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the kinds that take a hundredth or more, and the rest as one."""
    least = sum(threads.values()) / 100
    ranked = sorted(threads.items(), key=lambda one: -one[1])
    large = [(kind, seconds) for kind, seconds in ranked if seconds >= least]
    return [*large, ("all others", sum(threads.values()) - sum(seconds for _, seconds in large))]


def _note(lives: Sequence[_Life], told: Sequence[Told], loaded: _Loaded) -> str:
    per_second = loaded.webhooks / loaded.seconds
    return (
        f"Life: medians of {len(lives)} of {len(told)} MARKET orders at {_RATE:g} a second, those that found a fresh "
        "price; each on an engine that does nothing else, in-process paper exchange, stopwatches around the product's "
        "own functions, the whole as seen by the client. CPU: for each webhook under full load (closed loop, "
        f"{per_second:,.0f} a second, {loaded.webhooks:,} webhooks), by the threads' own clocks, to which the "
        "stopwatches add a little. Python lets one thread run at a time, so that the engine's whole allows about "
        f"{loaded.webhooks / sum(loaded.threads.values()):,.0f} webhooks a second. For each webhook there were "
        f"{loaded.commits / loaded.webhooks:.1f} commits of {loaded.events / loaded.commits:.1f} events, and threads "
        f"of the engine gave their processor away {loaded.given / loaded.webhooks:.0f} times and had it taken away "
        f"{loaded.taken / loaded.webhooks:.0f} times."
    )
