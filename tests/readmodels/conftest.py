"""Read models in a database of the test's own."""

from collections.abc import Iterator
from itertools import count

import pytest

from orderwright.readmodels.database import ReadModelDatabase
from tests.fixtures_database import TestDatabase

LOG_IDS = count(1)


@pytest.fixture
def read_models(database: TestDatabase) -> Iterator[ReadModelDatabase]:
    opened = ReadModelDatabase(database.place)
    yield opened
    opened.close()
