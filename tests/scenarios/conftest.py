"""One engine and one paper exchange, both processes, for all scenarios; each test trades on strategies of its own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineProcess, installation
from tests.scenarios.desk import Desk

CONFIG = """
[orders]
poll_interval = "300ms"

[logging]
level = "WARNING"
"""

_NUMBERS = count(1)


@pytest.fixture(scope="session")
def exchange(open_folder: Path) -> Iterator[PaperProcess]:
    """Yield a paper exchange that outlives the engine, with prices that stand still."""
    process = PaperProcess(open_folder / "paper")
    yield process
    process.kill()


@pytest.fixture(scope="session")
def engine(open_folder: Path) -> Iterator[EngineProcess]:
    """Yield an engine that takes webhooks."""
    with installation(open_folder, CONFIG) as place, EngineProcess(place) as engine:
        yield engine.ready()


@pytest.fixture
def desk(engine: EngineProcess, exchange: PaperProcess) -> Iterator[Desk]:
    """Yield a desk whose names no other test uses; at the end nothing of it is open any more."""
    with engine.client() as client:
        desk = Desk(client, exchange, next(_NUMBERS))
        yield desk
        desk.clear()
