"""What a resident idle strategy account costs in memory, and what the whole engine takes with a thousand of them."""

import time
from pathlib import Path

import httpx
import msgspec
import psutil

from bench.figures import Bar, Figure, Finding
from bench.installation import Link, ProcessFailed, engine, install, temporary_folder
from bench.scale import Scale
from orderwright.bootstrap import RunningEngine

_ACTOR_BAR = Bar(text="<= 40 KB", at_most=40.0)
_WHOLE_BAR = Bar(text="<= 200 MB", at_most=200.0)
_PATIENCE = 60.0
_SETTLE_SECONDS = 1.0
_KB, _MB = 1_000, 1_000_000


def measure(scale: Scale) -> Finding:
    """Return the memory of one idle actor (kilobytes) and of the whole engine (megabytes).

    Raises:
        ProcessFailed: not all strategy accounts came to life.
    """
    links = [
        Link(
            strategy=f"s{number // scale.accounts_per_strategy:03}",
            account=f"A{number % scale.accounts_per_strategy:03}",
        )
        for number in range(scale.idle_accounts)
    ]
    with temporary_folder() as folder:
        install(folder / "data", links)
        with engine(folder / "data") as served:
            serving = psutil.Process(served.pid)
            before = _settled(serving)
            seconds = _wake_all(folder / "data", len(links))
            after = _settled(serving)
            threads = serving.num_threads()
    figures = (
        Figure(
            name="memory per resident idle strategy account",
            unit="KB",
            reached=(after - before) / len(links) / _KB,
            bar=_ACTOR_BAR,
        ),
        Figure(
            name=f"memory of serve with {len(links):,} strategy accounts",
            unit="MB",
            reached=after / _MB,
            bar=_WHOLE_BAR,
        ),
    )
    note = (
        f"Resident set size before any strategy account was awake ({before / _MB:.0f} MB) and after all {len(links):,} "
        f"were, idle ({threads:,} threads in all), woken within {seconds:.1f} s by listing them. "
        "PostgreSQL's processes are not in it."
    )
    return Finding(title="Memory", figures=figures, note=note)


def _settled(process: psutil.Process) -> int:
    time.sleep(_SETTLE_SECONDS)
    return int(process.memory_info().rss)


def _wake_all(data: Path, expected: int) -> float:
    running = msgspec.json.decode((data / "engine.json").read_bytes(), type=RunningEngine)
    began = time.perf_counter()
    with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {running.token}"}) as client:
        while time.perf_counter() < began + _PATIENCE:
            answer = client.get("/api/v1/strategy-accounts", timeout=_PATIENCE)
            answer.raise_for_status()
            accounts = answer.json()["strategy_accounts"]
            if len(accounts) == expected and all(account["condition"] != "unreachable" for account in accounts):
                return time.perf_counter() - began
    message = f"not all of the {expected} strategy accounts came to life"
    raise ProcessFailed(message)
