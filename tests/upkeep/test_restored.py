"""A log that was restored knows nothing of what happened since: nothing leaves before that was looked into."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from orderwright.cli import exits
from tests.exchanges.paper_process import PaperProcess
from tests.processes import EngineClient, Place, installation, orderwright, wait_until
from tests.upkeep.trading import QUIET, Trader, engine_on, trader_on

pytestmark = pytest.mark.timeout(300)

CONFIG = QUIET + '[jobs]\ndrift = "1s"\n[orders]\npoll_interval = "300ms"\n'


@pytest.fixture
def home(open_folder: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def exchange(home: Path) -> Iterator[PaperProcess]:
    """Yield a paper exchange that goes on, whatever becomes of the engine's data."""
    process = PaperProcess(home / "paper")
    yield process
    process.kill()


@pytest.fixture
def place(open_folder: Path) -> Iterator[Place]:
    with installation(open_folder, CONFIG) as place:
        yield place


@pytest.fixture
def trader(place: Place, exchange: PaperProcess) -> Trader:
    return trader_on(place, url=exchange.url)


def drift(client: EngineClient, place: Place) -> dict[str, Any]:
    """Return how the one exchange account compares."""
    (account,) = client.get("/api/v1/drift", place.admin_token).json()["accounts"]
    return dict(account)


def is_alarmed(client: EngineClient) -> bool:
    return any(alarm["kind"] == "drift" and alarm["cleared"] is None for alarm in client.alarms())


def backed_up_and_traded_on(place: Place, trader: Trader, home: Path) -> Place:
    """Back up a position and a resting order, let the engine trade on, and restore the backup elsewhere."""
    target = replace(place, data=home / "restored")
    with engine_on(place) as (_engine, client):
        trader.placed(client, order_type="MARKET", qty="0.02")
        trader.placed(client, price=10_000)
        assert orderwright("backup", home / "monday", *place.options, "--no-check").code == exits.OK
        trader.placed(client, order_type="MARKET", qty="0.03")
        trader.placed(client, order_type="MARKET", symbol="ETH/USDT", qty="0.5")
    told = orderwright("restore", home / "monday", *target.options)
    assert (told.code, "halted" in told.out) == (exits.OK, True)
    return target


def test_after_a_restore_nothing_leaves_until_drift_was_seen_and_accepted(
    place: Place, trader: Trader, home: Path
) -> None:
    target = backed_up_and_traded_on(place, trader, home)

    with engine_on(target) as (_engine, client):
        refused = trader.order(client, price=10_001).json()["results"][0]
        assert (refused["status"], refused["code"]) == ("refused", "halted")
        assert "restored from a backup" in refused["error"]

        holdings = {row["name"]: row for row in drift(client, target)["holdings"]}
        assert (holdings["BTC/USDT"]["in_log"], holdings["BTC/USDT"]["at_exchange"]) == ("0.02", "0.05")
        assert [holdings[name]["verdict"] for name in ("BTC/USDT", "ETH/USDT")] == ["differs", "unowned"]
        wait_until(lambda: is_alarmed(client), what="the alarm")
        told = orderwright("drift", *target.options)
        assert "0 of 1 exchange accounts agree" in told.out

        kept = orderwright("lift", "--why", "hopeful", *target.options)
        assert kept.code == exits.REFUSED
        assert "--accept-drift" in kept.err
        assert "BTC/USDT: 0.02 in the log, 0.05 at the exchange" in kept.err
        assert trader.order(client, price=10_001).json()["results"][0]["code"] == "halted"

        lifted = orderwright("lift", "--why", "the rest is mine", "--accept-drift", *target.options)
        assert lifted.code == exits.OK
        trader.placed(client, price=10_001)


def test_what_differs_can_be_put_right_and_then_the_halt_is_lifted_without_more(
    place: Place, trader: Trader, home: Path
) -> None:
    target = backed_up_and_traded_on(place, trader, home)

    with engine_on(target) as (_engine, client):
        wait_until(lambda: is_alarmed(client), what="the alarm")
        assert client.operate("test1", "A1", "cancel-all", why="what it may buy is not to be adopted").json()["done"]
        for symbol, amount in (("BTC/USDT", "0.03"), ("ETH/USDT", "0.5")):
            adopted = client.post(
                "/api/v1/strategy-accounts/test1/A1/adopt", symbol=symbol, amount=amount, price="100", why="ours"
            )
            assert adopted.json()["done"], adopted.text

        assert drift(client, target)["settled"]
        wait_until(lambda: not is_alarmed(client), what="the end of the alarm")
        assert client.post("/api/v1/resume", why="all adopted").status_code == httpx.codes.OK
        assert client.strategy_account("test1", "A1")["halted"] is None


def test_the_halt_of_a_restore_survives_a_restart_and_stops_a_liquidation_too(
    place: Place, trader: Trader, home: Path
) -> None:
    target = backed_up_and_traded_on(place, trader, home)

    with engine_on(target):
        pass
    with engine_on(target) as (_engine, client):
        client.operate("test1", "A1", "liquidate", why="get out")
        view = client.strategy_account("test1", "A1")
        assert view["condition"] == "liquidating"
        assert [position["quantity"] for position in view["positions"]] == ["0.02"]
        assert client.post("/api/v1/resume", why="sell", accept_drift=True).status_code == httpx.codes.OK
        wait_until(
            lambda: client.strategy_account("test1", "A1")["condition"] == "active", what="the end of the liquidation"
        )
        rows = client.strategy_account("test1", "A1")["positions"]
        assert all(float(position["quantity"]) == 0 for position in rows)
