"""What becomes of webhooks at five times the engine's capacity, and how soon afterwards all is as before."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
import psutil
from msgspec import Struct

from bench.figures import Bar, Figure, Finding, percentile
from bench.flood import Flood, Flowing, Told
from bench.installation import Link, ProcessFailed, Served, engine, install, temporary_folder
from bench.load import Load, Sender, run_load
from bench.scale import Scale
from orderwright.eventstore.connect import LogPlace, open_log

_TIMES = 5
_PROBES_PER_SECOND = 20.0
_PROBE_CONNECTIONS = 100
_FLOOD_CONNECTIONS = 1_000
_CALM_SECONDS = 3.0
_MEMORY_SECONDS = 5.0
_EARLY_SECONDS = 3.0
_NORMAL_SHARE = 0.95
_NORMAL_SECONDS = 0.25
_LOOK_SECONDS = 0.25
_SETTLED_WITHIN = 60.0
_MB = 1_000_000
_NONE = Bar(text="none", at_most=0.0)
_FLAT = Bar(text="flat: <= 1.1 x early", at_most=1.1, is_ratio=True)
_SOON = Bar(text="<= 5 s", at_most=5.0)


class _Course(Struct, frozen=True, kw_only=True):
    """What was seen: capacity (webhooks a second), every webhook, and the memory over time in megabytes."""

    capacity: float
    flood: list[Told]
    probes: list[Told]
    flood_began: float
    flood_ended: float
    megabytes: list[float]

    @property
    def early_megabytes(self) -> float:
        """Return the most that was taken while connections and caches came to be."""
        return max(self.megabytes[: int(_EARLY_SECONDS / _LOOK_SECONDS)])


class _Stored(Struct, frozen=True, kw_only=True):
    """What the log has: ids of the signals that were stored, and how many have no end."""

    ids: set[str]
    endless: int


class _Body(Struct, frozen=True):
    key: str | None = None


def measure(scale: Scale) -> Finding:
    """Return what became of webhooks at five times the capacity, and when the engine was as before.

    Raises:
        ProcessFailed: some stored signals had no end a minute later.
    """
    links = [Link(strategy=f"s{number:02}", account=f"A{number:02}") for number in range(scale.strategies)]
    links.append(Link(strategy="probe", account="probe"))
    with temporary_folder() as folder:
        senders = install(folder / "data", links)
        probe = senders.pop("probe")
        with engine(folder / "data") as served:
            course = _run(served, tuple(senders.values()), probe, scale)
            _await_the_end(folder / "data")
        stored = _stored(folder / "data")
    return Finding(title="Overload", figures=_figures(course, stored, scale), note=_note(course, stored, scale))


def _run(served: Served, senders: tuple[Sender, ...], probe: Sender, scale: Scale) -> _Course:
    for seconds in (scale.round_seconds / 3, scale.round_seconds):
        closed = Load(port=served.port, senders=senders, connections=scale.connections, seconds=seconds)
        capacity = run_load(closed).per_second
    seconds = scale.overload_seconds
    probing = Flowing(
        Flood(
            port=served.port,
            senders=(probe,),
            connections=_PROBE_CONNECTIONS,
            seconds=_CALM_SECONDS + seconds + scale.aftermath_seconds,
            rate=_PROBES_PER_SECOND,
        )
    )
    time.sleep(_CALM_SECONDS)
    process = psutil.Process(served.pid)
    megabytes = [process.memory_info().rss / _MB]
    flooding = Flowing(
        Flood(
            port=served.port,
            senders=senders,
            connections=_FLOOD_CONNECTIONS,
            seconds=seconds,
            rate=_TIMES * capacity,
        )
    )
    ends = time.perf_counter() + seconds + _MEMORY_SECONDS
    while time.perf_counter() < ends:
        time.sleep(_LOOK_SECONDS)
        megabytes.append(process.memory_info().rss / _MB)
    flood = flooding.told()
    return _Course(
        capacity=capacity,
        flood=flood,
        probes=probing.told(),
        flood_began=min(told.due for told in flood),
        flood_ended=max(told.due for told in flood),
        megabytes=megabytes,
    )


def _await_the_end(data: Path) -> None:
    ends = time.perf_counter() + _SETTLED_WITHIN
    with open_log(LogPlace(directory=data)) as log:
        while log.reader.streams(attention_only=True):
            if time.perf_counter() > ends:
                message = "some stored signals have not come to an end"
                raise ProcessFailed(message)
            time.sleep(_LOOK_SECONDS)


def _stored(data: Path) -> _Stored:
    ids, open_signals = set(), set()
    with open_log(LogPlace(directory=data)) as log:
        for event in log.reader.read_all():
            if event.type == "signal_received":
                ids.add(msgspec.json.decode(event.payload, type=_Body).key or "")
                open_signals.add(event.correlation)
            elif event.type == "signal_finished":
                open_signals.discard(event.correlation)
    return _Stored(ids=ids, endless=len(open_signals))


def _figures(course: _Course, stored: _Stored, scale: Scale) -> tuple[Figure, ...]:
    everything = [*course.flood, *course.probes]
    lost = sum(told.status.startswith("2") and told.id not in stored.ids for told in everything) + stored.endless
    stored_after_all = sum(told.status.startswith("5") and told.id in stored.ids for told in everything)
    taken = sum(told.status.startswith("2") for told in course.flood)
    seconds = max(told.due + told.seconds for told in course.flood) - course.flood_began
    name = f"overload at {_TIMES} x capacity"
    return (
        Figure(
            name=f"{name}: webhooks taken/s",
            unit="/s",
            reached=taken / seconds,
            reference=course.capacity,
            reference_name="capacity, closed loop",
            ratio=taken / seconds / course.capacity,
        ),
        Figure(name=f"{name}: answered 2xx and lost, or stored without an end", unit="", reached=lost, bar=_NONE),
        Figure(name=f"{name}: answered 503 and stored all the same", unit="", reached=stored_after_all, bar=_NONE),
        Figure(
            name=f"{name}: memory at most",
            unit="MB",
            reached=max(course.megabytes),
            reference=course.early_megabytes,
            reference_name=f"in its first {_EARLY_SECONDS:g} s",
            ratio=max(course.megabytes) / course.early_megabytes,
            bar=_FLAT,
        ),
        Figure(
            name=f"{name}: normal again after", unit="s", reached=_recovery(course, scale.aftermath_seconds), bar=_SOON
        ),
    )


def _recovery(course: _Course, watched: float) -> float:
    """Return the seconds from the flood's end to the first second from which on webhooks are as in calm times."""
    usual = _usual_limit(course)
    last_bad = 0.0
    for second in range(int(watched)):
        begins = course.flood_ended + second
        probes = [told for told in course.probes if begins <= told.due < begins + 1]
        normal = sum(told.status == "200" and told.seconds <= usual for told in probes)
        if probes and normal < _NORMAL_SHARE * len(probes):
            last_bad = second + 1.0
    return last_bad


def _usual_limit(course: _Course) -> float:
    calm = [told.seconds for told in course.probes if told.due < course.flood_began]
    return max(_NORMAL_SECONDS, 2 * percentile(calm, 0.99))


def _note(course: _Course, stored: _Stored, scale: Scale) -> str:
    statuses = ", ".join(f"{number:,} {status}" for status, number in sorted(_fates(course.flood).items()))
    during = [told for told in course.probes if course.flood_began <= told.due <= course.flood_ended]
    unknown = sum(not told.status.isdigit() and told.id in stored.ids for told in course.flood)
    seconds = [told.seconds for told in course.flood if told.status.isdigit()] or [0.0]
    return (
        f"{len(course.flood):,} webhooks within {scale.overload_seconds:g} s, open loop, over {_FLOOD_CONNECTIONS:,} "
        "connections, each given up after 3 s as TradingView does: "
        f"{statuses}; answers took {median(seconds):.2f} s (median), at most {max(seconds):.2f} s. Of those given up, "
        f"{unknown:,} were stored, which a re-send is told. Another strategy's webhooks, {_PROBES_PER_SECOND:g} a "
        f"second before, during and after: during the flood {_of(during)}. Normal is a second in which 95 % of those "
        f"are answered 200 within {_usual_limit(course):.2f} s, if all later seconds are so too; after "
        f"{scale.aftermath_seconds:g} s nobody looked any more. Ids of what was taken "
        "are remembered for a day, which is part of the memory, and so are the connections; before the flood it was "
        f"{course.megabytes[0]:.0f} MB."
    )


def _fates(told: Sequence[Told]) -> Counter[str]:
    return Counter(each.status for each in told)


def _of(told: Sequence[Told]) -> str:
    return ", ".join(f"{number:,} {status}" for status, number in sorted(_fates(told).items()))
