"""What a process holds while it runs (memory, threads, descriptors), and whether that grows."""

from collections.abc import Sequence
from statistics import fmean

import psutil
from msgspec import Struct

_MB = 1_000_000


class Vitals(Struct, frozen=True, kw_only=True):
    """What a process held `at` a moment (seconds): megabytes of resident memory, threads, file descriptors."""

    at: float
    megabytes: float
    threads: float
    descriptors: float


class Trend(Struct, frozen=True, kw_only=True):
    """How a quantity went: its mean, its extremes, and by how much its fitted line rises from first to last."""

    mean: float
    least: float
    most: float
    growth: float

    @property
    def share(self) -> float:
        """The growth as a share of the mean."""
        return self.growth / self.mean


def read_vitals(pid: int, at: float) -> Vitals:
    process = psutil.Process(pid)
    return Vitals(
        at=at,
        megabytes=process.memory_info().rss / _MB,
        threads=process.num_threads(),
        descriptors=process.num_fds(),
    )


def trend(moments: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit a line by least squares."""
    middle, mean = fmean(moments), fmean(values)
    spread = sum((at - middle) ** 2 for at in moments)
    slope = sum((at - middle) * (value - mean) for at, value in zip(moments, values, strict=True)) / spread
    return Trend(mean=mean, least=min(values), most=max(values), growth=slope * (moments[-1] - moments[0]))


def trends(vitals: Sequence[Vitals]) -> dict[str, Trend]:
    moments = [each.at for each in vitals]
    return {
        name: trend(moments, [getattr(each, name) for each in vitals])
        for name in ("megabytes", "threads", "descriptors")
    }
