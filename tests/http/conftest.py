"""The fake engine with a public and a private strategy, and a client that talks to the application in-process."""

from collections.abc import Mapping

import falcon.testing
import pytest
from msgspec.structs import replace

from orderwright.config.load import load_config
from orderwright.config.schema import Config
from orderwright.http.app import create_app
from orderwright.http.capacity import Capacity
from tests.http.fake_engine import FakeEngine

DECLARATION = """
users = [{name = "alice"}, {name = "bob"}, {name = "carol"}]
accounts = [
    {name = "A1", owner = "alice", exchange = "paper"},
    {name = "A2", owner = "alice", exchange = "paper"},
    {name = "B1", owner = "bob", exchange = "paper"},
]
strategies = [
    {group_name = "test1", owner = "alice", market_type = "FUTURES", public = true},
    {group_name = "quiet", owner = "carol", market_type = "SPOT"},
    {group_name = "off", owner = "alice", market_type = "SPOT", active = false},
]
links = [
    {strategy = "test1", account = "A1"},
    {strategy = "test1", account = "A2"},
    {strategy = "test1", account = "B1"},
    {strategy = "off", account = "A1"},
]
"""

Tokens = Mapping[tuple[str, str], str]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def tokens(engine: FakeEngine) -> Tokens:
    return engine.declare(DECLARATION)


@pytest.fixture
def config() -> Config:
    loaded = load_config(None, {})
    return replace(loaded, http=replace(loaded.http, port=0, threads=8, webhook_wait=200_000, shutdown_wait=2_000_000))


@pytest.fixture
def capacity(config: Config) -> Capacity:
    return Capacity(config.http.threads)


@pytest.fixture
def client(engine: FakeEngine, config: Config, capacity: Capacity) -> falcon.testing.TestClient:
    return falcon.testing.TestClient(create_app(engine, config, capacity))
