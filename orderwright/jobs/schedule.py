"""Runs jobs by the clock on threads of their own; whatever becomes of one, the others go on."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]
from msgspec import Struct
from msgspec.structs import replace

from orderwright.clock import Clock, monotonic
from orderwright.errors import OrderwrightError
from orderwright.moments import SECOND, Micros, from_datetime
from orderwright.readmodels.job_view import JobView

logger = logging.getLogger(__name__)

_THREADS: Final = 4


class JobFailed(OrderwrightError):
    """A job could not do all that it should; the message says what is left undone, and why."""


class Job(Struct, frozen=True, kw_only=True):
    """Something to do every so many microseconds, for the first time at once or after that long.

    `run` is given an event that is set when it should come to an end soon, and returns a sentence on what it did. It
    raises what it likes; an `OrderwrightError` for what is nobody's mistake.
    """

    name: str
    purpose: str
    every: int
    run: Callable[[threading.Event], str]
    at_once: bool = False


class Schedule:
    """Jobs and how their last runs went. A job that is still running when its time comes again waits for the next."""

    def __init__(self, jobs: Sequence[Job], *, clock: Clock, zone: tzinfo) -> None:
        self._jobs = tuple(jobs)
        self._clock = clock
        self._zone = zone
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._views = {job.name: _before_the_first_run(job) for job in jobs}
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._scheduler = BackgroundScheduler(
            timezone=zone,
            executors={"default": ThreadPoolExecutor(_THREADS)},
            # A run that could not begin in time begins late, and once, however many were missed.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Begin."""
        for job in self._jobs:
            trigger = IntervalTrigger(seconds=job.every / SECOND, timezone=self._zone)
            self._scheduler.add_job(self._run, trigger, [job], id=job.name)
            if job.at_once:
                self._scheduler.add_job(self._run, None, [job], id=f"{job.name} at once")
        self._scheduler.start()

    def close(self) -> None:
        """Begin no more runs, ask those under way to come to an end, and wait for it."""
        self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown()

    def views(self) -> tuple[JobView, ...]:
        """Return how each job is, by name."""
        with self._lock:
            views = [self._views[name] for name in sorted(self._views)]
        return tuple(replace(view, next_at=self._next_at(view.name)) for view in views)

    def conditions(self) -> dict[str, str]:
        """Return what is wrong with the jobs whose last run failed, by name."""
        with self._lock:
            return {f"job/{view.name}": f"failed: {view.error}" for view in self._views.values() if view.error}

    def _run(self, job: Job) -> None:
        began = monotonic()
        self._note_begin(job, self._clock.now())
        said, error = "", ""
        try:
            said = job.run(self._stopping)
        except OrderwrightError as failure:
            error = str(failure)
            logger.error("job %s failed: %s", job.name, error)  # noqa: TRY400 -- what is known to happen needs no trace
        except Exception as failure:
            # Whatever is wrong with one job is shown with it, and must not end the schedule of the others.
            error = f"{type(failure).__name__}: {failure}"
            logger.exception("job %s broke", job.name)
        self._note_end(job, said=said, error=error, took=int((monotonic() - began) * SECOND))

    def _note_begin(self, job: Job, began_at: Micros) -> None:
        with self._lock:
            view = self._views[job.name]
            self._views[job.name] = replace(view, runs=view.runs + 1, is_running=True, began_at=began_at)

    def _note_end(self, job: Job, *, said: str, error: str, took: int) -> None:
        with self._lock:
            view = self._views[job.name]
            self._views[job.name] = replace(
                view,
                failures=view.failures + bool(error),
                is_running=False,
                took=took,
                said=said or view.said,
                error=error,
            )

    def _next_at(self, name: str) -> Micros | None:
        scheduled = self._scheduler.get_job(name) if self._scheduler.running else None
        moment = None if scheduled is None else scheduled.next_run_time
        return None if moment is None else from_datetime(moment)


def _before_the_first_run(job: Job) -> JobView:
    return JobView(
        name=job.name,
        purpose=job.purpose,
        every=job.every,
        runs=0,
        failures=0,
        is_running=False,
        began_at=None,
        took=None,
        said="",
        error="",
        next_at=None,
    )
