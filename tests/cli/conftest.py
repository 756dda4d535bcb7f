"""One installation with an engine for all tests of the command line; those that need a stopped one make their own."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from msgspec import Struct

from orderwright.cli.main import main
from tests.processes import CommandResult, EngineProcess, Place, installation

DECLARATION = """
[[users]]
name = "alice"
[[accounts]]
name = "A1"
owner = "alice"
exchange = "paper"
balances = { USDT = "100000" }
[[strategies]]
group_name = "test1"
owner = "alice"
market_type = "FUTURES"
[[links]]
strategy = "test1"
account = "A1"
capital = { USDT = "10000" }
leverage = 2
"""


class Traded(Struct, frozen=True, kw_only=True):
    """A running engine on which one alert was traded: a MARKET buy of 10 % and a LIMIT sell that rests."""

    engine: EngineProcess
    token: str
    signal_id: str
    declaration: Path

    @property
    def options(self) -> tuple[object, ...]:
        return self.engine.place.options


@pytest.fixture(scope="package")
def traded(open_folder: Path) -> Iterator[Traded]:
    with installation(open_folder, '[paper]\nfeed = "fixed"\n') as place:
        declaration = place.data.parent / "declaration.toml"
        declaration.write_text(DECLARATION, "utf-8")
        token = place.apply(DECLARATION)["tokens"][0]["token"]
        with EngineProcess(place) as engine, engine.ready().client() as client:
            orders = [
                {"order_type": "MARKET", "symbol": "BTCUSDT", "side": "buy", "qty_per": 10},
                {"order_type": "LIMIT", "symbol": "ETHUSDT", "side": "sell", "price": 5000, "qty_per": 10},
            ]
            reply = client.webhook({"group_name": "test1", "token": token, "orders": orders}).json()
            assert reply["summary"]["successful_trades"] == 2, reply
            yield Traded(engine=engine, token=token, signal_id=reply["signal_id"], declaration=declaration)


@pytest.fixture(scope="package")
def stopped(open_folder: Path) -> Iterator[Place]:
    """Yield an installation on which no engine runs, and which no test changes."""
    with installation(open_folder) as place:
        yield place


class Run(Protocol):
    def __call__(self, *words: object) -> CommandResult: ...


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Yield a way to run a command to its end within this process, which is quicker than a process of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def command(*words: object) -> CommandResult:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        assert isinstance(ended.value.code, int)
        written = capsys.readouterr()
        return CommandResult(code=ended.value.code, out=written.out, err=written.err)

    yield command
    root.handlers[:] = handlers
    root.setLevel(level)
