"""Many runs on all cores: jobs for worker processes, and what came of them, added up by scenario."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from enum import StrEnum
from multiprocessing import get_context
from time import process_time

from msgspec import Struct, field

from tests.simulation.drivers import SimulationFailed, check, exhaustive_plans, pair_plans
from tests.simulation.faults import Fault
from tests.simulation.plans import random_plan
from tests.simulation.scenario import Scenario, all_scenarios
from tests.simulation.simulation import Plan, TakeOver


class Driver(StrEnum):
    """Where a job's plans come from."""

    SWARM = "swarm"
    EXHAUSTIVE = "exhaustive"
    PAIRS = "pairs"


class Job(Struct, frozen=True, kw_only=True):
    """A share of a driver's plans for one scenario: seeds from `first` on, or every so many of all, from `first` on."""

    driver: Driver
    scenario: str
    first: int
    count: int


class Tally(Struct, kw_only=True):
    """What came of runs; `failure` tells the first that failed, `seconds` are processor time."""

    runs: int = 0
    steps: int = 0
    seconds: float = 0
    crashes: int = 0
    take_overs: int = 0
    faults: Counter[Fault] = field(default_factory=Counter)
    failed: int = 0
    failure: str = ""

    def add(self, other: "Tally") -> None:
        """Take in what came of other runs."""
        self.runs += other.runs
        self.steps += other.steps
        self.seconds += other.seconds
        self.crashes += other.crashes
        self.take_overs += other.take_overs
        self.faults = self.faults + other.faults
        self.failed += other.failed
        self.failure = self.failure or other.failure

    @property
    def a_minute(self) -> float:
        """How many such runs one core does in a minute."""
        return 60 * self.runs / self.seconds if self.seconds else 0.0


def in_parts(driver: Driver, scenario: str, *, first: int = 0, count: int, parts: int = 4) -> list[Job]:
    """Return jobs for so many seeds, or for the whole of another driver, in about so many parts."""
    if driver is not Driver.SWARM:
        return [Job(driver=driver, scenario=scenario, first=part, count=parts) for part in range(parts)]
    size = -(-count // parts)
    return [
        Job(driver=driver, scenario=scenario, first=first + begin, count=min(size, count - begin))
        for begin in range(0, count, size)
    ]


def run_all(jobs: Sequence[Job], *, progress: Callable[[Tally], None]) -> dict[str, Tally]:
    """Do the jobs on all cores; return what came of them by scenario. `progress` hears of all so far after each."""
    tallies: dict[str, Tally] = {}
    whole = Tally()
    with ProcessPoolExecutor(_cores(), mp_context=get_context("spawn"), initializer=_hush) as pool:
        waiting = {pool.submit(do, job): job for job in jobs}
        for done in as_completed(waiting):
            tallies.setdefault(waiting[done].scenario, Tally()).add(done.result())
            whole.add(done.result())
            progress(whole)
    return dict(sorted(tallies.items()))


def do(job: Job) -> Tally:
    """Do one job in this process."""
    tally, began = Tally(), process_time()
    scenario = all_scenarios()[job.scenario]
    for plan in _plans(job, scenario):
        tally.runs += 1
        try:
            run = check(scenario, plan)
        except SimulationFailed as failure:
            tally.failed += 1
            tally.failure = tally.failure or str(failure)
            continue
        tally.steps += run.world.step
        tally.faults += run.faults.counts
        take_overs = sum(isinstance(each, TakeOver) for each in plan.disturbances)
        tally.take_overs += take_overs
        tally.crashes += len(plan.disturbances) - take_overs
    tally.seconds = process_time() - began
    return tally


def _plans(job: Job, scenario: Scenario) -> Iterator[Plan]:
    match job.driver:
        case Driver.SWARM:
            for seed in range(job.first, job.first + job.count):
                yield random_plan(scenario, seed)
        case Driver.EXHAUSTIVE:
            yield from _every(exhaustive_plans(scenario), job)
        case Driver.PAIRS:
            yield from _every(pair_plans(scenario), job)


def _every(plans: Iterator[Plan], job: Job) -> Iterator[Plan]:
    for number, plan in enumerate(plans):
        if number % job.count == job.first:
            yield plan


def _hush() -> None:
    logging.disable(logging.CRITICAL)
    os.nice(5)


def _cores() -> int:
    return int(os.environ.get("WORKERS", "0")) or len(os.sched_getaffinity(0))
