"""`bench/RESULTS.md`: the latest runs, newest first, each with its date and the machine it ran on."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
from msgspec import Struct

from bench.figures import Figure, Finding, missed, table
from orderwright import __version__

FILE = Path(__file__).with_name("RESULTS.md")

_HEAD = """\
# Results

What `python -m bench` has measured, newest first; a run puts itself on top and the oldest goes. Each figure stands
beside its reference, measured in the same run on the same machine: compare ratios, not figures of different machines.
"""
_RUN = "## Run of "
_KEPT = 5
_LOOK_SECONDS = 1.0


class Run(Struct, frozen=True, kw_only=True):
    """One run of some benchmarks."""

    at: datetime
    machine: str
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def figures(self) -> list[Figure]:
        """Return the figures of all findings."""
        return [figure for finding in self.findings for figure in finding.figures]


def machine() -> str:
    """Return what this machine is and how busy it is with other things, in words."""
    load = os.getloadavg()[0]
    memory = psutil.virtual_memory().total / 1_000_000_000
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load average before the run {load:.1f}"
    )


def busy_share() -> str:
    """Return in words how busy the processors are, before what is measured begins."""
    share = psutil.cpu_percent(interval=_LOOK_SECONDS) / 100
    return f"Right before, others kept {share:.0%} of the processors busy."


def begun_now() -> datetime:
    """Return the moment, for a run's date."""
    return datetime.now(UTC)


def section(run: Run) -> str:
    """Return a run as Markdown."""
    notes = [f"- {finding.title}: {finding.note}" for finding in run.findings if finding.note]
    lines = [
        f"{_RUN}{run.at:%Y-%m-%d %H:%M} UTC",
        "",
        f"Orderwright {__version__}; {run.machine}; took {run.seconds:.0f} s.",
        "",
        table(run.figures),
        "",
        missed(run.figures),
        "",
        *notes,
        "",
    ]
    return "\n".join(lines)


def record(run: Run, file: Path) -> None:
    """Put the run on top of the file, which is made if there is none; only the newest few stay."""
    text = file.read_text() if file.exists() else ""
    earlier = [_RUN + part for part in text.split(f"\n{_RUN}")[1:]]
    sections: Sequence[str] = [section(run), *earlier][:_KEPT]
    file.write_text("\n".join([_HEAD, *(part.rstrip() + "\n" for part in sections)]))
