"""What an engine takes with ten thousand strategy accounts declared, of which two hundred trade: memory and start."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from msgspec import Struct

from bench.figures import Figure, Finding
from bench.installation import Link, Served, engine, install, temporary_folder
from bench.load import LoadFailed, Sender
from bench.scale import Scale

_PATIENCE = 60.0
_SETTLE_SECONDS = 1.0
_MB = 1_000_000


class _Reading(Struct, frozen=True, kw_only=True):
    megabytes: float
    threads: int


def measure(scale: Scale) -> Finding:
    """Return the memory of the engine with so many strategy accounts, and how long it takes to start.

    Raises:
        LoadFailed: a webhook was not answered 200.
    """
    links = declared_links(scale.declared_accounts, scale.accounts_per_group)
    with temporary_folder() as folder:
        began = time.perf_counter()
        senders = list(install(folder / "data", links).values())[: scale.active_accounts // scale.accounts_per_group]
        applied = time.perf_counter() - began
        with _started(folder / "data") as (served, first_start):
            idle = _read(served)
            trade(served, senders, {"order_type": "LIMIT", "side": "buy", "qty": "0.01", "price": "50000"})
        with _started(folder / "data") as (served, start):
            trade(served, senders, {"order_type": "MARKET", "side": "buy", "qty": "0.01"})
            active = _read(served)
    name = f"{len(links):,} strategy accounts declared, {scale.active_accounts:,} active"
    figures = (
        Figure(name=f"memory of serve, {name}", unit="MB", reached=active.megabytes),
        Figure(name=f"start, {name}", unit="s", reached=start),
    )
    note = (
        f"{len({link.strategy for link in links}):,} strategies on {len({link.account for link in links}):,} accounts. "
        f"Declaring them took {applied:.1f} s. The first start, with none active, took {first_start:.1f} s, and the "
        f"engine {idle.megabytes:.0f} MB with {idle.threads:,} threads. Then each active one was left an open LIMIT "
        "order and the engine was stopped; the start that is shown looks each of them up, from the process's beginning "
        "to the line that says it is ready. The memory shown is that after a MARKET order on each of them, with "
        f"{active.threads:,} threads. PostgreSQL's processes are not in it."
    )
    return Finding(title="Declared", figures=figures, note=note)


def declared_links(number: int, group: int) -> list[Link]:
    """Return that many links, in groups of so many strategies that are all on the same so many accounts."""
    links = []
    for index in range(number):
        strategy, place = divmod(index, group)
        links.append(Link(strategy=f"s{strategy:04}", account=f"A{strategy // group * group + place:04}"))
    return links


@contextmanager
def _started(data: Path) -> Iterator[tuple[Served, float]]:
    began = time.perf_counter()
    with engine(data) as served:
        yield served, time.perf_counter() - began


def _read(served: Served) -> _Reading:
    time.sleep(_SETTLE_SECONDS)
    process = psutil.Process(served.pid)
    return _Reading(megabytes=process.memory_info().rss / _MB, threads=process.num_threads())


def trade(served: Served, senders: Sequence[Sender], order: dict[str, str]) -> None:
    """Let each sender send an order, one after the other.

    Raises:
        LoadFailed: a webhook was not answered 200.
    """
    with httpx.Client(base_url=served.url, timeout=_PATIENCE, trust_env=False) as client:
        for sender in senders:
            body = {"group_name": sender.strategy, "token": sender.token, "symbol": "BTC/USDT", **order}
            answer = client.post("/api/webhook", json=body)
            if answer.status_code != httpx.codes.OK:
                message = f"a webhook was answered {answer.status_code}: {answer.text}"
                raise LoadFailed(message)
