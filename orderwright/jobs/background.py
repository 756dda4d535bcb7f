"""What works beside a running engine, and without which it trades all the same: the read models and the jobs."""

from collections.abc import Sequence
from datetime import UTC

from orderwright.actors.drift import Drifts
from orderwright.clock import Clock
from orderwright.config.schema import Config
from orderwright.config.zones import find_zone
from orderwright.eventstore.connect import WritableLog
from orderwright.jobs.schedule import Schedule
from orderwright.jobs.shipped import WorkingEngine, shipped_jobs
from orderwright.readmodels.database import ReadModelDatabase
from orderwright.readmodels.job_view import JobView
from orderwright.readmodels.projections import Projections
from orderwright.readmodels.projector import Projector
from orderwright.readmodels.read_models import ReadModels


class Background:
    """Made before the engine begins, started when it runs, closed before its log is."""

    def __init__(self, config: Config, *, clock: Clock, engine: WorkingEngine, log: WritableLog) -> None:
        log_id = log.reader.log_id
        self._database = ReadModelDatabase(log.database)
        self.read_models = ReadModels(self._database, log_id=log_id)
        self._projector = Projector(Projections(reader=log.reader, database=self._database, log_id=log_id))
        self.drifts = Drifts(
            catalogue=engine.catalogue,
            log=lambda catalogue: self.read_models.holdings(catalogue, head=log.reader.head_position()),
            exchange=engine.exchange_books,
            alarms=lambda: engine.alarms,
            clock=clock,
        )
        jobs = shipped_jobs(
            config,
            clock=clock,
            engine=engine,
            drifts=self.drifts,
            book=self.read_models,
            reader=log.reader,
            snapshots=log.snapshots,
            database=log.database,
        )
        self._schedule = Schedule(jobs, clock=clock, zone=find_zone(config.jobs.zone) or UTC)

    def start(self) -> None:
        """Begin."""
        self._projector.start()
        self._schedule.start()

    def close(self) -> None:
        """Come to an end, whether or not it ever began."""
        self._schedule.close()
        self._projector.close()
        self._database.close()

    def jobs(self) -> Sequence[JobView]:
        """Return how each job is."""
        return self._schedule.views()

    def conditions(self) -> dict[str, str]:
        """Return how the read models are, and what is wrong with jobs."""
        return self._projector.conditions() | self._schedule.conditions()
